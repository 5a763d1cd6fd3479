--- What compiled schemas call: conversions, comparisons, and what is not worth being written inline.

local faults = require("moonloop.web.schema.faults")
local ffi = require("moonloop.core.ffi").ffi
local json = require("moonloop.json")
local regex = require("moonloop.core.regex")

local add, under = faults.add, faults.under
local array_mt, null = json.array_mt, json.null
local INT64, UINT64 = ffi.typeof("int64_t"), ffi.typeof("uint64_t")
local find, gsub, type, tonumber = string.find, string.gsub, type, tonumber

local runtime = {
	add = add,
	under = under,
	token = faults.token,
	null = null,
	array_mt = array_mt,
	test = regex.test,
	new_table = require("table.new"),
}

-- Numbers.

--- Whether a value is one of the 64-bit integers that a number does not hold.
local function is_wide(value)
	return type(value) == "cdata" and (ffi.istype(INT64, value) or ffi.istype(UINT64, value))
end
runtime.is_wide = is_wide

--- Checks a 64-bit integer. Limits are numbers, so comparing it as a number is exact enough: it lies
-- beyond 2^53, where limits are not to the unit either.
function runtime.wide(list, at, value, options)
	local number, step = tonumber(value), options.multiple_of
	if options.min and number < options.min then
		list = add(list, at, "minimum", "must be at least " .. json.encode(options.min))
	end
	if options.max and number > options.max then
		list = add(list, at, "maximum", "must be at most " .. json.encode(options.max))
	end
	if options.above and number <= options.above then
		list = add(list, at, "exclusiveMinimum", "must be above " .. json.encode(options.above))
	end
	if options.below and number >= options.below then
		list = add(list, at, "exclusiveMaximum", "must be below " .. json.encode(options.below))
	end
	if step and step % 1 == 0 and value % INT64(step) ~= 0 then
		list = add(list, at, "multipleOf", "must be a multiple of " .. json.encode(step))
	elseif step and step % 1 ~= 0 and not runtime.is_multiple(number, step) then
		list = add(list, at, "multipleOf", "must be a multiple of " .. json.encode(step))
	end
	return list
end

--- Whether a value is a multiple of a step, as near as doubles can tell: 0.0075 is one of 0.0001.
function runtime.is_multiple(value, step)
	if math.fmod(value, step) == 0 then
		return true
	end
	local times = value / step
	local whole = math.floor(times + 0.5)
	return math.abs(times - whole) <= math.abs(times) * 2 ^ -51
end

-- Strings.

--- Adds a fault when a string has too few or too many characters.
function runtime.length(list, at, text, min, max)
	local n = #text
	if find(text, "[\128-\255]") then
		n = n - select(2, gsub(text, "[\128-\191]", ""))
	end
	if n < min then
		return add(list, at, "minLength", min == 1 and "must not be empty"
			or ("must have at least %d characters"):format(min))
	elseif n > max then
		return add(list, at, "maxLength", ("must have at most %d character%s"):format(max, max == 1 and "" or "s"))
	end
	return list
end

--- Adds the fault of a string that an expression did not match.
-- @param matched false; nil: it took too many steps
function runtime.unmatched(list, at, matched, pattern)
	return add(list, at, "pattern", matched == nil and "takes too long to compare with " .. pattern
		or "must match " .. pattern)
end

local anything = regex.new("^")

--- Whether a text is UTF-8. Only decoded JSON is for sure.
function runtime.is_utf8(text)
	return not find(text, "[\128-\255]") or regex.test(anything, text) ~= nil
end

-- Text as other types: what cannot be converted stays as it is, and is refused then.

function runtime.to_integer(text)
	if find(text, "^%-?%d+$") then
		if #text <= 15 then
			return tonumber(text)
		end
		return json.decode((gsub(text, "^(%-?)0+(%d)", "%1%2"))) or text
	end
	return text
end

function runtime.to_number(text)
	local value = find(text, "^[%d-]") and json.decode(text)
	return (type(value) == "number" or is_wide(value)) and value or text
end

local BOOLEANS = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }

function runtime.to_boolean(text)
	local value = BOOLEANS[text]
	if value == nil then
		return text
	end
	return value
end

-- Tables.

--- Whether a program's table is an array: it has elements, or nothing at all, or is marked as one.
function runtime.is_list(value)
	return type(value) == "table" and (getmetatable(value) == array_mt or value[1] ~= nil or next(value) == nil)
end

function runtime.count(object)
	local n = 0
	for _ in next, object do
		n = n + 1
	end
	return n
end

--- A copy that nobody else has.
local function copy(value)
	if type(value) ~= "table" then
		return value
	end
	local new = {}
	for key, part in next, value do
		new[key] = copy(part)
	end
	return setmetatable(new, getmetatable(value))
end
runtime.copy = copy

-- A 64-bit integer as a number, where that is the same.
local function narrow(value)
	local signed = ffi.istype(INT64, value)
	local number, limit = tonumber(value), signed and 2 ^ 63 or 2 ^ 64
	if math.abs(number) < limit and (signed and INT64 or UINT64)(number) == value then
		return number
	end
	return (tostring(value):gsub("U?LL$", ""))
end

-- What two equal values have in common, and no others.
local function identity(value)
	local kind = type(value)
	if kind == "table" then
		return json.encode(value, { sort = true })
	elseif kind == "string" then
		return '"' .. value
	end
	return is_wide(value) and narrow(value) or value
end

--- The places of two equal items, from 0; nil: there are none.
function runtime.twins(array)
	local seen = {}
	for i = 1, #array do
		local key = identity(array[i])
		if seen[key] then
			return seen[key], i - 1
		end
		seen[key] = i - 1
	end
end

--- The set of values that enum members are looked up in, by identity().
function runtime.set_of(values)
	local set = {}
	for _, value in ipairs(values) do
		set[identity(value)] = true
	end
	return set
end

function runtime.is_in(set, value)
	return set[identity(value)] == true
end

--- What a check of the application's said of a value.
function runtime.why(text)
	return type(text) == "string" and text or "is not accepted"
end

-- Unions.

-- The only choice whose type fits, so that what is wrong lies within.
local function nearest(results)
	local found
	for _, list in ipairs(results) do
		if list[1].code ~= "type" or list[1].pointer ~= "" then
			if found then
				return nil
			end
			found = list
		end
	end
	return found
end

--- Checks a value by each of some functions.
-- @return the checked value; the value and its faults
function runtime.union(functions, ids, value, detail)
	local results = {}
	for i = 1, #ids do
		local checked, list = functions[ids[i]](value)
		if not list then
			return checked
		end
		results[i] = list
	end
	return value, nearest(results) or add(nil, "", "anyOf", detail)
end

--- Checks an object by the function that a member's value names.
-- @return the checked value; the value and its faults, or nil
function runtime.union_by(functions, ids, value, by, detail)
	if type(value) ~= "table" or getmetatable(value) == array_mt then
		return value, add(nil, "", "type", "must be an object")
	end
	local kind = value[by]
	local id = kind ~= nil and ids[kind]
	if id then
		return functions[id](value)
	end
	return value, add(nil, "/" .. faults.token(by), kind == nil and "required" or "enum",
		kind == nil and "is missing" or detail)
end

return runtime
