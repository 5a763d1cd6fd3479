--- The smallest application: a function that answers with one message.
-- `scope` says what was asked, `send` answers. A scope that is no HTTP request is refused, which
-- tells the gateway that this application needs no start-up or shutdown of its own.
--
-- $ moonloop run examples/hello.lua
--
-- $ curl -s http://127.0.0.1:8000/
-- Hello from /
--
-- $ curl -s -o /dev/null -w '%{http_code} %{content_type}\n' http://127.0.0.1:8000/moon
-- 200 text/plain
local lasgi = require "moonloop.lasgi"

return function(scope, _receive, send)
	if scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	send {
		type = "http.response.start",
		status = 200,
		headers = { ["content-type"] = "text/plain" },
		body = "Hello from " .. scope.path .. "\n",
	}
end
