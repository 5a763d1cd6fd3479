--- The pool thread's side of thread.run: bytes in, bytes out. Loaded in the threads' Lua states only,
-- called by server/runtime/job_vm.c.

local marshal = require("moonloop.core.marshal")

local encode, decode = marshal.encode, marshal.decode

local job = {}

-- What package.loaded holds while a module loads, as this one does now. Lua leaves it there when the
-- loading fails, and then hides the reason from the next `require` of that module.
local LOADING = package.loaded["moonloop.core.job"]

local function forget_failed_modules()
	for name, value in pairs(package.loaded) do
		if value == LOADING then
			package.loaded[name] = nil
		end
	end
end

local function pack(...)
	return { n = select("#", ...), ... }
end

local function perform(bytes)
	local call = decode(bytes)
	return pack(call.fn(unpack(call, 1, call.n)))
end

-- What Lua raises when it has none. The handler is not called then.
local NO_MEMORY = "not enough memory"

local OWN_FRAME = "\n\t" .. debug.getinfo(1, "S").short_src .. ":"

-- The frames of the function: what is below is this file, and the gateway's own Lua says nothing.
local function tidy(text)
	text = text:gsub("^%s*stack traceback:", "")
	local own = text:find(OWN_FRAME, 1, true)
	text = own and text:sub(1, own - 1) or text
	return (text:gsub("\n[^\n]*moonloop[./]core[./][^\n]*", ""):gsub("\n%s*%[C%]: in function 'error'", ""))
end

-- After a stack overflow there is little room for a handler: what it gets is kept first.
local traceback = debug.traceback
local raised_err, raised_at
local function note(err)
	raised_err, raised_at = err, ""
	raised_at = traceback("", 2)
end

local function text_of(err)
	local ok, text = pcall(tostring, err)
	return ok and text or "(error object of type " .. type(err) .. ")"
end

-- An error object crosses as it is if it can.
local function encode_error(err, at)
	local bytes
	if type(err) == "table" then
		bytes = encode({ object = err }, "result")
	end
	return bytes or encode({ message = text_of(err), frames = tidy(at) }, "result")
end

--- Calls the function that was sent.
-- @param bytes what moonloop/thread.lua encoded: {fn =, n =, arguments ...}
-- @return bytes and false: {n =, results ...}; or bytes and true: {object =} for a table that was
-- raised; {message =, frames =} for anything else; {message =} for results that cannot cross. True as
-- the third: the state is spent
function job.run(bytes)
	local ok, results = xpcall(perform, note, bytes)
	if not ok then
		if LOADING ~= nil then
			forget_failed_modules()
		end
		local err, at = raised_err, raised_at
		raised_err, raised_at = nil, nil
		if results == NO_MEMORY then
			err, at = results, ""
		elseif at == nil then -- no room even for the handler
			err, at = "stack overflow (" .. tostring(results) .. ")", ""
		end
		return encode_error(err, at), true, err == NO_MEMORY
	end
	local out, why = encode(results, "result")
	if not out then
		return encode({ message = why }, "result"), true
	end
	return out, false
end

return job
