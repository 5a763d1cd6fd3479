-- The extensions: trailers, early hints, files.

local lib = require("lib")

local START = "http.response.start"
local BODY = "http.response.body"
local DIR = os.getenv("FILES_DIR")

local routes = {}

local function trailers(path, headers)
	routes[path] = function(_, _, send)
		send({ type = START, status = 200, trailers = true })
		send({ type = BODY, body = "bo", more_body = true })
		send({ type = BODY, body = "dy" })
		assert(send({ type = "http.response.trailers", headers = headers }) == true)
	end
end

trailers("/trailers/pairs", { { "x-sum", "1" }, { "x-n", "2" }, { "x-n", "3" } })
trailers("/trailers/map", { ["x-sum"] = "1" })
trailers("/trailers/map-of-arrays", { ["x-n"] = { "2", "3" } })
trailers("/trailers/none", nil)

-- Refused as a whole: what was good in it is not sent with the next ones.
routes["/trailers/mended"] = function(_, _, send)
	send({ type = START, status = 200, trailers = true, body = "body" })
	local bad = { { "x-lost", "1" }, { "x n", "2" } }
	assert(not pcall(send, { type = "http.response.trailers", headers = bad }))
	send({ type = "http.response.trailers", headers = { { "x-sum", "1" } } })
end

-- Announced and never sent: they are empty.
routes["/trailers/forgotten"] = function(_, _, send)
	send({ type = START, status = 200, trailers = true, body = "body" })
end

routes["/hint"] = function(_, _, send)
	local links = { "</a.css>; rel=preload", "</b.js>; rel=preload" }
	assert(send({ type = "http.response.early_hint", links = links }))
	assert(send({ type = "http.response.early_hint", links = "</c.js>; rel=preload" }))
	send({ type = START, status = 200, body = "body" })
end

local function file(path, message, headers, status)
	routes[path] = function(_, _, send)
		message.type = "http.response.file"
		assert(send({ type = START, status = status or 200, headers = headers }))
		local ok, code, detail = send(message)
		if not ok then
			send({ type = START, status = 404, body = ("%s: %s"):format(code, detail) })
		end
	end
end

file("/file", { path = DIR .. "/data" })
file("/file/part", { path = DIR .. "/data", offset = 10, length = 5 })
file("/file/rest", { path = DIR .. "/data", offset = 99990 })
file("/file/nothing", { path = DIR .. "/data", length = 0 })
file("/file/empty", { path = DIR .. "/empty" })
file("/file/declared", { path = DIR .. "/empty" }, { ["content-length"] = "0" })
file("/file/rooted", { root = DIR, path = "sub/inner" })
file("/file/leads-out", { root = DIR .. "/sub", path = "../data" })
file("/file/link-out", { root = DIR .. "/sub", path = "link" })
file("/file/absolute", { root = DIR .. "/sub", path = DIR .. "/data" })
file("/file/missing", { path = DIR .. "/none" })
file("/file/directory", { path = DIR })
file("/file/denied", { path = "/proc/1/mem" })
file("/file/304", { path = DIR .. "/data" }, nil, 304)

return lib.routes(routes)
