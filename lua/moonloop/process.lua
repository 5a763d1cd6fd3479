--- Other programs: started without a shell, waited for without blocking the loop.
--
--     local process = require "moonloop.process"
--     local result = process.run({ "git", "rev-parse", "HEAD" }, { timeout = 5 })
--
-- A process belongs to its object: when that is collected or closed, what still runs is killed.

local native = require("moonloop.core.ffi")
local fsops = require("moonloop.core.fsops")
local pipe = require("moonloop.core.pipe")
local pool = require("moonloop.core.pool")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local AGAIN = native.codes.AGAIN
local blame = fsops.blame

local KILL, TERM = 9, 15

local process = { KILL = KILL, TERM = TERM, HUP = 1, INT = 2 }

local Process = { __name = "moonloop.process" }
Process.__index = Process

local signalled = ffi.new("int[1]")
local handles = ffi.new("double[5]")

local function check_argv(name, argv)
	if type(argv) ~= "table" or #argv == 0 then
		blame(name .. ": argv must be an array of strings: the program, then its arguments")
	end
	for i = 1, #argv do
		fsops.check_path(name, argv[i], ("argv[%d]"):format(i))
	end
end

local function env_of(name, env)
	local list = {}
	for key, value in pairs(env or {}) do
		fsops.check_path(name, key, "a name in env")
		fsops.check_path(name, value, "env." .. key)
		list[#list + 1] = key .. "=" .. value .. "\0"
	end
	return table.concat(list)
end

-- bits of server/runtime/fs_spawn.c
local function bits_of(name, options)
	local bits = options.env and 16 or 0
	for i, stream in ipairs({ "stdin", "stdout", "stderr" }) do
		local how = options[stream] or (stream == "stdin" and "null" or "pipe")
		if how == "pipe" then
			bits = bits + 2 ^ (i - 1)
		elseif how == "stdout" and stream == "stderr" then
			bits = bits + 8
		elseif how ~= "null" then
			blame(('%s: %s must be "pipe" or "null", got %s'):format(name, stream, tostring(how)))
		end
	end
	return bits
end

local function check(self, name)
	if type(self) ~= "table" or getmetatable(self) ~= Process then
		blame(("process:%s: expected a process, got a %s; call it as process:%s()")
			:format(name, type(self), name))
	end
end

local function spawn(name, argv, options)
	check_argv(name, argv)
	options = fsops.options(name, options)
	if options.cwd ~= nil then
		fsops.check_path(name, options.cwd, "cwd")
	end
	if options.env ~= nil and type(options.env) ~= "table" then
		blame(name .. ": env must be a table, got a " .. type(options.env))
	elseif not pool.can_wait() then
		blame(name .. ": a pool thread has no loop that could wait for a process")
	end
	local bits = bits_of(name, options)
	local rest = table.concat(argv, "\0") .. "\0" .. env_of(name, options.env)
	local output, code, detail = fsops.call(C.ML_FS_SPAWN, options.cwd or "", rest, bits, #argv)
	if output == nil then
		return nil, code, ("%s: %s"):format(argv[1], detail)
	end
	ffi.copy(handles, output, 40)
	local self = setmetatable({
		pid = handles[4],
		stdin = nil,
		stdout = nil,
		stderr = nil,
		owner_ = ffi.new("ml_file", handles[0]), -- kills it when collected
		exit_ = ffi.new("ml_stream", C.ml_stream_open(handles[0])),
		waits_ = false,
	}, Process)
	self.stdin = pipe.new(handles[1], "stdin", self)
	self.stdout = pipe.new(handles[2], "stdout", self)
	self.stderr = pipe.new(handles[3], "stderr", self)
	return self
end
waits.names[spawn] = "process.spawn"

--- Starts a program. Suspends.
-- @param argv the program, looked up in PATH, and its arguments; no shell sees them
-- @param options {cwd = directory, env = {NAME = "value"} instead of this process's, stdin = "null" or
-- "pipe", stdout = "pipe" or "null", stderr = "pipe", "null" or "stdout"}
-- @return a process with .pid and the pipes .stdin, .stdout, .stderr; nil, code, detail
function process.spawn(argv, options)
	return spawn("process.spawn", argv, options)
end

local function wait(self, due)
	while true do
		local rc = C.ml_stream_exit(self.exit_.id, signalled)
		if rc >= 0 then
			local status = signalled[0] == 0 and { status = rc } or { signal = rc }
			return status
		elseif rc ~= AGAIN then
			return nil, native.name(rc), "the process was closed"
		elseif due then
			if C.ml_now() >= due then
				return nil, "timeout", "the process still runs"
			end
			C.ml_task_alarm(due - C.ml_now())
		end
		task.wait()
	end
end

--- Suspends until the process ended. A task that is cancelled here kills it.
-- @param timeout in seconds; nil: for ever
-- @return {status = exit status} or {signal = what killed it}; nil, "timeout", detail
function Process:wait(timeout)
	check(self, "wait")
	if timeout ~= nil and (type(timeout) ~= "number" or timeout < 0 or timeout ~= timeout) then
		blame("process:wait: timeout must be a number >= 0, got " .. tostring(timeout))
	elseif self.waits_ then
		blame("process:wait: another task waits for this process")
	end
	self.waits_ = true
	local ok, status, code, detail = pcall(wait, self, timeout and C.ml_now() + timeout)
	self.waits_ = false
	C.ml_task_alarm(-1)
	if not ok then
		self:kill(KILL)
		error(status, 0)
	end
	return status, code, detail
end
waits.names[Process.wait] = "process:wait"

--- Sends a signal: process.TERM (the default), KILL, HUP, INT, or a number.
-- @return true, also if it has ended; nil, code
function Process:kill(signal)
	check(self, "kill")
	local rc = C.ml_stream_kill(self.exit_.id, fsops.integer("process:kill", "signal", signal, 64, TERM))
	if rc < 0 then
		return nil, native.name(rc)
	end
	return true
end

--- Closes the pipes, and kills what still runs. Does not suspend.
function Process:close()
	check(self, "close")
	for _, name in ipairs({ "stdin", "stdout", "stderr" }) do
		if self[name] then
			self[name]:close()
		end
	end
	C.ml_stream_close(self.exit_.id)
	C.ml_file_drop(self.owner_.id)
	return true
end

-- The pipes may be closed before these begin, when the task is cancelled.

local function feed(stdin, input)
	if not stdin.closed_ then
		stdin:write(input) -- who does not want all of it has closed it
		stdin:close()
	end
end

local function collect(out)
	return not out.closed_ and out:read("all") or nil
end

local function attend(self, input, timeout, late)
	local timer = timeout and task.spawn(function()
		task.sleep(timeout)
		late[1] = true
		self:close()
	end)
	local out, err = task.spawn(collect, self.stdout), nil
	if self.stderr then
		err = task.spawn(collect, self.stderr)
	end
	if self.stdin then
		task.spawn(feed, self.stdin, input)
	end
	local stdout, stderr = out:join(), err and err:join()
	local status, code, detail = self:wait()
	if timer then
		timer:cancel()
	end
	if status then
		status.stdout, status.stderr = stdout, stderr
	end
	return status, code, detail
end

--- Runs a program to its end. Suspends. It is killed when the task is cancelled.
-- @param options those of process.spawn, and {input = a string for its stdin, timeout = seconds}
-- @return {status = or signal =, stdout =, stderr =}; nil, code, detail: "timeout": it was killed
function process.run(argv, options)
	options = fsops.options("process.run", options)
	local input, timeout = options.input, options.timeout
	if input ~= nil then
		fsops.check_data("process.run", input)
	end
	if timeout ~= nil and (type(timeout) ~= "number" or timeout < 0) then
		blame("process.run: timeout must be a number >= 0, got " .. tostring(timeout))
	end
	local self, code, detail = spawn("process.run", argv, {
		cwd = options.cwd,
		env = options.env,
		stdin = input and "pipe" or "null",
		stderr = options.stderr,
	})
	if not self then
		return nil, code, detail
	end
	local late = {}
	local ok, result
	ok, result, code, detail = pcall(attend, self, input, timeout, late)
	self:close()
	if not ok then
		error(result, 0)
	elseif late[1] then
		return nil, "timeout", argv[1] .. ": killed, for it took too long"
	end
	return result, code, detail
end
waits.names[process.run] = "process.run"

return process
