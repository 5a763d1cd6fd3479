--- One function that answers every request.
local lasgi = require "moonloop.lasgi"

return function(scope, _receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	send {
		type = "http.response.start",
		status = 200,
		headers = { ["content-type"] = "text/plain; charset=utf-8" },
		body = "Hello from " .. scope.path .. "\n",
	}
end
