-- Section 1: an application that is a table, and a middleware around it that derives a scope.

local lasgi = require("moonloop.lasgi")
local lib = require("lib")

local app = setmetatable({}, {
	__call = function(self, scope, receive, send)
		if scope.type ~= "http" then
			error(lasgi.unsupported)
		elseif scope.path == "/info" then
			return self.info(scope, receive, send)
		end
		lib.answer(send, {
			root_path = scope.root_path,
			path = scope.path,
			method = scope.method,
			user = scope.user,
			host = scope.headers.host,
			state = scope.state ~= nil,
			body = receive().body,
		})
		return { status = 500, body = "what is returned is ignored" }
	end,
})
app.info = lib.routes({})

-- Mounts an application, names its user, adds a header to what it sends, in both forms of headers.
local function mount(prefix, inner)
	return function(scope, receive, send)
		if scope.type ~= "http" or scope.path:sub(1, #prefix) ~= prefix then
			return inner(scope, receive, send)
		end
		local derived = lasgi.derive(scope, { root_path = scope.root_path .. prefix, user = "ada", unknown = {} })
		inner(derived, receive, function(message)
			if message.type == "http.response.start" then
				local copy = setmetatable({ headers = { ["x-mounted"] = prefix } }, { __index = message })
				return send(copy)
			end
			return send(message)
		end)
		assert(rawget(scope, "user") == nil and scope.root_path == "")
	end
end

return mount("/api", app)
