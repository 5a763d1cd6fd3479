--- moonloop repl --attach PATH: a prompt whose inputs run in a worker that serves.

local args = require("moonloop.tools.args")
local channel = require("moonloop.tools.channel")
local native = require("moonloop.core.ffi")
local prompt = require("moonloop.tools.prompt")

local C = native.C

local REASONS = {
	not_found = "nothing is there; was the gateway started with --control?",
	closed = "nobody listens there any more",
	denied = "it belongs to another user",
	invalid = "the path is too long",
}

-- Sends an input, and shows what it prints until it is through.
local function run(wire, text)
	wire:write("E", text)
	while true do
		local kind, answer = wire:read()
		if kind == "O" then
			io.stdout:write(answer)
		elseif kind == "R" or kind == "F" then
			return kind == "R", answer
		elseif kind == nil then
			return false, "the worker has closed the connection", true
		end
	end
end

--- @param path of --control
-- @param index of the worker
-- @return the exit code
return function(path, index)
	path = ("%s.%d"):format(path, index)
	local file = C.ml_control_connect(path)
	if file < 0 then
		local code = native.name(file)
		return args.complain(("repl: %s: %s"):format(path, REASONS[code] or code), 1)
	end
	local wire = channel.new(file)
	local kind, greeting = wire:read()
	if kind ~= "H" then
		return args.complain(("repl: %s: it does not let you in"):format(path), 1)
	end
	greeting = ("attached to %s. Ctrl-C stops an input, Ctrl-D leaves."):format(greeting)
	local code = prompt.loop(greeting, function(_, text)
		return run(wire, text)
	end, function()
		wire:write("I", "")
	end)
	wire:close()
	return code
end
