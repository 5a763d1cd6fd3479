--- /openapi.json and /docs: the pages that an application has of its own. /docs is Swagger UI, from the
-- npm registry: it says all that OpenAPI 3.1 can say, tries routes out, and asks no other server.

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")
local fs = require("moonloop.fs")
local html = require("moonloop.web.html")
local openapi = require("moonloop.web.openapi")
local response = require("moonloop.web.response")

local docs = {}

-- Files of the viewer that the page needs.
local FILES = { ["swagger-ui-bundle.js"] = true, ["swagger-ui.css"] = true }

-- Below the directory of the program: installed, and where it was built.
local PLACES = { "/../share/moonloop/swagger-ui", "/viewer/node_modules/swagger-ui-dist",
	"/../viewer/node_modules/swagger-ui-dist" }

-- No script inline, nothing from elsewhere. The viewer's elements have styles, its sheet has pictures.
local POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
	.. "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

local START = [[
"use strict";
SwaggerUIBundle({
	url: document.getElementById("docs").dataset.openapi,
	dom_id: "#docs",
	deepLinking: true,
	tryItOutEnabled: true,
	displayRequestDuration: true,
	validatorUrl: null,
});
]]

local PAGE = [[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="%s/swagger-ui.css">
</head>
<body>
<div id="docs" data-openapi="%s"></div>
<script src="%s/swagger-ui-bundle.js"></script>
<script src="%s/start.js"></script>
</body>
</html>
]]

local MISSING = [[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>%s</title>
<h1>%s</h1>
<p>The description of this API is in <a href="%s">%s</a>. To read it here and try routes out, install the
viewer:
<pre>npm install --ignore-scripts --prefix DIR swagger-ui-dist@5</pre>
<p>and name it: <code>web.app { viewer = "DIR/node_modules/swagger-ui-dist" }</code>, or build moonloop where
npm is installed.
</html>
]]

local function has_viewer(dir)
	return dir ~= nil and fs.stat(dir .. "/swagger-ui-bundle.js") ~= nil
end

-- Suspends. The viewer's directory, or nil.
local function find_viewer(app)
	if app.options.viewer then
		return has_viewer(app.options.viewer) and app.options.viewer or nil
	end
	local program = fs.readlink("/proc/self/exe")
	local dir = program and program:match("^(.*)/[^/]*$")
	for _, place in ipairs(dir and PLACES or {}) do
		if has_viewer(dir .. place) then
			return dir .. place
		end
	end
end

local function page(app, req, at, json_at)
	local e, root = html.escape, req.scope.root_path
	local title = e((app.options.title or "API") .. " - documentation")
	local own, json_path = e(root .. at), e(root .. json_at)
	local res
	if find_viewer(app) then
		res = response.html(PAGE:format(title, own, json_path, own, own))
		res:header("content-security-policy", POLICY)
	else
		res = response.html(MISSING:format(title, title, json_path, json_path))
	end
	res:header("cache-control", "no-cache")
	res:header("x-content-type-options", "nosniff")
	return res
end

local function asset(app, req)
	local name = req.params.file
	if name == "start.js" then
		return response.make(200, START, { ["content-type"] = "text/javascript", ["cache-control"] = "no-cache" })
	end
	local dir = FILES[name] and find_viewer(app)
	if not dir then
		errors.raise(404)
	end
	return require("moonloop.web.file")(name, { root = dir, cache = "no-cache" })
end

local function place_of(app, key, default)
	local at = app.options[key]
	return at == nil and default or at
end

--- Checks the options at the caller's line.
function docs.check(options)
	for _, key in ipairs({ "openapi", "docs" }) do
		local at = options[key]
		if at ~= nil and at ~= false and (type(at) ~= "string" or not at:find("^/[%w/._~-]+$")) then
			blame(("web.app: %s must be a path such as /docs, or false, got %s"):format(key, tostring(at)))
		end
	end
	if options.viewer ~= nil and type(options.viewer) ~= "string" then
		blame("web.app: viewer must be the name of a directory, got a " .. type(options.viewer))
	end
end

local function is_documented(app)
	for _, route in ipairs(app.routes) do
		if not route.spec.hidden then
			return true
		end
	end
	return false
end

--- @raise a text when the document cannot be made: two schemas have one name
function docs.verify(app)
	if app.options.openapi ~= false then
		openapi.document(app)
	end
end

--- Adds the pages, unless the application has routes in their places, or none to document.
function docs.enter(app)
	local json_at, at = place_of(app, "openapi", "/openapi.json"), place_of(app, "docs", "/docs")
	if not json_at or not is_documented(app) then
		return
	end
	local texts = {} -- root_path → the document
	app:offer_("GET", json_at, function(req)
		local root = req.scope.root_path
		texts[root] = texts[root] or openapi.text(app, root)
		return response.make(200, texts[root], {
			["content-type"] = "application/json",
			["cache-control"] = "no-cache",
		})
	end)
	if at then
		app:offer_("GET", at, function(req)
			return page(app, req, at, json_at)
		end)
		app:offer_("GET", at .. "/{file}", function(req)
			return asset(app, req)
		end)
	end
end

return docs
