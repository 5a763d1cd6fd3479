-- Every key of the scope, as its application sees it.

local lib = require("lib")
local moonloop = require("moonloop")
local task = require("moonloop.task")

local KEYS = {
	"type", "lasgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path",
	"client", "server", "state", "extensions", "headers",
}

local late = {} -- what a task saw that outlived its request

local function all(scope, _, send)
	local seen = {}
	for _, key in ipairs(KEYS) do
		seen[key] = scope[key]
	end
	lib.answer(send, seen)
end

-- Both views of the headers table, and that reading it again gives the same one.
local function headers(scope, _, send)
	local pairs_, names = {}, {}
	for i, pair in ipairs(scope.headers) do
		pairs_[i] = pair
		names[pair[1]] = scope.headers[pair[1]]
	end
	lib.answer(send, {
		pairs = pairs_,
		names = names,
		absent = scope.headers["x-absent"] == nil,
		number = scope.headers["1"],
		same = scope.headers == scope.headers,
	})
end

local function keys(scope, _, send)
	lib.answer(send, {
		unknown = scope.something_else == nil,
		same = scope.path == scope.path and scope.lasgi == scope.lasgi and scope.client == scope.client,
	})
end

-- A state of its own for each request.
local function state(scope, _, send)
	local before = scope.state.mark == nil
	scope.state.mark = true
	lib.answer(send, { fresh = before, kept = scope.state.mark, same = scope.state == scope.state })
end

-- Reads what was never read, when the request is over.
local function outlive(scope, receive, send)
	local path = scope.path
	task.background(function()
		moonloop.sleep(0.1)
		local function try(fn, ...)
			local got = { pcall(fn, ...) }
			return { ok = got[1], value = tostring(got[2]), code = tostring(got[3]) }
		end
		local function index(key)
			return scope[key] -- LATE
		end
		late = {
			read_before = try(index, "path"),
			method = try(index, "method"),
			headers = try(index, "headers"),
			state = try(index, "state"),
			send = try(send, { type = "http.response.body", body = "late" }),
			receive = { receive().type, receive().type },
			path = path,
		}
	end)
	lib.answer(send, {})
end

local routes = {
	["*"] = all,
	["/headers"] = headers,
	["/keys"] = keys,
	["/state"] = state,
	["/outlive"] = outlive,
	["/late"] = function(_, _, send)
		lib.answer(send, late)
	end,
}
routes["/shop/headers"] = routes["/headers"]

return lib.routes(routes)
