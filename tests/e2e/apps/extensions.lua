--- The extensions of LASGI: files below $ROOT, trailers, early hints; and a handler that takes its time.
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"

local root = os.getenv("ROOT")

local function whole(send, status, body)
	send { type = "http.response.start", status = status, body = body }
end

local function file(scope, send)
	send { type = "http.response.start", status = 200 }
	local ok, code, detail = send {
		type = "http.response.file",
		root = root,
		path = scope.path:match("^/file/(.*)$"),
		offset = tonumber(scope.query_string:match("offset=(%d+)")),
		length = tonumber(scope.query_string:match("length=(%d+)")),
	}
	return ok, code, detail
end

local routes = {}

routes["/hello"] = function(_, _, send) whole(send, 200, "hello\n") end

routes["/later"] = function(_, receive, send)
	moonloop.sleep(60)
	whole(send, 200, #receive().body .. "\n")
end

routes["/trailers"] = function(_, _, send)
	send { type = "http.response.start", status = 200, trailers = true }
	send { type = "http.response.body", body = "body" }
	send { type = "http.response.trailers", headers = { { "x-sum", "42" }, { "x-more", "yes" } } }
end

routes["/offered"] = function(scope, _, send)
	local names = {}
	for name in pairs(scope.extensions) do names[#names + 1] = name end
	whole(send, 200, table.concat(names, " "))
end

routes["/hints"] = function(_, _, send)
	send { type = "http.response.early_hint", links = { "</a.css>; rel=preload", "</b.js>" } }
	whole(send, 200, "hinted\n")
end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	if scope.path:sub(1, 6) == "/file/" then
		local ok, code, detail = file(scope, send)
		if not ok then
			whole(send, 404, code .. " " .. tostring(detail) .. "\n") -- the start was taken back
		end
		return
	end
	routes[scope.path](scope, receive, send)
end
