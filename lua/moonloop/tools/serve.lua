--- moonloop serve DIR: the application that serves the files of a directory.

local fs = require("moonloop.fs")
local web = require("moonloop.web")

--- @param dir the directory
-- @return an application, which does not start when that is none
return function(dir)
	local app = web.app({ slash = "strict", docs = false, openapi = false })
	app:on_start(function()
		local facts, _, detail = fs.stat(dir)
		if not facts or facts.type ~= "dir" then
			error(detail or dir .. ": it is no directory", 0)
		end
	end)
	app:use(web.compression())
	app:mount("/", web.static(dir, { listing = true, precompressed = true, cache = 0 }))
	return app
end
