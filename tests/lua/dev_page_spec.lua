local errors = require("moonloop.core.errors")
local json = require("moonloop.dev.json")
local page = require("moonloop.dev.page")
local report = require("moonloop.dev.report")
local show = require("moonloop.dev.show")
local source = require("moonloop.dev.source")
local support = require("support")
local text = require("moonloop.dev.text")

local HOSTILE = "</title></style></script><script>alert('x')</script>\"&{headline}{style}\0\27[31m\255"

-- A report whose every text is hostile.
local function hostile()
	local frame = {
		title = HOSTILE,
		source = "@" .. HOSTILE,
		file = HOSTILE,
		line = 3,
		locals = { { name = HOSTILE, value = HOSTILE } },
		upvalues = { { name = HOSTILE, value = HOSTILE } },
		excerpt = { { n = 3, text = HOSTILE, hit = true } },
	}
	return {
		status = 500,
		title = "Title",
		headline = HOSTILE,
		message = HOSTILE .. "\n" .. HOSTILE,
		hint = HOSTILE,
		file = HOSTILE,
		line = 3,
		excerpt = { { n = 3, text = HOSTILE, hit = true } },
		frames = { frame },
		chain = { { frame } },
		traceback = HOSTILE,
		request = {
			method = HOSTILE,
			path = HOSTILE,
			query = HOSTILE,
			client = HOSTILE,
			headers = { { name = HOSTILE, value = HOSTILE } },
		},
	}
end

describe("dev.page", function()
	it("lets no markup through, wherever it comes from", function()
		local html = page.html(hostile(), "1", "<script src=ours></script>")
		local tags = {}
		for tag in html:gmatch("<%s*(/?%a+)") do
			tags[tag] = (tags[tag] or 0) + 1
		end
		assert.equal(1, tags.script)
		assert.equal(1, tags["/script"])
		assert.equal(1, tags.style)
		assert.equal(1, tags["/style"])
		assert.equal(1, tags.title)
		assert.equal(1, tags["/title"])
		assert.is_nil(html:find("[%z\27\255]"))
		support.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;{headline}{style}", html)
	end)

	it("is as many tags as with harmless texts", function()
		local function tags(r)
			return select(2, page.html(r, "1", ""):gsub("<", "<"))
		end
		local harmless = hostile()
		local function clean(t)
			for key, value in pairs(t) do
				if type(value) == "table" then
					clean(value)
				elseif type(value) == "string" then
					t[key] = value:find("\n") and "two\nlines" or "word"
				end
			end
		end
		clean(harmless)
		assert.equal(tags(harmless), tags(hostile()))
	end)

	it("escapes in attributes, too", function()
		assert.equal("&quot;&#39;&lt;&gt;&amp;", page.escape("\"'<>&"))
		assert.equal("\239\191\189\239\191\189", page.escape("\255\192"))
		assert.equal("a\n\tb", page.escape("a\n\tb"))
	end)

	it("has no address in it", function()
		assert.is_nil(page.html(hostile(), "1", ""):find("http", 1, true))
		assert.is_nil(page.html(hostile(), "1", ""):find("url(", 1, true))
	end)
end)

describe("dev.json", function()
	it("is JSON, whatever the bytes, and safe inside of a page", function()
		assert.equal('"\\u003c/script\\u003e\\u0026\\"\\\\\\n\\u0000\\u001b\\u007f"',
			json.encode('</script>&"\\\n\0\27\127'))
		assert.equal('"\239\191\189(\\u2028\\u2029ä"', json.encode("\255(\226\128\168\226\128\169ä"))
		assert.equal('"\239\191\189\239\191\189\239\191\189"', json.encode("\237\160\128")) -- a surrogate
		assert.equal('{"a":[1,true,"x"],"b":[],"c":{"d":1.5}}',
			json.encode({ a = { 1, true, "x" }, b = {}, c = { d = 1.5 } }))
		assert.equal("null", json.encode(0 / 0))
	end)
end)

describe("dev.text", function()
	it("chooses a form by Accept", function()
		for accept, form in pairs({
			["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"] = "html",
			["application/json"] = "json",
			["application/json, text/html;q=0.5"] = "json",
			["text/html;q=0, application/json;q=0.1"] = "json",
			["TEXT/HTML"] = "html",
			["*/*"] = "text",
			["text/*"] = "text",
			[""] = "text",
			[";q=x,,"] = "text",
		}) do
			assert.equal(form, text.form(accept), accept)
		end
		assert.equal("text", text.form(nil))
	end)

	it("sends a terminal no control characters", function()
		assert.is_nil(text.plain(hostile()):find("[%z\27\255]"))
		support.contains("\\x1b[31m", text.plain(hostile()))
	end)

	it("is complete as JSON", function()
		local out = text.json(hostile())
		for _, key in ipairs({ "status", "error", "message", "file", "line", "excerpt", "frames", "chain",
			"request" }) do
			support.contains('"' .. key .. '":', out)
		end
		assert.is_nil(out:find("<", 1, true))
	end)
end)

describe("dev.show", function()
	it("shows values without running anything of theirs", function()
		local function never()
			error("must not run")
		end
		local trap = setmetatable({ 1, x = "y" }, {
			__name = "trap", __index = never, __tostring = never, __len = never, __call = never, __pairs = never,
		})
		assert.equal('trap { 1, x = "y" }', show.value(trap))
		assert.equal('{ 1, 2, [3.5] = true, a = {…} }', show.value({ 1, 2, [3.5] = true, a = { 1 } }))
		assert.equal("nil", show.value(nil))
		assert.equal('"a\\n\\"\\\\\\0"', show.value('a\n"\\\0'))
		support.contains("dev_page_spec.lua:", show.value(never))
	end)

	it("cuts what is long", function()
		assert.is_true(#show.value(("x"):rep(10000)) < 250)
		local many = {}
		for i = 1, 1000 do
			many[i] = i
		end
		support.contains("… 988 more", show.value(many))
		support.contains('ä" … (400 bytes)', show.value(("ä"):rep(200)))
	end)

	it("masks what is named like a secret", function()
		for _, name in ipairs({ "password", "db_password", "API-Token", "client.secret", "Cookie", "Authorization",
			"privateKey", "session_id" }) do
			assert.equal("•••", show.value("s3cret", name), name)
			assert.is_nil(show.value({ [name] = "s3cret" }):find("s3cret"), name)
			assert.is_nil(show.value({ name, "s3cret" }):find("s3cret"), name)
			assert.equal("•••", show.header(name, "s3cret"))
			assert.equal(name .. "=•••&q=1", show.query(name .. "=s3cret&q=1"))
		end
		assert.equal('"Bearer •••"', show.value("Bearer s3cret", "value"))
		assert.equal('"word"', show.value("word", "name"))
	end)
end)

describe("dev.source", function()
	local function lines(n)
		local out = {}
		for i = 1, n do
			out[i] = "line " .. i
		end
		return table.concat(out, "\n") .. "\n"
	end

	it("cuts lines out around one", function()
		local function numbers(line, around)
			local out = {}
			for i, row in ipairs(source.excerpt(lines(10), line, around) or {}) do
				out[i] = (row.hit and ">" or "") .. row.n
			end
			return table.concat(out, " ")
		end
		assert.equal("4 >5 6", numbers(5, 1))
		assert.equal(">1 2 3", numbers(1, 2))
		assert.equal("8 9 >10", numbers(10, 2))
		assert.equal("9 10 >11", numbers(11, 2)) -- where an unexpected end is
		assert.equal("", numbers(40, 2))
		assert.is_nil(source.excerpt("=[C]", 1, 1))
		assert.is_nil(source.excerpt("@/nowhere/x.lua", 1, 1))
		assert.is_nil(source.excerpt("\27LJ", 1, 1))
	end)

	it("finds the place that a message names", function()
		local path = os.tmpname()
		assert(io.open(path, "w")):close()
		local chunk, line, rest = source.place(path .. ":12: no fuel")
		assert.same({ "@" .. path, 12, "no fuel" }, { chunk, line, rest })
		chunk, line = source.place(("error loading module 'x' from file '%s':\n\t%s:3: '=' expected")
			:format(path, path))
		assert.same({ "@" .. path, 3 }, { chunk, line })
		assert.equal("@" .. path, (source.place("..." .. path:sub(3) .. ":4: x", { path })))
		assert.is_nil((source.place("/nowhere/x.lua:1: no")))
		assert.is_nil((source.place("no place")))
		os.remove(path)
	end)
end)

describe("dev.report", function()
	-- As core/errors.lua does when moonloop dev has set its hook.
	local function caught(fn, ...)
		local before = errors.capture
		errors.capture = require("moonloop.dev.capture")
		local ok, err = xpcall(fn, errors.note, ...)
		errors.capture = before
		assert.is_false(ok)
		local r = report.of(err, errors.text(err), errors.noted(err), { status = 500, title = "T" })
		errors.forget(require("moonloop.core.task").self())
		return r
	end

	local function inner(item)
		local password, count = "hunter2", 3 -- luacheck: ignore 211
		return item.price * count
	end

	it("has the line, the frames and their variables", function()
		local outside = "seen"
		local r = caught(function()
			local own = outside
			local result = inner(nil)
			return result, own
		end)
		support.contains("attempt to index local 'item'", r.headline)
		support.contains("dev_page_spec.lua", r.file)
		assert.equal("function 'inner'", r.frames[1].title)
		assert.same({
			{ name = "item", value = "nil" },
			{ name = "password", value = "•••" },
			{ name = "count", value = "3" },
		}, r.frames[1].locals)
		assert.same({ name = "own", value = '"seen"' }, r.frames[2].locals[1])
		assert.same({ name = "outside", value = '"seen"' }, r.frames[2].upvalues[1])
		for _, line in ipairs(r.excerpt) do
			assert.equal(line.n == r.line, line.hit)
			if line.hit then
				support.contains("item.price", line.text)
			end
		end
	end)

	it("names a function that was called by a tail call", function()
		local r = caught(function()
			return inner(nil)
		end)
		assert.equal("function 'inner'", r.frames[1].title)
	end)

	it("says which tasks joined the failed one", function()
		local task = require("moonloop.task")
		local function child()
			local depth = 2
			error("deep " .. depth)
		end
		local r = caught(function()
			local t = task.spawn(child)
			local result = t:join()
			return result
		end)
		assert.equal("deep 2", r.headline)
		assert.same({ { name = "depth", value = "2" } }, r.frames[1].locals)
		assert.equal(1, #r.chain)
		assert.equal("t", r.chain[1][1].locals[1].name)
	end)

	it("bears errors of every kind", function()
		for _, err in ipairs({ "text", { code = 42 }, 7, true, "no such file.lua:99: x" }) do
			local r = caught(error, err, 0)
			assert.equal("string", type(r.message))
			assert.equal("string", type(page.html(r, "1", "")))
			assert.equal("string", type(text.plain(r)))
		end
		local r = caught(error)
		support.contains("without a message", r.message)
		local function endless()
			return 1 + endless()
		end
		support.contains("stack overflow", caught(endless).message)
	end)

	it("costs nothing when nobody set the hook", function()
		xpcall(error, errors.note, "plain", 0)
		assert.is_nil(errors.noted("plain").frames)
		errors.forget(require("moonloop.core.task").self())
	end)
end)
