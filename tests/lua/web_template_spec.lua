local fs = require("moonloop.fs")
local support = require("support")
local task = require("moonloop.task")
local views_of = require("moonloop.web.views")

describe("a template", function()
	local dir

	before_each(function()
		dir = assert(fs.tempdir())
	end)
	after_each(function()
		dir:close()
	end)

	local function put(name, text)
		assert(fs.write(dir.path .. "/" .. name, text))
	end

	local function render(text, vars, options)
		put("t.html", text)
		return tostring(views_of(dir.path, options):render("t.html", vars))
	end

	local function fails(text, vars)
		put("t.html", text)
		local views = views_of(dir.path)
		return (support.raises(views.render, views, "t.html", vars):gsub(dir.path:gsub("%p", "%%%0") .. "/", ""))
	end

	it("escapes what it writes", function()
		local hostile = [[<a href="x" title='y'>&</a>]]
		assert.equal("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;",
			render("{{ x }}", { x = hostile }))
		assert.equal("12.5 true", render("{{ 1 }}{{ 2.5 }} {{ true }}"))
	end)

	it("leaves alone what is HTML already", function()
		assert.equal("<b>", render('{{ html("<b>") }}'))
		assert.equal("<b>&lt;", render('{{ html("<b>") .. "<" }}'))
	end)

	it("writes JSON for scripts, and parts of URLs", function()
		assert.equal([[<script>x = "\u003c/script\u003e"</script>]],
			render("<script>x = {{ json(x) }}</script>", { x = "</script>" }))
		assert.equal("/?q=a%20b%26c%2F%22", render("/?q={{ url(x) }}", { x = 'a b&c/"' }))
	end)

	it("runs statements", function()
		assert.equal("1a 2b ",
			render("{% for i, x in ipairs(list) do %}{{ i }}{{ x }} {% end %}", { list = { "a", "b" } }))
		assert.equal("no", render("{% if x then %}yes{% else %}no{% end %}"))
		assert.equal("5", render("{% local n = 2 + 3 %}{{ n }}"))
	end)

	it("leaves no line where a statement or a comment stood alone", function()
		assert.equal("a\n  b\nc\n",
			render("a\n\t{% if true then %}\n  b\n{% end %}  \n{# not this\n nor that #}\nc\n"))
		assert.equal("a  b", render("a {# x #} b"))
	end)

	it("fills the blocks of the one that it extends", function()
		put("base.html", "<{% block a %}A{% endblock %}|{% block b %}B{% endblock %}>")
		put("middle.html", '{% extends "base.html" %}{% block a %}m{{ super() }}{% endblock %}')
		assert.equal("<xmA|B>",
			render('{% extends "middle.html" %} lost {% block a %}x{{ super() }}{% endblock %}'))
		assert.equal("<A|{x}>", render('{% extends "base.html" %}{% block b %}{x}{% endblock %}'))
	end)

	it("includes others, with their own variables before its own", function()
		put("row.html", "[{{ x }} {{ y }}]")
		assert.equal("[1 2][3 2]",
			render('{% include "row.html" %}{% include "row.html", { x = 3 } %}', { x = 1, y = 2 }))
	end)

	it("has the globals of the views behind its variables", function()
		assert.equal("mine theirs",
			render("{{ a }} {{ b }}", { a = "mine" }, { globals = { a = "not", b = "theirs" } }))
	end)

	it("names the line of what went wrong", function()
		assert.equal("t.html:2: {{ x }} is nil", fails("a\n{{ x }}"))
		assert.equal("t.html:3: {{ x }} is a table", fails("{#\n#}\n{{ x }}", { x = {} }))
		support.contains("t.html:4: attempt to index global 'user'",
			fails("a\n\n{% if true then %}\n{{ user.name }}\n{% end %}"))
		support.contains("t.html:3: '<name>' expected", fails("a\n{% for %}\n"))
		support.contains("t.html:2: {{ without }}", fails("a\n{{ x "))
		support.contains("t.html:1: a block has a name", fails("{% block %}{% endblock %}"))
		support.contains("t.html:1:", fails("{% if x then %}"))
		support.contains("No such file", fails('{% include "none.html" %}'))
		support.contains("leads out of", fails('{% include "../none.html" %}'))
	end)

	it("may wait in the middle, and be rendered many times at once", function()
		put("t.html", "{{ x }}{% sleep(0.001) %}{{ x }}")
		local views = views_of(dir.path, { globals = { sleep = task.sleep } })
		local tasks = {}
		for i = 1, 20 do
			tasks[i] = task.spawn(views.render, views, "t.html", { x = i })
		end
		for i, t in ipairs(tasks) do
			assert.equal(i .. "" .. i, tostring(t:join()))
		end
	end)

	it("is refused at the caller's line with wrong options", function()
		support.contains("expected a folder's path", support.raises(views_of))
		support.contains("wrong: expected no such option", support.raises(views_of, "x", { wrong = 1 }))
	end)
end)
