--- The worker's end of `moonloop repl --attach`. Each connection is a task, each of its inputs another;
-- all of them end with the connection.
--
-- The client sends "E" (an input, complete) and "I" (interrupt it); the worker "H" (its greeting), "O"
-- (what the input prints), and for each input "R" (its results) or "F" (what went wrong).

local native = require("moonloop.core.ffi")
local channel = require("moonloop.tools.channel")
local evaluate = require("moonloop.tools.evaluate")
local log = require("moonloop.log")
local state = require("moonloop.core.state")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")
local worker = require("moonloop.worker")

local C = native.C
local AGAIN, GONE = native.codes.AGAIN, native.codes.GONE

local control = {}

-- The globals of a connection: those that it makes are its own, as is print; the others are the worker's.
local function make_env(wire)
	local env = {
		print = function(...)
			local parts = { ... }
			for i = 1, select("#", ...) do
				parts[i] = tostring(parts[i])
			end
			wire:write("O", table.concat(parts, "\t") .. "\n")
		end,
	}
	return setmetatable(env, { __index = _G })
end

-- In a task of its own, so that the connection can be listened to meanwhile.
local function answer(wire, job, outcome)
	local ok, err = pcall(job.join, job)
	if outcome.ok then
		wire:write("R", outcome.text)
	elseif outcome.stopped then
		wire:write("F", "it has used up its CPU budget; the worker's log has more")
	else
		wire:write("F", outcome.text or not ok and tostring(err) or "interrupted")
	end
end

local function converse(wire)
	local info = worker.info()
	wire:write("H", ("worker %d, pid %d, moonloop %s"):format(info.index, info.pid, info.version))
	local env, job = make_env(wire), nil
	while true do
		local kind, text = wire:read()
		local busy = job and not job:ended()
		if kind == nil then
			return
		elseif kind == "I" and busy then
			job:cancel()
		elseif kind == "E" and not busy then
			local fn, why = evaluate.compile(text)
			if fn then
				local outcome
				job, outcome = evaluate.start(fn, env)
				task.spawn(answer, wire, job, outcome)
			else
				wire:write("F", why or "the input is not complete")
			end
		end
	end
end

local function session(file)
	local wire = channel.new(file)
	log.info("control.attached")
	local ok, err = pcall(converse, wire)
	wire:close()
	log.info("control.detached")
	if not ok then
		error(err, 0)
	end
end

--- Lets clients in until the worker stops.
function control.serve()
	state.current():name("control")
	while true do
		local file = C.ml_control_accept()
		if file == AGAIN then
			task.wait()
		elseif file > 0 then
			task.background(session, file):name("attached")
		elseif file == GONE then
			return
		else
			log.error("control.failed", { code = native.name(file) })
			task.sleep(1)
		end
	end
end

waits.names[control.serve] = "a client"

return control
