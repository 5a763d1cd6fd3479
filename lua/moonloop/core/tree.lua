--- What all tasks of the worker do. Nothing is written down for it while they run: it reads their
-- stacks, so it is for people who look, not for every request.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local errors = require("moonloop.core.errors")
local state = require("moonloop.core.state")
local waits = require("moonloop.core.wait")

local C = native.C
local ID, PARENT, NAME = state.ID, state.PARENT, state.NAME

-- enum task_kind
local REQUEST = 1
local KINDS = { "request", "task", "boot", "notice", "shutdown", "service" }

-- The name of the outermost function of the runtime that waits, and the line that called it.
local function position(co)
	local name
	for level = 0, 200 do
		local info = debug.getinfo(co, level, "Slf")
		if info == nil then
			break
		end
		local ours = info.what == "C" or errors.is_ours(info.source)
		if not ours then
			return name, ("%s:%d"):format(info.short_src, info.currentline)
		end
		name = waits.names[info.func] or name
	end
	return name
end

local function request_line(ex)
	local method = verbs.text(ex, C.ML_METHOD)
	return method and method .. " " .. verbs.text(ex, C.ML_PATH)
end

local function describe(raw)
	local s = state.of[raw.id]
	local kind = KINDS[raw.kind]
	if kind == "task" and s and not s[PARENT] then
		kind = "background"
	end
	local node = {
		id = raw.id,
		name = s and s[NAME] or raw.kind == REQUEST and request_line(raw.arg) or nil,
		kind = kind,
		state = raw.state,
		since = raw.since,
		waits_for = nil,
		at = nil,
		children = {},
	}
	if raw.state == "waiting" or raw.state == "runnable" then
		node.waits_for, node.at = position(raw.co)
	end
	return node
end

local function by_id(a, b)
	return a.since < b.since or a.since == b.since and a.id < b.id
end

local function sort(nodes)
	table.sort(nodes, by_id)
	for i = 1, #nodes do
		sort(nodes[i].children)
	end
end

--- All tasks of the worker.
-- @return an array of those without a parent; each is {id, name, kind ("request", "task", "background",
-- "service", …), state ("starting", "runnable", "running", "waiting"), since (its last change, on the clock
-- of time.now), waits_for ("sleep", "join", "queue:get", …), at ("file:line"), children (an array)}
return function()
	if verbs.self() == 0 then
		errors.blame("tree: a pool thread has no tasks")
	end
	local nodes, roots = {}, {}
	local all = verbs.tasks()
	for i = 1, #all do
		nodes[all[i].id] = describe(all[i])
	end
	for id, node in pairs(nodes) do
		local s = state.of[id]
		local parent = s and s[PARENT] and nodes[s[PARENT][ID]]
		local list = parent and parent.children or roots
		list[#list + 1] = node
	end
	sort(roots)
	return roots
end
