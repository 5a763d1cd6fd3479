--- Another LASGI application below a prefix.

local lasgi = require("moonloop.lasgi")
local response = require("moonloop.web.response")

local mount = {}

-- What middleware left in the response joins the head that the application sends.
local function merge(own, theirs)
	if next(own) == nil then
		return theirs
	end
	local list = {}
	for _, headers in ipairs({ theirs or {}, own }) do
		for _, pair in ipairs(response.pairs(headers)) do
			list[#list + 1] = pair
		end
	end
	return list
end

local function deliver(res, req, send)
	local root = req.path:sub(1, #req.path - #res.rest)
	local scope = lasgi.derive(req.scope, { root_path = req.scope.root_path .. root:gsub("/$", "") })
	return res.inner(scope, req.receive_, function(message)
		if message.type == "http.response.start" then
			message.headers = merge(res.headers, message.headers)
		end
		return send(message)
	end)
end

--- A handler for a route that ends with {mounted_:path}.
-- @param inner an application; one that is a table with a method respond(req, rest) is asked by that for
-- a response, so that middleware and error handlers of the outer one see what it answers
function mount.handler(inner)
	if type(inner) == "table" and inner.respond then
		return function(req)
			return inner:respond(req, req.params.mounted_)
		end
	end
	return function(req)
		local res = response.make(200)
		res.inner, res.rest, res.deliver = inner, req.params.mounted_ or "", deliver
		return res
	end
end

return mount
