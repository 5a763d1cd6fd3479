--- Helpers for applications and middleware that speak LASGI directly.

local lasgi = {}

--- Raise this on a scope type that the application does not know: error(lasgi.unsupported).
lasgi.unsupported = require("moonloop.core.unsupported")

--- A scope for an inner application: `changes` laid over the parent, which stays as it is.
-- @param scope the scope that was given
-- @param changes a table, e.g. {root_path = "/api"}; it becomes the new scope
-- @return changes
-- @raise at the caller's line when one of them is no table
function lasgi.derive(scope, changes)
	if type(scope) ~= "table" or type(changes) ~= "table" then
		error("lasgi.derive: expected a scope and a table of changes", 2)
	end
	return setmetatable(changes, { __index = scope })
end

return lasgi
