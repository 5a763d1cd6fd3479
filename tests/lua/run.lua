--- Runs the specs beside this file inside the gateway, where they may wait:
--
--     moonloop check tests/lua/run.lua
--
-- SPEC=task runs only the files whose names contain "task". A spec that fails, a task that outlives
-- its spec, or no spec at all is a failed start: exit code 3.

local moonloop = require("moonloop")
local lasgi = require("moonloop.lasgi")
local task = require("moonloop.task")
local time = require("moonloop.time")
local worker = require("moonloop.worker")

local SUITE_SECONDS = 240
local SETTLE_SECONDS = 2 -- what a cancelled task may take to end

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

-- busted forgets what a spec file was the first to require; these must stay one for all of them.
for name in pairs(require("public").modules) do
	require(name)
end

local current = "(loading)"

-- Waits for the tasks of a spec to end; how many are left over.
local function left_over(before)
	local until_ = time.now() + SETTLE_SECONDS
	while worker.info().tasks > before and time.now() < until_ do
		moonloop.sleep(0.005)
	end
	return worker.info().tasks - before
end

local function spec_path()
	local only = os.getenv("SPEC") or ""
	return { only:gsub("%p", "%%%0") .. ".*_spec%.lua$" }
end

-- The events of busted that count: {descriptor, kind} → what happened.
local function watch(busted, counts)
	local before
	busted.subscribe({ "test", "start" }, function(element)
		current = element.name
		before = worker.info().tasks
		return nil, true
	end)
	busted.subscribe({ "test", "end" }, function(element, _, status)
		counts.seen = counts.seen + 1
		if status == "success" or status == "pending" then
			counts[status] = counts[status] + 1
		end
		local left = left_over(before)
		if left > 0 then
			counts.left[#counts.left + 1] = ("%s: %d tasks are left"):format(element.name, left)
		end
		return nil, true
	end)
	-- An error outside of a test: a file that does not load, a failing before_each.
	for _, kind in ipairs({ "error", "failure" }) do
		busted.subscribe({ kind }, function(element)
			if element.descriptor ~= "it" then
				counts.outside = counts.outside + 1
			end
			return nil, true
		end)
	end
end

local function run_specs(counts)
	local busted = require("busted.core")()
	require("busted")(busted)
	watch(busted, counts)
	require("busted.modules.output_handler_loader")()(busted, "plainTerminal", {
		defaultOutput = "plainTerminal",
		verbose = true,
		language = "en",
		arguments = {},
	})
	require("busted.luajit")()
	local load_files = require("busted.modules.test_file_loader")(busted, { "lua" })
	load_files({ here }, spec_path(), { excludes = {}, verbose = true, recursive = false })
	require("busted.execute")(busted)(1, { sort = true })
	busted.publish({ "exit" })
end

-- nil, or why the run counts as failed.
local function verdict(runner, counts, ended)
	if not ended then
		runner:cancel()
		return ("not over after %d seconds, in: %s"):format(SUITE_SECONDS, current)
	end
	local ok, err = pcall(runner.join, runner)
	if not ok then
		return "the runner failed: " .. tostring(err)
	end
	local failed = counts.seen - counts.success - counts.pending + counts.outside
	if #counts.left > 0 then
		return table.concat(counts.left, "\n")
	elseif failed > 0 then
		return "specs failed: " .. failed
	elseif counts.success == 0 then
		return "no spec ran"
	end
end

local function run()
	local counts = { seen = 0, success = 0, pending = 0, outside = 0, left = {} }
	local ended = false
	local runner = task.spawn(function()
		local ok, err = xpcall(run_specs, debug.traceback, counts)
		ended = true
		if not ok then
			error(err, 0)
		end
	end)
	local until_ = time.now() + SUITE_SECONDS
	while not ended and time.now() < until_ do
		moonloop.sleep(0.02)
	end
	local why = verdict(runner, counts, ended)
	local failed = counts.seen - counts.success - counts.pending + counts.outside + #counts.left
	io.stdout:write(("%d passed, %d failed\n"):format(counts.success, failed))
	io.stdout:flush()
	return why
end

return function(scope, receive, send)
	if scope.type ~= "lifespan" then
		error(lasgi.unsupported)
	end
	assert(receive().type == "lifespan.startup")
	local why = run()
	if why then
		send({ type = "lifespan.startup.failed", message = why })
		return
	end
	send({ type = "lifespan.startup.complete" })
	repeat
		local message = receive()
	until message.type == "lifespan.shutdown"
	send({ type = "lifespan.shutdown.complete" })
end
