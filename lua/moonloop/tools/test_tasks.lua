--- busted's tests as tasks: each `it` runs in one of its own, with a deadline; what it leaves behind,
-- and errors that nobody waited for, make it fail.
--
-- It replaces two functions of busted. busted.safe calls a block and publishes what went wrong;
-- busted.safe_publish tells of a test's begin and end.

local native = require("moonloop.core.ffi")
local errors = require("moonloop.core.errors")
local state = require("moonloop.core.state")
local core = require("moonloop.core.task")
local task = require("moonloop.task")
local time = require("moonloop.time")

local C = native.C

local SETTLE_SECONDS = 2 -- what a cancelled task may take to end

local test_tasks = {}

local MARKS = { failure = true, pending = true } -- __type of what busted raises on purpose

-- Tasks that are there, by id; one line for each that was not `before`.

local function each_node(nodes, fn)
	for _, node in ipairs(nodes) do
		fn(node)
		each_node(node.children, fn)
	end
end

local function ids()
	local set = {}
	each_node(task.tree(), function(node)
		set[node.id] = true
	end)
	return set
end

local function place(node)
	local where = node.at and " at " .. node.at or ""
	return node.waits_for and ("waits in %s%s"):format(node.waits_for, where) or node.state .. where
end

local function lines_of(before)
	local lines = {}
	each_node(task.tree(), function(node)
		if not before[node.id] then
			lines[#lines + 1] = ("  %s %s"):format(node.name or node.kind, place(node))
		end
	end)
	return lines
end

-- Waits for new tasks to end by themselves; the lines of those that do not.
local function left_over(before)
	local until_ = time.now() + SETTLE_SECONDS
	local lines = lines_of(before)
	while #lines > 0 and time.now() < until_ do
		task.sleep(0.005)
		lines = lines_of(before)
	end
	return lines
end

local function cancel_new(before)
	each_node(task.tree(), function(node)
		if not before[node.id] then
			C.ml_task_cancel(node.id)
		end
	end)
	left_over(before)
end

-- One test.

-- In the test's task: busted's own look at an error, where it was raised.
local function examine(busted, element, result, err)
	if C.ml_task_stopped() ~= 0 then -- no code but the runtime's can run any more
		result.status, result.message = "error", "the test has used up its CPU budget (--cpu-budget)"
		return
	end
	local mark = (debug.getmetatable(err) or {}).__type
	result.status = MARKS[mark] and mark or "error"
	result.trace = busted.getTrace(element, 4, err) -- 1 to 3 are itself, this and the handler
	result.message = busted.rewriteMessage(element, err, result.trace)
end

-- Where the task waits, and all that it started.
local function describe_hang(child, before, seconds)
	local lines = {}
	each_node(task.tree(), function(node)
		if node.id == child[state.ID] then
			lines[1] = ("the test is not over after %g s; it %s"):format(seconds, place(node))
		end
	end)
	before[child[state.ID]] = true
	local others = lines_of(before)
	if #others > 0 then
		lines[#lines + 1] = "and so do:\n" .. table.concat(others, "\n")
	end
	return table.concat(lines, "\n")
end

local function run_in_task(self, element, run)
	local busted, result, before = self.busted, { status = "success" }, ids()
	local child = task.spawn(function()
		result.values = { xpcall(run, function(err)
			examine(busted, element, result, err)
		end) }
	end)
	child:name("test")
	if child:join(self.seconds) == nil and not child:ended() then
		local hang = describe_hang(child, before, self.seconds)
		child:cancel()
		child:join(SETTLE_SECONDS)
		if not child:ended() then
			self.stuck = hang .. "\nand it does not heed its cancellation"
			busted.skipAll = true
		end
		result.status, result.message, result.trace = "error", hang, element.trace
	end
	local values = result.values or { false, "the test's task was stopped" }
	if result.status == "success" and not values[1] then -- the examination failed
		result.status, result.message = "error", errors.describe(values[2])
	end
	result.trace = result.trace or element.trace
	return result
end

-- In place of busted.safe, for `it`.
local function safe_it(self, descriptor, run, element)
	local busted = self.busted
	busted.context.push(element)
	local result = run_in_task(self, element, run)
	if result.status ~= "success" then
		busted.publish({ result.status, descriptor }, element, busted.context.parent(element), result.message,
			result.trace)
	end
	busted.context.pop()
	return busted.status(result.status)
end

-- What a test has to answer for besides its own errors, or nil.
local function reproach(self)
	local parts = {}
	local left = left_over(self.before)
	if #left > 0 then
		parts[1] = "tasks are left, and were cancelled:\n" .. table.concat(left, "\n")
		cancel_new(self.before)
	end
	for _, failed in ipairs(self.unheard) do
		if not core.joined[failed.task] then
			parts[#parts + 1] = "an error in a task that nobody joined:\n" .. failed.traceback
		end
	end
	self.unheard = {}
	return parts[1] and table.concat(parts, "\n")
end

--- Makes busted run each test as a task.
-- @param seconds that a test may take
-- @return a table: progress, a number that changes; last, what was begun last; stuck, a text when a test
-- cannot be ended
function test_tasks.install(busted, seconds)
	local self = {
		busted = busted,
		seconds = seconds,
		progress = 0,
		last = "loading",
		stuck = nil,
		before = ids(), -- tasks that were there when the test began
		unheard = {}, -- tasks that failed since then when nobody waited for them: {task =, traceback =}
	}
	local safe, safe_publish = busted.safe, busted.safe_publish

	function core.unheard(traceback, _, id)
		table.insert(self.unheard, { task = state.of[id], traceback = traceback })
	end

	function busted.safe(descriptor, run, element)
		self.progress = self.progress + 1
		self.last = ("%s %s"):format(descriptor, element.name or "")
		if descriptor == "it" and run == element.run then -- not what is around it
			return safe_it(self, descriptor, run, element)
		end
		return safe(descriptor, run, element)
	end

	function busted.safe_publish(descriptor, channel, element, parent, status, ...)
		if channel[1] == "test" and channel[2] == "start" then
			self.before, self.unheard = ids(), {}
		elseif channel[1] == "test" and channel[2] == "end" and not self.stuck then
			local why = reproach(self)
			if why then
				busted.publish({ "failure", "it" }, element, parent, why, element.trace)
				status = status == "success" and "failure" or status
			end
		end
		return safe_publish(descriptor, channel, element, parent, status, ...)
	end
	return self
end

return test_tasks
