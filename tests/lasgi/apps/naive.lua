-- Takes every call for a request: MODE says over what of a lifespan it stumbles.

local said = {
	path = function(scope)
		return "hello " .. scope.path
	end,
	headers = function(scope)
		return "hello " .. scope.headers["x-name"]
	end,
	body = function(_, receive)
		return "hello " .. receive().body
	end,
	itself = function()
		return "hello " .. nil -- ITSELF
	end,
}

return function(scope, receive, send)
	send({ type = "http.response.start", status = 200, body = said[os.getenv("MODE")](scope, receive) })
end
