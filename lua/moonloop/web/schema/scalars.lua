--- The part of moonloop.web.schema.compile for values that are checked inline.

local json = require("moonloop.json")
local formats = require("moonloop.web.schema.formats")
local runtime = require("moonloop.web.schema.runtime")

local scalars = {}

function scalars.type_detail(self, what)
	return ("must be %s%s"):format(what, self.is_nullable and " or null" or "")
end

--- emit[kind](w, self, v, at) writes the check of the local v; at is the text of an expression: the
-- pointer.

local emit = {}
scalars.emit = emit

function emit.any() end

function emit.null(w, _, v, at)
	w:put("if %s ~= null then", v)
	w:fault(at, "type", "must be null")
	w:put("end")
end

function emit.boolean(w, self, v, at)
	if w.mode == "text" then
		w:put("if type(%s) == 'string' then %s = R.to_boolean(%s) end", v, v, v)
	end
	w:put("if type(%s) ~= 'boolean' then", v)
	w:fault(at, "type", scalars.type_detail(self, "true or false"))
	w:put("end")
end

function emit.string(w, self, v, at)
	local o = self.options
	w:put("if type(%s) ~= 'string' then", v)
	w:fault(at, "type", scalars.type_detail(self, "a string"))
	if w.mode ~= "json" then
		w:put("elseif not R.is_utf8(%s) then", v)
		w:fault(at, "type", "must be UTF-8")
	end
	if o.min or o.max or o.pattern or o.format then
		w:put("else")
	end
	if o.min or o.max then
		-- Bytes tell, except where characters of several bytes could make a difference.
		local min, max = o.min or 0, o.max or math.huge
		local few = min > 0 and ("#%s < %d"):format(v, min * 4 - 3)
		local many = max < math.huge and ("#%s > %d"):format(v, max)
		w:put("if %s then F = R.length(F, %s, %s, %d, %s) end", few and many and few .. " or " .. many or few
			or many or "false", at, v, min, max < math.huge and max or "1/0")
	end
	if o.pattern then
		w:put("do local m = test(%s, %s) if not m then F = R.unmatched(F, %s, m, %q) end end",
			w:constant(self.regex), v, at, o.pattern)
	end
	if o.format then
		local format = formats.known[o.format]
		w:put("if not %s(%s) then", w:constant(format.test), v)
		w:fault(at, "format", format.detail)
		w:put("end")
	end
	w:put("end")
end

-- %.17g gives the number back exactly; the shortest text that does is for people.
local function exact(number)
	return ("%.17g"):format(number)
end

local function emit_range(w, o, v, at)
	local function limit(value, operator, code, detail)
		if value then
			w:put("if %s %s %s then", v, operator, exact(value))
			w:fault(at, code, detail .. json.encode(value))
			w:put("end")
		end
	end
	limit(o.min, "<", "minimum", "must be at least ")
	limit(o.max, ">", "maximum", "must be at most ")
	limit(o.above, "<=", "exclusiveMinimum", "must be above ")
	limit(o.below, ">=", "exclusiveMaximum", "must be below ")
	if o.multiple_of then
		local step = exact(o.multiple_of)
		w:put("if %s %% %s ~= 0 and not R.is_multiple(%s, %s) then", v, step, v, step)
		w:fault(at, "multipleOf", "must be a multiple of " .. json.encode(o.multiple_of))
		w:put("end")
	end
end

local function emit_numeric(condition, convert, what)
	return function(w, self, v, at)
		if w.mode == "text" then
			w:put("if type(%s) == 'string' then %s = R.%s(%s) end", v, v, convert, v)
		end
		w:put("if type(%s) == 'number' and %s then", v, (condition:gsub("v", v)))
		emit_range(w, self.options, v, at)
		w:put("elseif R.is_wide(%s) then F = R.wide(F, %s, %s, %s)", v, at, v, w:constant(self.options))
		w:put("else")
		w:fault(at, "type", scalars.type_detail(self, what))
		w:put("end")
	end
end

-- Neither infinite nor NaN.
emit.integer = emit_numeric("v % 1 == 0", "to_integer", "an integer")
emit.number = emit_numeric("v - v == 0", "to_number", "a number")

local SHOWN = 10

--- What the values of an enum are, for people.
function scalars.enum_detail(self)
	local texts = {}
	for i = 1, math.min(#self.values, SHOWN) do
		texts[i] = json.encode(self.values[i])
	end
	return (#texts == 1 and "must be " or "must be one of ") .. table.concat(texts, ", ")
		.. (#self.values > SHOWN and ", ..." or "")
end

local function all_strings(values)
	for _, value in ipairs(values) do
		if type(value) ~= "string" then
			return false
		end
	end
	return true
end

local function by_text(values)
	local map = {}
	for _, value in ipairs(values) do
		if type(value) ~= "table" then
			map[tostring(value)] = value
		end
	end
	return map
end

function emit.enum(w, self, v, at)
	if all_strings(self.values) then
		w:put("if not %s[%s] then", w:constant(by_text(self.values)), v)
	else
		if w.mode == "text" then
			local map = w:constant(by_text(self.values))
			w:put("if %s[%s] ~= nil then %s = %s[%s] end", map, v, v, map, v)
		end
		w:put("if not R.is_in(%s, %s) then", w:constant(runtime.set_of(self.values)), v)
	end
	w:fault(at, self.literal and "const" or "enum", scalars.enum_detail(self))
	w:put("end")
end

return scalars
