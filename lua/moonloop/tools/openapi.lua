--- moonloop openapi APP [-o FILE]: the OpenAPI 3.1 document of an application.

local fs = require("moonloop.fs")

local openapi = {}

--- @param app what the application's file returned
-- @return the document as text, for people; nil, "invalid", why
function openapi.text(app)
	if type(app) ~= "table" or type(app.routes) ~= "table" then
		return nil, "invalid", "the application is not made by web.app, so its routes are not known"
	end
	local ok, text = pcall(require("moonloop.web.openapi").text, app, nil, "  ")
	if not ok then
		return nil, "invalid", tostring(text)
	end
	return text .. "\n"
end

--- Writes the document. Suspends.
-- @param file its name
-- @return true; nil, code, detail
function openapi.write(app, file)
	local text, code, detail = openapi.text(app)
	if not text then
		return nil, code, detail
	end
	return fs.write(file, text)
end

-- "-o" is "--output".
local function long(words)
	local list = {}
	for i, word in ipairs(words) do
		list[i] = word == "-o" and "--output" or word
	end
	return list
end

local function main(words, config)
	local args = require("moonloop.tools.args")
	local found, why = args.read(long(words), { output = "text" })
	if not found then
		return args.complain("openapi: " .. why)
	elseif found[1] or not (config.file or config.module) then
		return args.complain("openapi: expected one application")
	end
	local app = config.load()
	local ok, _, detail
	if found.output then
		ok, _, detail = openapi.write(app, found.output)
	else
		ok, _, detail = openapi.text(app)
		io.stdout:write(ok or "")
	end
	return ok and 0 or args.complain("openapi: " .. detail, 1)
end

return setmetatable(openapi, {
	__call = function(_, words, config)
		return main(words, config)
	end,
})
