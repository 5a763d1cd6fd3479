--- Logs what it is asked to: the query is the event, the body its value.
local lasgi = require "moonloop.lasgi"
local log = require "moonloop.log"

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	if scope.path == "/raise" then error("raised for the log") end
	if scope.path == "/levels" then
		for _, level in ipairs { "debug", "info", "warn", "error" } do log[level]("level." .. level) end
	elseif scope.query_string ~= "" then
		log.info(scope.query_string, { value = receive().body, number = 2.5, flag = true, path = scope.path })
	end
	send { type = "http.response.start", status = 200, body = "logged\n" }
end
