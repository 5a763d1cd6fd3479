--- One input of a prompt: compiled, run as a task, its results as text.

local errors = require("moonloop.core.errors")
local native = require("moonloop.core.ffi")
local pretty = require("moonloop.tools.pretty")
local state = require("moonloop.core.state")
local task = require("moonloop.task")

local C = native.C

local evaluate = {}

local function identity(...)
	return ...
end

--- Expressions are returned, with "=" before them or without.
-- @return a function, which wants to be called with evaluate.run; nil and what is wrong; nil, nil: it goes
-- on in the next line
function evaluate.compile(text)
	local expression = text:match("^%s*=(.*)$") or text
	local fn, why = loadstring("return " .. expression, "=stdin")
	if fn then -- not as a tail call, which has no line to be named in an error
		return assert(loadstring("return (...)(" .. expression .. "\n)", "=stdin"))
	end
	local statement, statement_why = loadstring(text, "=stdin")
	if statement then
		return statement
	elseif statement_why:find("'<eof>'$") or why:find("'<eof>'$") then
		return nil, nil
	end
	return nil, text:find("^%s*=") and why or statement_why
end

-- What an input started goes on after it, until the prompt is left.
local function hand_over_children(owner)
	local child = state.current()[state.CHILD]
	while child do
		local following = child[state.NEXT]
		state.orphan(child)
		state.adopt(owner, child)
		child = following
	end
end

local function pack(...)
	return { n = select("#", ...), ... }
end

local function run(fn, env, budget, owner, outcome)
	if budget then
		task.cpu_budget(budget)
	end
	local results = pack(xpcall(fn, errors.note, identity))
	if results[1] then
		hand_over_children(owner)
		local parts = {}
		for i = 2, results.n do
			parts[i - 1] = pretty.show(results[i])
		end
		if results.n > 1 then
			rawset(env, "_", results[2])
		end
		outcome.ok, outcome.text = true, table.concat(parts, "\t")
	elseif C.ml_task_stopped() == 0 and not task.is_cancelled(results[2]) then
		outcome.text = errors.text(results[2])
	end
	outcome.stopped = C.ml_task_stopped() ~= 0
end

--- Starts it in a task of the running one, to which belongs what it will have spawned.
-- @param env its globals
-- @param budget CPU seconds, for task.cpu_budget; nil: as any task
-- @return the task; a table in which, when the task has ended, are ok, text (of the results, or of the
-- error; nil: interrupted), stopped (by the guard)
function evaluate.start(fn, env, budget)
	local outcome = { ok = false, text = nil, stopped = false }
	return task.spawn(run, setfenv(fn, env), env, budget, state.current(), outcome):name("input"), outcome
end

return evaluate
