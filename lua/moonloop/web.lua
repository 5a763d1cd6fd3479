--- moonloop.web: from an empty file to a documented API.
--
--     local web = require "moonloop.web"
--     local app = web.app { title = "Greeter" }
--     app:get("/hello/{name}", function(req) return { hello = req.params.name } end)
--     return app

local app = require("moonloop.web.app")
local errors = require("moonloop.web.errors")
local response = require("moonloop.web.response")

local web = {
	--- app(options): a new application. See moonloop.web.app.
	app = app.new,
	--- error(status, detail, members): ends the request with that answer.
	error = errors.raise,
	--- The metatable of what web.error raises: {status =, title =, detail =, ...}.
	HttpError = errors.HttpError,
	--- response(status, body, headers), and its short forms. See moonloop.web.response.
	response = response.make,
	html = response.html,
	text = response.text,
	json = response.json,
	redirect = response.redirect,
	stream = response.stream,
}

-- Loaded when they are first used.
local PARTS = { schema = "moonloop.web.schema", static = "moonloop.web.static", file = "moonloop.web.file",
	views = "moonloop.web.views", conditional = "moonloop.web.conditional",
	compression = "moonloop.web.compression", session = "moonloop.web.session",
	session_store = "moonloop.web.session_store", csrf = "moonloop.web.csrf", cors = "moonloop.web.cors",
	security_headers = "moonloop.web.security_headers", trusted_hosts = "moonloop.web.trusted_hosts",
	request_id = "moonloop.web.request_id", trace = "moonloop.web.trace",
	basic_auth = "moonloop.web.basic_auth", bearer = "moonloop.web.bearer", jwt = "moonloop.web.jwt",
	scopes = "moonloop.web.scopes", rate_limit = "moonloop.web.rate_limit",
	timeout = "moonloop.web.timeout", body_limit = "moonloop.web.body_limit" }

return setmetatable(web, {
	__index = function(self, key)
		local name = PARTS[key]
		if name then
			local part = require(name)
			rawset(self, key, part)
			return part
		end
	end,
})
