--- What a route declares of its requests and responses, as functions that check them.

local contract = {}

local DECLARES = { "params", "query", "headers", "cookies", "body", "response" }

--- @param segments of the path; @param spec what the route declares
-- @return what checked() needs, or nil when nothing is declared
-- @raise a text that says what is wrong with it
function contract.compile(segments, spec)
	for _, key in ipairs(DECLARES) do
		if spec[key] then
			return require("moonloop.web.checks").compile(segments, spec)
		end
	end
end

--- A handler that is called with checked requests, and whose responses are checked.
function contract.checked(checks, handler, route)
	return require("moonloop.web.checks").around(checks, handler, route)
end

return contract
