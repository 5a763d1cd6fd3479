--- A folder of templates.
--
--     local views = web.views "views"
--     app:get("/", function(req) return views("home.html", { user = req.locals.user }) end)

local errors = require("moonloop.core.errors")
local fs = require("moonloop.fs")
local html = require("moonloop.web.html")
local response = require("moonloop.web.response")
local template = require("moonloop.web.template")

local methods = {}
local Views = { __name = "moonloop.views", __index = methods }

local OPTIONS = { globals = "table" }

-- What each template has besides its variables.
local HELPERS = setmetatable({
	html = html.safe, -- a text that is HTML already
	escape = html.escape,
	json = html.json, -- a value for a <script> element
	url = html.url, -- a part of a URL
}, { __index = _G })

-- A template, read once. Suspends the first time.
local function find(self, name)
	local compiled = self.compiled_[name]
	if not compiled then
		if name:find("%.%./") or name:sub(1, 1) == "/" then
			error(("views: %s leads out of %s"):format(name, self.dir_), 0)
		end
		local path = self.dir_ .. "/" .. name
		local source, _, detail = fs.read(path)
		if not source then
			error("views: " .. detail, 0)
		end
		local why
		compiled, why = template.compile(source, path)
		if not compiled then
			error(why, 0)
		end
		self.compiled_[name] = compiled
	end
	return compiled
end

local function run(self, name, vars, write)
	template.run(function(other)
		return find(self, other)
	end, name, vars or {}, self.globals_, write)
end

--- The text of a template. Suspends when it is read for the first time.
-- @param vars its variables, or nil
-- @return HTML, which other templates do not escape again; tostring() of it is a string
function methods:render(name, vars)
	local parts, n = {}, 0
	run(self, name, vars, function(text)
		n = n + 1
		parts[n] = text
	end)
	return html.safe(table.concat(parts))
end

--- A response that is sent while it is rendered: the first bytes leave before the last ones are known, so an
-- error in the middle can only end the connection.
function methods:stream(name, vars, status)
	find(self, name)
	return response.stream(function(write)
		local parts, n, size = {}, 0, 0
		run(self, name, vars, function(text)
			n, size = n + 1, size + #text
			parts[n] = text
			if size > 4096 then
				write(table.concat(parts, "", 1, n))
				n, size = 0, 0
			end
		end)
		if n > 0 then
			write(table.concat(parts, "", 1, n))
		end
	end, "text/html; charset=utf-8", status)
end

--- A response: the template, rendered whole.
function Views:__call(name, vars, status)
	return response.html(tostring(self:render(name, vars)), status)
end

--- @param dir the folder
-- @param options {globals = variables of all templates}
return function(dir, options)
	if type(dir) ~= "string" then
		errors.blame("web.views: expected a folder's path, got a " .. type(dir))
	end
	for key, value in pairs(options or {}) do
		if type(value) ~= OPTIONS[key] then
			errors.blame(("web.views: %s: expected %s, got a %s"):format(tostring(key),
				OPTIONS[key] or "no such option", type(value)))
		end
	end
	local globals = options and options.globals
	return setmetatable({
		dir_ = dir:gsub("/$", ""),
		compiled_ = {},
		globals_ = globals and setmetatable(globals, { __index = HELPERS }) or HELPERS,
	}, Views)
end
