--- Lua values as bytes: what a function and its arguments become on the way to another Lua state.
-- Hot: every thread.run comes through here twice.
--
-- A value becomes a list of nodes, one for each table, function or named thing that is reached; what
-- refers to another node holds its number. So shared and cyclic references stay what they are, and
-- depth costs no stack. A node is three entries of one flat array, which string.buffer encodes:
--
--     TABLE     the table itself, as all in it is plain                false
--     LINKED    a table of its plain pairs                             {bits, key, value, ...}
--     FUNCTION  bytecode                                               {kind, x, ...} or false
--     NAME      a module's name                                        a field's name or false
--
-- Plain: nil, booleans, numbers, strings, int64 and uint64. By name travels what both sides have
-- (exports.lua).
--
-- Most calls have plain arguments and a function without upvalues, most results are plain: these
-- travel as the table itself, with the function's bytecode as `code`. The table has its length in
-- `n`, which the flat array has not.

local buffer = require("string.buffer")
local exports = require("moonloop.core.exports")

local TABLE, LINKED, FUNCTION, NAME = 1, 2, 3, 4
-- The bits of a link: which of the two is a node's number.
local REF_VALUE, REF_KEY = 1, 2
-- The kinds of an upvalue: nil, a plain value, a node's number, the same variable as another
-- function's (number of that node * CELLS + index of the upvalue; a function has at most 60).
local NIL, PLAIN, REF, SAME = 0, 1, 2, 3
local CELLS = 256

local MAX_NODES = 1000000
local MAX_BYTES = 256 * 1024 * 1024
local MAX_CACHED = 256 -- functions
local MAX_ROW = 16 -- plain values that are looked through before all else

local type, next, pcall = type, next, pcall
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue
local upvalueid, upvaluejoin = debug.upvalueid, debug.upvaluejoin
local raw_metatable, raw_env = debug.getmetatable, debug.getfenv
local dump = string.dump
local export_name = exports.name

local marshal = {}

-- Errors.

local KEY = {} -- in place of a label: the node is a table's key

local function index_text(label, first)
	if type(label) == "string" then
		label = #label > 40 and label:sub(1, 40) .. "..." or label
		if label:find("^[%a_][%w_]*$") then
			return first and label or "." .. label
		end
		return ("[%q]"):format(label)
	end
	local plain = type(label) == "number" or type(label) == "boolean"
	return ("[%s]"):format(plain and tostring(label) or type(label))
end

-- One step down from the node `parent`; nil: a table's field, which joins its neighbours.
local function step_text(w, parent, label)
	if parent == 1 then
		return label ~= "fn" and ("%s %s"):format(w.what, tostring(label)) or ""
	elseif label == KEY then
		return "a key"
	elseif type(w.values[parent]) == "function" then
		return type(label) == "number" and ("upvalue #%d"):format(label) or ('upvalue "%s"'):format(label)
	end
end

--- Where a node hangs: `argument 2, field "x.y"`.
local function path_text(w, id)
	local chain, parts, field = {}, {}, ""
	while id > 1 do
		table.insert(chain, 1, id)
		id = w.parents[id]
	end
	local function close_field()
		if field ~= "" then
			parts[#parts + 1] = ('field "%s"'):format(field)
			field = ""
		end
	end
	for _, node in ipairs(chain) do
		local label = w.labels[node]
		local text = step_text(w, w.parents[node], label)
		if not text then
			field = field .. index_text(label, field == "")
		else
			close_field()
			parts[#parts + 1] = text ~= "" and text or nil
		end
	end
	close_field()
	return #parts > 0 and table.concat(parts, ", ") or "the function"
end

-- Encoding.

local function is_plain(value)
	local kind = type(value)
	if kind == "string" or kind == "number" or kind == "boolean" then
		return true
	end
	if kind ~= "cdata" then
		return false
	end
	local ok, bytes = pcall(buffer.encode, value) -- refuses all but the two, and complex numbers
	local tag = ok and bytes:byte()
	return tag == 0x10 or tag == 0x11
end

--- The node's number; a value that is met for the first time is put on the list.
local function ref(w, value, parent, label)
	local id = w.ids[value]
	if id == nil then
		id = w.n + 1
		w.n = id
		w.ids[value], w.values[id] = id, value
		w.parents[id], w.labels[id] = parent, label
	end
	return id
end

local function put(w, kind, a, b)
	local out, n = w.out, w.out_n
	out[n + 1], out[n + 2], out[n + 3] = kind, a, b
	w.out_n = n + 3
end

local function put_linked(w, id, t)
	local base, links, n = {}, {}, 0
	for key, value in next, t do
		local bits, label = 0, key
		if not is_plain(key) then
			bits = REF_KEY
			key = ref(w, key, id, KEY)
		end
		if not is_plain(value) then
			bits = bits + REF_VALUE
			value = ref(w, value, id, label)
		end
		if bits == 0 then
			base[key] = value
		else
			links[n + 1], links[n + 2], links[n + 3] = bits, key, value
			n = n + 3
		end
	end
	put(w, LINKED, base, links)
end

-- This and the next one return why the value cannot cross, or nil.
local function put_table(w, id, t)
	local mt = raw_metatable(t)
	if mt ~= nil then
		local name = type(mt) == "table" and rawget(mt, "__name")
		return "a table with a metatable" .. (type(name) == "string" and " (" .. name .. ")" or "")
	end
	for key, value in next, t do
		if not (is_plain(key) and is_plain(value)) then
			return put_linked(w, id, t)
		end
	end
	put(w, TABLE, t, false)
end

local function put_function(w, id, fn)
	local dumped, code = pcall(dump, fn)
	if not dumped then
		return "a C function that no loaded module exports"
	elseif raw_env(fn) ~= _G then
		return "a function with an environment of its own (setfenv)"
	end
	local ups, n, i = nil, 0, 1
	local name, value = getupvalue(fn, 1)
	while name ~= nil do
		local cell = upvalueid(fn, i)
		local kind, x = NIL, false
		if w.cells[cell] then
			kind, x = SAME, w.cells[cell]
		elseif is_plain(value) then
			kind, x = PLAIN, value
		elseif value ~= nil then
			kind, x = REF, ref(w, value, id, name ~= "" and name or i)
		end
		if kind ~= SAME then
			w.cells[cell] = id * CELLS + i
		end
		ups = ups or {}
		ups[n + 1], ups[n + 2] = kind, x
		n = n + 2
		i = i + 1
		name, value = getupvalue(fn, i)
	end
	put(w, FUNCTION, code, ups or false)
end

local function put_value(w, id, value)
	local module, field = export_name(value)
	if module ~= nil then
		return put(w, NAME, module, field)
	end
	local kind = type(value)
	if kind == "table" then
		return put_table(w, id, value)
	end
	local why = kind == "function" and put_function(w, id, value)
		or kind == "thread" and "a coroutine"
		or kind ~= "function" and "a " .. kind
	if not why then
		return nil
	end
	exports.look() -- exported since the last look?
	if export_name(value) ~= nil then
		return put_value(w, id, value)
	end
	return why
end

-- The short way.

-- Functions without upvalues that were sent before → {bytecode, the bytes of a call without arguments}.
local codes = setmetatable({}, { __mode = "k" })

local NO_RESULTS = buffer.encode({ n = 0 })

local function is_plain_row(root, n)
	if n > MAX_ROW then
		return false
	end
	for i = 1, n do
		local value = root[i]
		if value ~= nil and not is_plain(value) then
			return false
		end
	end
	return true
end

local function note_code(w, fn)
	if w.out[4] == FUNCTION and w.values[2] == fn and w.out[6] == false then
		codes[fn] = { w.out[5], buffer.encode({ code = w.out[5], n = 0 }) }
	end
end

local function encode_plain(root)
	local ok, bytes = pcall(buffer.encode, root)
	return ok and #bytes <= MAX_BYTES and bytes or nil
end

-- The bytes, or nil when it has to go the long way.
local function encode_row(root)
	local n, fn = root.n, root.fn
	if n == nil or not is_plain_row(root, n) then
		return nil
	elseif fn == nil then
		return n == 0 and NO_RESULTS or encode_plain(root)
	end
	local known = codes[fn]
	if known == nil or raw_env(fn) ~= _G then
		return nil
	elseif n == 0 then
		return known[2]
	end
	root.fn, root.code = nil, known[1]
	local bytes = encode_plain(root)
	root.fn, root.code = fn, nil
	return bytes
end

local DIRECTION = { argument = "to a thread", result = "from a thread" }

--- Encodes a table of arguments or results.
-- @param root an array with its length as n; arguments have the function itself as fn
-- @param what "argument" or "result": for the error text
-- @return bytes; nil and a text that names the value which cannot cross
function marshal.encode(root, what)
	local short = encode_row(root)
	if short then
		return short
	end
	local w = {
		what = what,
		n = 0, -- nodes
		ids = {}, -- value → node
		values = {}, -- node → value
		parents = {}, -- node → the node that it was met in first
		labels = {}, -- node → its key there, its upvalue's name or index, or KEY
		cells = {}, -- upvalue's identity → node * CELLS + index
		out = {},
		out_n = 0,
	}
	exports.refresh()
	local id = ref(w, root)
	while id <= w.n do
		local why = put_value(w, id, w.values[id])
		if why then
			return nil, ("%s cannot cross %s: it is %s"):format(path_text(w, id), DIRECTION[what], why)
		end
		id = id + 1
		if id > MAX_NODES then
			return nil, ("the %ss hold more than %d tables and functions"):format(what, MAX_NODES)
		end
	end
	local ok, bytes = pcall(buffer.encode, w.out)
	if not ok then
		return nil, ("the %ss: %s"):format(what, bytes)
	elseif #bytes > MAX_BYTES then
		return nil, ("the %ss are larger than %d MiB"):format(what, MAX_BYTES / 1048576)
	end
	if root.fn then
		note_code(w, root.fn)
	end
	return bytes
end

-- Decoding.

-- Functions without upvalues, by their bytecode: the same again is one that is compiled already.
-- With upvalues it is a new one each time, for compiled code may have their values built in.
local cache, cached = {}, 0

local function load_function(code, ups)
	local fn = cache[code]
	if fn then
		return setfenv(fn, _G)
	end
	fn = assert(load(code, "=(thread.run)", "b"))
	if not ups then
		if cached == MAX_CACHED then
			cache, cached = {}, 0
		end
		cache[code] = fn
		cached = cached + 1
	end
	return fn
end

local function connect(nodes, t, links)
	for i = 1, #links, 3 do
		local bits, key, value = links[i], links[i + 1], links[i + 2]
		if bits >= REF_KEY then
			key = nodes[key]
		end
		if bits ~= REF_KEY then
			value = nodes[value]
		end
		t[key] = value
	end
end

local function set_upvalues(nodes, fn, ups)
	for i = 1, #ups / 2 do
		local kind, x = ups[2 * i - 1], ups[2 * i]
		if kind == PLAIN then
			setupvalue(fn, i, x)
		elseif kind == REF then
			setupvalue(fn, i, nodes[x])
		elseif kind == SAME then
			upvaluejoin(fn, i, nodes[math.floor(x / CELLS)], x % CELLS)
		end
	end
end

--- Decodes what marshal.encode made. Requires the modules that were named.
-- @return the table; raises what a module raised that cannot be loaded here
function marshal.decode(bytes)
	local list = buffer.decode(bytes)
	if list.n then
		list.fn = list.code and load_function(list.code, false)
		return list
	end
	local nodes, n = {}, #list / 3
	for id = 1, n do
		local at = 3 * id
		local kind, a, b = list[at - 2], list[at - 1], list[at]
		if kind == FUNCTION then
			a = load_function(a, b)
		elseif kind == NAME then
			a = exports.find(a, b)
		end
		nodes[id] = a
	end
	for id = 1, n do
		local kind, b = list[3 * id - 2], list[3 * id]
		if kind == LINKED then
			connect(nodes, nodes[id], b)
		elseif kind == FUNCTION and b then
			set_upvalues(nodes, nodes[id], b)
		end
	end
	return nodes[1]
end

return marshal
