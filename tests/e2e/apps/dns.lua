--- Looks names up and connects to them, as the request's query says: name=value pairs.
local dns = require "moonloop.dns"
local lasgi = require "moonloop.lasgi"
local socket = require "moonloop.socket"
local task = require "moonloop.task"
local time = require "moonloop.time"

local function read_query(text)
	local query = {}
	for key, value in text:gmatch("([^&=]+)=([^&]*)") do query[key] = tonumber(value) or value end
	return query
end

local function words(list, code, detail)
	if not list then return code .. ": " .. tostring(detail) end
	for i, item in ipairs(list) do
		if type(item) == "table" then
			local at = item.port and (":%d"):format(item.port) or ""
			list[i] = (item.address or item.target) .. at
		end
	end
	return table.concat(list, " ")
end

local routes = {}

function routes.resolve(q) return words(dns.resolve(q.name, { family = q.family, timeout = q.timeout })) end
function routes.srv(q) return words(dns.srv(q.name)) end
function routes.txt(q) return words(dns.txt(q.name)) end
function routes.mx(q) return words(dns.mx(q.name)) end
function routes.ttl(q) return tostring(dns.resolve(q.name)[1].ttl) end

-- Ten at once; two of them leave.
function routes.many(q)
	local tasks, texts = {}, {}
	for i = 1, 10 do tasks[i] = task.spawn(routes.resolve, q) end
	task.sleep(0.05)
	tasks[1]:cancel()
	tasks[10]:cancel()
	for i = 2, 9 do texts[i - 1] = tasks[i]:join() end
	return table.concat(texts, ",")
end

function routes.deadline(q)
	local began = time.now()
	local text, code = task.timeout(0.1, routes.resolve, q)
	return ("%s %s %s"):format(tostring(text), tostring(code), tostring(time.now() - began < 2))
end

function routes.connect(q)
	local sock, code, detail = socket.connect(nil,
		{ host = q.host, port = q.port, timeout = q.timeout, attempt_delay = q.delay, bind = q.bind })
	if not sock then return code .. ": " .. detail end
	local greeting = sock:read("line")
	sock:close()
	return greeting
end

-- Connects in a task that is cancelled, and counts the descriptors before and after.
function routes.leave(q)
	local function count() return #require("moonloop.fs").listdir("/proc/self/fd") end
	task.sleep(0.05)
	local before = count()
	local t = task.spawn(routes.connect, q)
	task.sleep(0.2)
	local during = count()
	t:cancel()
	local ok, err = pcall(t.join, t)
	local cancelled = not ok and task.is_cancelled(err)
	return ("%s %s %d"):format(tostring(during > before), tostring(cancelled), count() - before)
end

-- Begins a look-up that the end of the worker finds pending.
function routes.forget(q)
	task.background(function() task.shield(dns.resolve, q.name) end)
	return "begun"
end

return function(scope, _, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local route = routes[scope.path:sub(2)]
	local body = route and route(read_query(scope.query_string)) or "no such route"
	send { type = "http.response.start", status = route and 200 or 404, body = body }
end
