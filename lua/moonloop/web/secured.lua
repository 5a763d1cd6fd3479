--- What middleware asks of a client, for documents: authentication notes it here, so that a route
-- shows what its own and its groups' middleware demand.

local secured = setmetatable({}, { __mode = "k" }) -- middleware → {name =, scheme =, scopes =}

local module = {}

--- @param middleware the function
-- @param name of the scheme in documents: "bearer"
-- @param scheme an OpenAPI Security Scheme Object: {type = "http", scheme = "bearer"}
-- @param scopes an array of what the client must have, or nil
-- @return the middleware
function module.mark(middleware, name, scheme, scopes)
	secured[middleware] = { name = name, scheme = scheme, scopes = scopes or {} }
	return middleware
end

--- @return {name =, scheme =, scopes =}; nil
function module.of(middleware)
	return secured[middleware]
end

return module
