--- Compiles a schema to Lua: one function for each object, array and union in it, scalars inline.
-- Such a function takes a value and returns the checked one and, when something is wrong, its faults
-- (schema/faults.lua). A value is copied only where it may change: it loses members, gets defaults, or
-- is converted. Written out, a check costs what it would cost written by hand.
--
-- In the generated text: v the value of the function, F its faults or nil, N the functions, K the
-- constants, R moonloop.web.schema.runtime.

local json = require("moonloop.json")
local faults = require("moonloop.web.schema.faults")
local node = require("moonloop.web.schema.node")
local runtime = require("moonloop.web.schema.runtime")
local scalars = require("moonloop.web.schema.scalars")

local compile = {}

local HEAD = [[
local R, N, K = ...
local type, getmetatable, setmetatable, next = type, getmetatable, setmetatable, next
local add, under, token, null, array_mt, test = R.add, R.under, R.token, R.null, R.array_mt, R.test
]]

local Writer = {}
Writer.__index = Writer

function Writer:put(text, ...)
	self.lines[#self.lines + 1] = text:format(...)
end

-- The text of a constant.
function Writer:constant(value)
	self.constants[#self.constants + 1] = value
	return ("K[%d]"):format(#self.constants)
end

-- A number of its own, for the names of locals.
function Writer:fresh()
	self.locals = self.locals + 1
	return self.locals
end

-- @param at the text of an expression: the pointer
function Writer:fault(at, code, detail)
	self:put("F = add(F, %s, %q, %q)", at, code, detail)
end

-- Whether checking never changes the value.
local function is_pure_itself(self, mode)
	if mode == "text" or mode == "lua" and self.kind == "array" then
		return false
	end
	for _, name in ipairs(self.names or {}) do
		local field = self.fields[name]
		if field.has_default or mode == "lua" and field.is_nullable and not field.is_optional then
			return false
		end
	end
	return self.extra ~= "ignore"
end

local function is_pure(self, mode)
	local pure = true
	node.walk(self, function(part)
		pure = pure and is_pure_itself(part, mode)
	end)
	return pure
end

local emit = {}
for kind, write in pairs(scalars.emit) do
	emit[kind] = write
end

-- What has a function of its own is called.

local function emit_call(w, self, v, at)
	local e = "e" .. w:fresh()
	w:put("do local %s %s, %s = N[%d](%s)", e, v, e, w:id(self), v)
	w:put("if %s then F = under(F, %s, %s) end end", e, at, e)
end

emit.array, emit.object, emit.union, emit.ref = emit_call, emit_call, emit_call, emit_call

-- Checks the local v of this schema: null, its kind, then what the application checks.
local function emit_value(w, self, v, at)
	local own = self.options.check
	local before = own and "n" .. w:fresh()
	if self.is_nullable then
		w:put("if %s ~= null then", v)
	end
	if own then
		w:put("do local %s = F and #F or 0", before)
	end
	emit[self.kind](w, self, v, at)
	if own then
		w:put("if (F and #F or 0) == %s then local ok, why = %s(%s)", before, w:constant(own), v)
		w:put("if not ok then F = add(F, %s, 'check', R.why(why)) end end end", at)
	end
	if self.is_nullable then
		w:put("end")
	end
end

-- Functions.

local body = {}

function body.array(w, self)
	local o, pure = self.options, is_pure(self, w.mode)
	if w.mode == "text" then
		w:put("if type(v) == 'string' then v = { v } end")
	end
	w:put(w.mode == "json" and "if getmetatable(v) ~= array_mt then" or "if not R.is_list(v) then")
	w:put("return v, add(nil, '', 'type', %q) end", scalars.type_detail(self, "an array"))
	w:put("local n = #v")
	if o.min then
		w:put("if n < %d then", o.min)
		w:fault("''", "minItems", o.min == 1 and "must not be empty"
			or ("must have at least %d items"):format(o.min))
		w:put("end")
	end
	if o.max then
		w:put("if n > %d then", o.max)
		w:fault("''", "maxItems", ("must have at most %d item%s"):format(o.max, o.max == 1 and "" or "s"))
		w:put("return v, F end")
	end
	w:put("local out = %s", pure and "v" or "setmetatable(R.new_table(n, 0), array_mt)")
	if not pure or self.item.kind ~= "any" then
		w:put("for i = 1, n do local x = v[i]")
		emit_value(w, self.item, "x", "'/' .. i - 1")
		w:put("%s if F and F.full then break end end", pure and "" or "out[i] = x")
	end
	if o.unique then
		w:put("if not F then local a, b = R.twins(out)")
		w:put("if a then F = add(F, '', 'uniqueItems', 'items ' .. a .. ' and ' .. b .. ' are equal') end end")
	end
	w:put("return out, F")
end

-- The default, as the schema itself would have it.
local function fallback_of(field, name)
	local value, _, wrong = field:check(field.fallback)
	if wrong then
		error(("schema: the default of %s%s %s"):format(name, wrong[1].pointer, wrong[1].detail), 0)
	end
	return value
end

local function emit_field(w, self, name, pure)
	local field = self.fields[name]
	local at = ("%q"):format("/" .. faults.token(name))
	w:put("do local x = v[%q]", name)
	w:put("if x == nil then")
	if field.has_default then
		w:put("x = R.copy(%s)", w:constant(fallback_of(field, name)))
	elseif w.mode == "lua" and field.is_nullable and not field.is_optional then
		w:put("x = null")
	elseif not field.is_optional then
		w:fault(at, "required", "is missing")
	end
	w:put("else")
	emit_value(w, field, "x", at)
	w:put("end %s end", pure and "" or ("out[%q] = x"):format(name))
end

-- Members that have no field.
local function emit_extra(w, self, pure)
	if self.extra == "ignore" or self.extra == "keep" and pure then
		return
	end
	local known = {}
	for _, name in ipairs(self.names) do
		known[name] = true
	end
	w:put("for key, x in next, v do if not %s[key] then", w:constant(known))
	if self.extra == "refuse" then
		w:fault("'/' .. token(key)", "additionalProperties", "is not known here")
	elseif self.extra ~= "keep" then
		emit_value(w, self.extra, "x", "'/' .. token(key)")
	end
	if not pure and self.extra ~= "refuse" then
		w:put("out[key] = x")
	end
	w:put("if F and F.full then break end end end")
end

local function template(names)
	local parts = {}
	for i, name in ipairs(names) do
		parts[i] = ("[%q] = false"):format(name)
	end
	return "{ " .. table.concat(parts, ", ") .. " }"
end

function body.object(w, self)
	local o, pure = self.options, is_pure(self, w.mode)
	w:put("if type(v) ~= 'table' or getmetatable(v) == array_mt%s then",
		w.mode == "lua" and " or v[1] ~= nil" or "")
	w:put("return v, add(nil, '', 'type', %q) end", scalars.type_detail(self, "an object"))
	if o.min or o.max then
		w:put("local n = R.count(v)")
		w:put("if n < %d then", o.min or 0)
		w:fault("''", "minProperties", ("must have at least %d members"):format(o.min or 0))
		w:put("elseif n > %s then", o.max or "1/0")
		w:fault("''", "maxProperties", ("must have at most %d members"):format(o.max or 0))
		w:put("end")
	end
	w:put("local out = %s", pure and "v" or template(self.names))
	for _, name in ipairs(self.names) do
		emit_field(w, self, name, pure)
	end
	emit_extra(w, self, pure)
	w:put("return out, F")
end

local KIND_NAMES = {
	string = "a string", integer = "an integer", number = "a number", boolean = "true or false", null = "null",
	array = "an array", object = "an object",
}

local function union_detail(self)
	local texts, seen = {}, {}
	for _, choice in ipairs(self.choices) do
		local text = choice.name or KIND_NAMES[choice.kind] or "one of the others"
		if choice.kind == "enum" then
			text = scalars.enum_detail(choice):gsub("^must be ", "")
		end
		if not seen[text] then
			texts[#texts + 1] = text
		end
		seen[text] = true
	end
	return "must be " .. table.concat(texts, ", or ")
end

function body.union(w, self)
	local ids = {}
	if self.by then
		local names = {}
		for value, choice in pairs(self.by_value) do
			ids[value] = w:id(self.choices[choice], true)
			names[#names + 1] = json.encode(value)
		end
		table.sort(names)
		w:put("return R.union_by(N, %s, v, %q, %q)", w:constant(ids), self.by, "must be one of "
			.. table.concat(names, ", "))
	else
		for i, choice in ipairs(self.choices) do
			ids[i] = w:id(choice, true)
		end
		w:put("return R.union(N, %s, v, %q)", w:constant(ids), union_detail(self))
	end
end

function body.ref(w, self)
	w:put("return N[%d](v)", w:id(node.resolve(self), true))
end

-- The number of the function that checks a schema.
-- @param whole it does all; else only what emit_value leaves to it
function Writer:id(part, whole)
	whole = whole and (part.is_nullable or part.options.check ~= nil or not body[part.kind])
	local ids = whole and self.whole or self.inner
	if not ids[part] then
		self.count = self.count + 1
		ids[part] = self.count
		self.todo[#self.todo + 1] = { node = part, id = self.count, whole = whole }
	end
	return ids[part]
end

local function write_function(w, job)
	local kind = job.node.kind
	w:put("N[%d] = function(v) local F", job.id)
	if job.whole then
		emit_value(w, job.node, "v", "''")
		w:put("return v, F")
	else
		body[kind](w, job.node)
	end
	w:put("end")
end

--- @param mode "json", "lua" or "text"
-- @return function(value) → the checked value, nil or the faults
function compile.compile(self, mode)
	if mode ~= "json" and mode ~= "lua" and mode ~= "text" then
		error(('schema: the mode must be "lua", "json" or "text", got %s'):format(tostring(mode)), 0)
	end
	local w = setmetatable({
		mode = mode,
		lines = {},
		constants = {},
		whole = {}, -- schema → the number of a function
		inner = {},
		todo = {}, -- functions that are not written yet
		count = 0,
		locals = 0,
	}, Writer)
	node.bind(self)
	local functions, main = {}, w:id(self, true)
	while #w.todo > 0 do
		write_function(w, table.remove(w.todo))
	end
	local text = HEAD .. table.concat(w.lines, "\n")
	assert(load(text, "=schema " .. (self.name or self.kind)))(runtime, functions, w.constants)
	return functions[main]
end

return compile
