--- Stops a task at its first wait, its second, … until it ends before it is stopped; and counts what the
-- worker has before and after.
--
-- Every wait of Lua ends up in one function (park of core/coroutine.lua). A task that is watched goes
-- through a wrapper of it, which counts its waits and tells the task that watches it, the driver.
--
-- A scenario is a function that gets a world ({dir = an empty directory}) and makes a fresh
--
--     {run = function(timeout)   what is stopped; a timeout only comes if `timeout` is true
--      release = function()      what makes it go on: called by the driver at every wait that is not stopped
--      check = function(ended)   what must hold afterwards; ended: it was not stopped
--      gives = {…}               what run returns when nothing stops it
--      timeout = true            run takes a timeout, and then returns nil, "timeout"
--      holds = true}             some of its waits are shielded: it may end although it was stopped

local assert = require("luassert")
local errors = require("moonloop.core.errors")
local fs = require("moonloop.fs")
local native = require("moonloop.core.ffi")
local state = require("moonloop.core.state")
local task = require("moonloop.task")
local time = require("moonloop.time")
local verbs = require("moonloop.core.native")
local wait = require("moonloop.core.wait")
local worker = require("moonloop.worker")

local C = native.C
local WAITS_MAX = 100 -- of one scenario
local SETTLE_SECONDS = 10 -- what a job that was left to itself may take

native.ffi.cdef([[unsigned jobs_live(void), files_live(void), stream_live(void), watch_live(void),
	socket_live(void), dns_live(void);]])

local cancel = {
	--- What task.tree() said that tasks wait for: name → true.
	shown = {},
}

local function upvalue(fn, name)
	for i = 1, 250 do
		local found, value = debug.getupvalue(fn, i)
		if found == name then
			return value, i
		end
	end
	error("no upvalue " .. name)
end

-- The waits of watched tasks.

local watched = {} -- task id → its run
local raw_park = require("moonloop.core.coroutine").park

local function before_park()
	local run = watched[verbs.self()]
	if run then
		run.n = run.n + 1
		if run.n == run.at and run.way.moment == "before" then
			run.way.stop(run)
		end
		run.rests = true
		verbs.wake(run.driver)
	end
end

local function after_park()
	local run = watched[verbs.self()]
	if run then
		run.rests = false
		if run.n == run.at and run.way.moment == "after" then
			run.way.stop(run)
		end
	end
end

-- By its name task.tree() takes it for one of the runtime's own.
local park = assert(loadstring([[
	local before, park, after = ...
	return function()
		before()
		park()
		after()
	end]], "@moonloop.watched"))(before_park, raw_park, after_park)

-- Gives all functions of the library another value for an upvalue that they share.
local function replace(from, to)
	local seen, list = {}, {}
	local function add(value)
		local kind = type(value)
		if (kind == "table" or kind == "function") and not seen[value] then
			seen[value] = true
			list[#list + 1] = value
		end
	end
	for name, module in pairs(package.loaded) do
		if name:find("^moonloop") then
			add(module)
		end
	end
	while #list > 0 do
		local value = table.remove(list)
		if type(value) == "table" then
			add(debug.getmetatable(value))
			for _, field in next, value do
				add(field)
			end
		else
			for i = 1, 250 do
				local name, found = debug.getupvalue(value, i)
				if name == nil then
					break
				elseif found == from and value ~= to then
					debug.setupvalue(value, i, to)
				end
				add(found)
			end
		end
	end
	-- Compiled code takes an upvalue that nobody assigns for a constant.
	jit.flush()
end

--- Watching begins, and ends.
function cancel.install()
	replace(raw_park, park)
end

function cancel.remove()
	replace(park, raw_park)
end

-- Ways of stopping.

local function call(_, fn)
	return fn()
end

local function call_with_deadline(run, fn)
	return task.timeout(3600, function()
		run.scope = state.current()[state.SCOPE]
		return fn()
	end)
end

local function call_shielded(_, fn)
	return task.shield(fn)
end

local function stop_by_cancel(run)
	C.ml_task_cancel(run.id)
end

-- The deadline passes now.
local function stop_by_deadline(run)
	run.scope.due = 0
	C.ml_task_limit(run.id, 0)
end

local function wake_for_nothing(run)
	verbs.wake(run.id)
end

local function is_cancelled(run)
	return not run.result[1] and task.is_cancelled(run.result[2])
end

local function is_timeout(run)
	return run.result[1] and run.result[2] == nil and run.result[3] == "timeout"
end

local function never()
	return false
end

-- must: whether it cannot end as if nothing happened, stopped before it has what it waits for.
local WAYS = {
	{ name = "cancelled when it begins to wait", moment = "before", must = true, call = call,
		stop = stop_by_cancel, is_stopped = is_cancelled },
	{ name = "cancelled while it waits", moment = "during", must = true, call = call,
		stop = stop_by_cancel, is_stopped = is_cancelled },
	{ name = "cancelled when it has what it waited for", moment = "after", call = call,
		stop = stop_by_cancel, is_stopped = is_cancelled },
	{ name = "stopped by a deadline when it begins to wait", moment = "before", must = true,
		call = call_with_deadline, stop = stop_by_deadline, is_stopped = is_timeout },
	{ name = "stopped by a deadline while it waits", moment = "during", must = true,
		call = call_with_deadline, stop = stop_by_deadline, is_stopped = is_timeout },
	{ name = "stopped by a deadline when it has what it waited for", moment = "after",
		call = call_with_deadline, stop = stop_by_deadline, is_stopped = is_timeout },
	{ name = "cancelled below a shield", moment = "during", call = call_shielded,
		stop = stop_by_cancel, is_stopped = never },
	{ name = "woken for nothing", moment = "during", call = call,
		stop = wake_for_nothing, is_stopped = never },
}

-- One run.

local function find(nodes, id)
	for _, node in ipairs(nodes) do
		local found = node.id == id and node or find(node.children, id)
		if found then
			return found
		end
	end
end

-- The task is at rest in a wait: the driver's turn.
local function attend(run, made)
	if run.n == run.at and run.way.moment ~= "after" then
		if run.way.moment == "during" then
			local node = find(task.tree(), run.id)
			run.shown = node and node.waits_for
			cancel.shown[run.shown or ""] = true
			run.way.stop(run)
		end
	elseif made.release then
		made.release()
	end
end

local function perform(made, way, at)
	local run = { id = nil, driver = verbs.self(), way = way, at = at, n = 0, rests = false, result = nil,
		shown = "", scope = nil }
	local victim = task.spawn(function()
		run.id = verbs.self()
		watched[run.id] = run
		run.result = { pcall(way.call, run, made.run) }
		watched[run.id] = nil
		verbs.wake(run.driver)
	end)
	local attended = 0
	while not run.result do
		if run.rests and run.n > attended then
			attended = run.n
			attend(run, made)
		else
			wait.park()
		end
	end
	victim:join()
	return run
end

local waiting = upvalue(wait.wait_on, "waiting")
local notes = upvalue(errors.note, "notes")

local function is_in_no_list(id)
	for _, list in pairs(waiting) do
		for _, other in ipairs(list) do
			assert.not_equal(id, other)
		end
	end
end

-- Whether it ended as if nothing had happened; raises when it did neither.
local function judge(run, made)
	local what = ("%s, wait %d of %d: %s, %s"):format(run.way.name, run.at, run.n, tostring(run.result[1]),
		errors.describe(run.result[2]))
	local hit = run.n >= run.at
	is_in_no_list(run.id)
	assert.is_truthy(run.shown, "task.tree() does not name what it waits for: " .. what)
	if hit and run.way.is_stopped(run) then
		return false
	end
	assert.is_true(run.result[1], what)
	assert.is_false(hit and run.way.must and not made.holds or false, "it went on: " .. what)
	assert.same(made.gives, { unpack(run.result, 2) }, what)
	return true
end

-- What there is.

local function count(t)
	local n = 0
	for _ in pairs(t) do
		n = n + 1
	end
	return n
end

local function children()
	local n = 0
	for _, thread in ipairs(fs.listdir("/proc/self/task")) do
		local file = io.open("/proc/self/task/" .. thread.name .. "/children")
		local text = file and file:read("*a") or ""
		n = n + select(2, text:gsub("%d+", ""))
		if file then
			file:close()
		end
	end
	return n
end

--- All that a task could leave behind.
function cancel.inventory(dir)
	collectgarbage()
	collectgarbage()
	return {
		descriptors = #fs.listdir("/proc/self/fd"),
		entries = #fs.listdir(dir), -- temporary files, too
		children = children(),
		tasks = worker.info().tasks,
		states = count(state.of),
		waiting = count(waiting),
		notes = count(notes),
		jobs = C.jobs_live(),
		files = C.files_live(),
		streams = C.stream_live(),
		watches = C.watch_live(),
		sockets = C.socket_live(),
		look_ups = C.dns_live(),
	}
end

local function same(a, b)
	for key, n in pairs(a) do
		if b[key] ~= n then
			return false
		end
	end
	return true
end

-- Waits for an inventory to be as it was; without one, for two that are the same.
local function settle(dir, expected)
	local until_ = time.now() + SETTLE_SECONDS
	local before, now = expected, cancel.inventory(dir)
	while (before == nil or not same(before, now)) and time.now() < until_ do
		task.sleep(0.005)
		before, now = expected or now, cancel.inventory(dir)
	end
	assert.same(before, now)
	return now
end

local function once(make, world, way, at)
	local made = make(world)
	local run = perform(made, way, at)
	local ended = judge(run, made)
	if made.check then
		made.check(ended)
	end
	return run.n, made.timeout
end

--- Runs a scenario, stopped in every way at every wait.
-- @return how many waits it has at least; whether it takes a timeout
function cancel.everywhere(make, world)
	local _, takes_timeout = once(make, world, WAYS[1], math.huge)
	local before = settle(world.dir)
	local least = math.huge
	for _, way in ipairs(WAYS) do
		local at = 0
		repeat
			at = at + 1
			assert(at <= WAITS_MAX, "it waits without end")
			local n = once(make, world, way, at)
		until n < at
		least = math.min(least, at - 1)
	end
	settle(world.dir, before)
	return least, takes_timeout
end

--- Runs a scenario that takes timeouts with some.
function cancel.timeouts(make, world)
	for _, seconds in ipairs({ 0.003, 0 }) do
		local made = make(world)
		local value, code = made.run(seconds)
		assert.same({ nil, "timeout" }, { value, code })
		made.check(false)
	end
end

return cancel
