--- Templates, compiled to Lua. Lines stay where they are, so an error names the template's line.
--
--     {{ expression }}          its value, escaped; nil is an error: {{ x or "" }}
--     {% statement %}           Lua: for, if, local, end, ...
--     {# comment #}
--     {% extends "base.html" %}         what follows fills the blocks of that one
--     {% block name %} ... {% endblock %}   {{ super() }} is what the outer template has there
--     {% include "row.html", { item = x } %}
--
-- A statement or comment that stands alone leaves no line behind. Variables are what the template is
-- rendered with, then the globals of the views, then Lua's own. A template is code: do not take one
-- from others.

local html = require("moonloop.web.html")

local template = {}

local CLOSE = { ["{{"] = "}}", ["{%"] = "%}", ["{#"] = "#}" }

local function line_of(source, at)
	local _, n = source:sub(1, at):gsub("\n", "")
	return n + 1
end

-- The next tag: where it begins, its opening, what is inside, where it ends; nil: none; nil, why.
local function next_tag(source, from)
	local at = source:find("{[{%%#]", from)
	if not at then
		return nil
	end
	local open = source:sub(at, at + 1)
	local close = source:find(CLOSE[open], at + 2, true)
	if not close then
		return nil, ("%d: %s without %s"):format(line_of(source, at), open, CLOSE[open])
	end
	return at, open, source:sub(at + 2, close - 1), close + 2
end

-- A tag that stands alone in its line: the text before it without its indent, and the end of the line.
local function alone(source, from, text, stop)
	local head = text:match("^(.-)[ \t]*$")
	local before = head == "" and source:sub(from - 1, from - 1) or head:sub(-1)
	local begins = before == "\n" or head == "" and from == 1
	local _, line_end = source:find("^[ \t]*\r?\n", stop)
	if begins and (line_end or source:find("^[ \t]*$", stop)) then
		return head, line_end and line_end + 1 or #source + 1
	end
	return text, stop
end

local function newlines(text)
	return (text:gsub("[^\n]+", ""))
end

local KEYWORDS = {
	extends = function(rest)
		return ("_rt.extends(%s)"):format(rest)
	end,
	include = function(rest)
		return ("_rt.include(%s)"):format(rest)
	end,
	block = function(rest)
		local name = rest:match("^[%a_][%w_]*$")
		return name and ("_rt.block(%q, function()"):format(name), "a block has a name: {% block title %}"
	end,
	endblock = function()
		return "end)"
	end,
}

local function statement(inside)
	local word, rest = inside:match("^%s*(%a+)%s*(.-)%s*$")
	local keyword = KEYWORDS[word]
	if keyword and not rest:find("^=") then
		local code, why = keyword(rest)
		return code and newlines(inside) .. code, why
	end
	return inside
end

-- Lua code with a line for each line of the source, and the texts that it writes.
local function translate(source)
	local code, texts, from = { "local _out, _esc, _rt, _t = ... return function() " }, {}, 1
	local function emit(piece)
		code[#code + 1] = piece
	end
	local function text(piece)
		if piece ~= "" then
			texts[#texts + 1] = piece
			emit(("_out(_t[%d]) "):format(#texts))
			emit(newlines(piece))
		end
	end
	while true do
		local at, open, inside, stop = next_tag(source, from)
		if not at then
			if open then
				return nil, open
			end
			break
		end
		local before = source:sub(from, at - 1)
		local behind = stop
		if open ~= "{{" then
			before, behind = alone(source, from, before, stop)
		end
		text(before)
		if open == "{{" then
			emit(("_out(_esc((%s), %q)) "):format(inside, inside:match("^%s*(.-)%s*$"):gsub("\n", " ")))
		elseif open == "{%" then
			local made, why = statement(inside)
			if not made then
				return nil, ("%d: %s"):format(line_of(source, at), why)
			end
			emit(made .. " ")
		else
			emit(newlines(inside))
		end
		emit(newlines(source:sub(stop, behind - 1)))
		from = behind
	end
	text(source:sub(from))
	emit("end")
	return table.concat(code), texts
end

--- @param source the template
-- @param name for errors: "views/page.html"
-- @return a template for template.run; nil and what is wrong, with name and line
function template.compile(source, name)
	local code, texts = translate(source)
	if not code then
		return nil, name .. ":" .. texts
	end
	local chunk, why = loadstring(code, "@" .. name)
	if not chunk then
		return nil, (why:gsub("<eof>", "the end of the template"))
	end
	return { chunk = chunk, texts = texts, name = name }
end

local function escape(value, expression)
	local text = html.escape(value)
	if text == nil then
		error(("{{ %s }} is %s"):format(expression, value == nil and "nil" or "a " .. type(value)), 2)
	end
	return text
end

-- What one rendering has: where it writes, what blocks the templates inside have given.
local Run = {}
Run.__index = Run

local function nothing() end

-- A function of its own for each rendering: its waits may overlap with those of another.
local function body(run, compiled, env)
	setfenv(compiled.chunk, env)
	return compiled.chunk(function(text)
		run.write(text)
	end, escape, run.verbs, compiled.texts)
end

function Run:template(name, env)
	local compiled = self.find(name)
	local parent
	local write = self.write
	local verbs = self.verbs
	local outer = verbs.extends
	function verbs.extends(base)
		parent = base
		self.write = nothing
	end
	local fill = body(self, compiled, env)
	fill()
	verbs.extends, self.write = outer, write
	if parent then
		self:template(parent, env)
	end
end

-- In a template that extends another one a block is kept, in the outermost one it is written.
function Run:block(name, fn)
	local chain = self.blocks[name] or {}
	self.blocks[name] = chain
	chain[#chain + 1] = fn
	if self.write == nothing then
		return
	end
	local env, level = getfenv(fn), 0
	local saved = rawget(env, "super")
	local function call()
		level = level + 1
		local this = chain[level]
		if this then
			this()
		end
		level = level - 1
		return html.safe("")
	end
	env.super = call
	call()
	env.super = saved
	chain[#chain] = nil
end

--- Renders.
-- @param find name → compiled template; raises when there is none
-- @param name of the template
-- @param vars its variables
-- @param globals variables behind those
-- @param write called with each piece of the text
function template.run(find, name, vars, globals, write)
	local run = setmetatable({ find = find, write = write, blocks = {}, verbs = {} }, Run)
	local function environment(own, behind)
		return setmetatable({}, { __index = function(_, key)
			local value = own[key]
			if value == nil then
				value = behind[key]
			end
			return value
		end })
	end
	local env = environment(vars, globals)
	function run.verbs.block(block, fn)
		run:block(block, fn)
	end
	function run.verbs.include(other, own)
		local blocks = run.blocks
		run.blocks = {}
		run:template(other, own and environment(own, env) or env)
		run.blocks = blocks
	end
	run:template(name, env)
end

return template
