--- What a handler gets. Everything is made when it is first read, and stays then.
--
-- params    the parameters of the path, by name
-- method, path, scheme, http_version, client {host, port}, state (of the lifespan)
-- headers   by name in lower case; as an array, {name, value} pairs
-- query     name → value, of several the last one; req:query_all(name) has them all
-- cookies   name → value
-- session   what is remembered of the client, with moonloop.web.session
-- csrf      {token =, field = an <input> for forms}, with moonloop.web.csrf
-- csp_nonce for <script nonce=...>, with moonloop.web.security_headers
-- locals    a table of the request's own, for middleware to leave things in
-- id        of the request: the header x-request-id if that is a short token, else a random one
-- route     that was found, or nil
-- scope     what LASGI gave

local cookies = require("moonloop.web.cookies")
local errors = require("moonloop.web.errors")
local negotiate = require("moonloop.web.negotiate")
local query = require("moonloop.web.query")
local decode -- moonloop.json's, when first needed

local request = {}

local methods = {}

-- Pairs in a query string.
local PAIRS_MAX = 1000

local function pairs_of(text, max, status, what)
	local list = query.pairs(text, max)
	if not list then
		errors.raise(status, ("the %s has more than %d fields"):format(what, max), { limit = "fields" })
	end
	return list
end

local function from_scope(key)
	return function(req)
		return req.scope[key]
	end
end

local function random_id()
	return require("moonloop.crypto").random_id()
end

local makers = {
	method = from_scope("method"),
	scheme = from_scope("scheme"),
	headers = from_scope("headers"),
	client = from_scope("client"),
	state = from_scope("state"),
	http_version = from_scope("http_version"),
	query_list_ = function(req)
		return pairs_of(req.scope.query_string, PAIRS_MAX, 414, "query string")
	end,
	query = function(req)
		return query.map(req.query_list_)
	end,
	cookies = function(req)
		return cookies.parse(req.headers.cookie)
	end,
	locals = function()
		return {}
	end,
	csrf = function(req)
		local load = rawget(req, "load_csrf_")
		return load and load()
	end,
	csp_nonce = random_id,
	session = function(req)
		local load = rawget(req, "load_session_")
		return load and load()
	end,
	id = function(req)
		local given = req.headers["x-request-id"]
		return given and #given <= 64 and given:find("^[%w%-._]+$") and given or random_id()
	end,
}

local Request = { __name = "moonloop.request" }

function Request.__index(req, key)
	local method = methods[key]
	if method then
		return method
	end
	local make = makers[key]
	if make then
		local value = make(req)
		req[key] = value
		return value
	end
end

function request.new(app, scope, receive, path)
	return setmetatable({ app = app, scope = scope, receive_ = receive, path = path, params = nil }, Request)
end

--- A field of the head, whatever the case of the name.
-- @return a string or nil
function methods:header(name)
	return self.headers[name:lower()]
end

--- All values of a name in the query string, in order.
function methods:query_all(name)
	return query.all(self.query_list_, name)
end

-- The next piece of the body; nil at its end.
local function piece(req)
	if req.ended_ then
		return nil
	end
	local message = req.receive_()
	if message.type ~= "http.request" then
		req.ended_ = true
		error(errors.new(400, "the client left in the middle of the body"), 0)
	end
	req.ended_ = not message.more_body
	return message.body
end

--- An iterator over the pieces of the body, as they come. Each step suspends.
-- @raise when body() has read it
function methods:stream()
	if self.body_ or self.streamed_ then
		error("req:stream: the body was read already", 2)
	end
	self.streamed_ = true
	return piece, self
end

--- The whole body. Suspends. --body-max limits it.
-- @return a string; the same one when called again
function methods:body()
	if self.body_ == nil then
		if self.streamed_ then
			error("req:body: the body was read by req:stream", 2)
		end
		local pieces = {}
		for bytes in piece, self do
			pieces[#pieces + 1] = bytes
		end
		self.body_ = #pieces == 1 and pieces[1] or table.concat(pieces)
	end
	return self.body_
end

-- The media type without parameters, lower case; "" for none.
function methods:media_type()
	local header = self.headers["content-type"]
	return header and header:match("^%s*([^;%s]*)"):lower() or ""
end

local function is_json(media_type)
	return media_type == "application/json" or media_type:find("^application/.+%+json$") ~= nil
end

--- The body, decoded from JSON. Suspends. Where the route declares a schema for the body, it is the
-- checked value. A client that sends something else gets 415, one that sends broken JSON 400.
function methods:json()
	if self.json_ == nil then
		local media_type = self.headers["content-type"]
		if media_type ~= "application/json" and not is_json(self:media_type()) then
			media_type = self:media_type()
			errors.raise(415, ("expected application/json, got %s"):format(media_type == "" and "no content-type"
				or media_type))
		end
		decode = decode or require("moonloop.json").decode
		local value, _, detail = decode(self:body())
		if detail then
			errors.raise(400, "the body is no JSON: " .. detail)
		end
		self.json_ = { value }
	end
	return self.json_[1]
end

--- The fields of a form, urlencoded or multipart: name → value, of several the last one. Suspends.
-- The files of a multipart form are in req:files().
function methods:form()
	if self.form_ == nil then
		local media_type = self:media_type()
		if media_type == "application/x-www-form-urlencoded" then
			local limits = require("moonloop.web.multipart").limits_of(self)
			self.form_list_ = pairs_of(self:body(), limits.fields, 413, "form")
		elseif media_type == "multipart/form-data" then
			self.form_list_, self.files_ = require("moonloop.web.multipart").read(self)
		else
			errors.raise(415, ("expected a form, got %s"):format(media_type == "" and "no content-type" or media_type))
		end
		self.form_ = query.map(self.form_list_)
	end
	return self.form_
end

--- All values of a name in the form, in order. Suspends.
function methods:form_all(name)
	self:form()
	return query.all(self.form_list_, name)
end

--- The files of a multipart form: an array of {name=, filename=, type=, size=, ...}. Suspends.
function methods:files()
	self:form()
	return self.files_ or {}
end

--- Which of some media types the client would rather have (RFC 9110 12.5.1).
-- @param offers an array, what you would rather send first
-- @return one of them; nil: it takes none
function methods:accepts(offers)
	return (negotiate.media(self.headers.accept, offers))
end

--- Which of some languages the client would rather have (RFC 9110 12.5.4).
-- @param offers an array of tags, what you would rather send first
-- @return one of them; nil: it takes none
function methods:accepts_language(offers)
	return negotiate.language(self.headers["accept-language"], offers)
end

--- Whether the client would rather have that media type than application/json.
-- @param media_type "text/html"
function methods:prefers(media_type)
	return self.headers.accept ~= nil
		and negotiate.media(self.headers.accept, { "application/json", media_type }) == media_type
end

--- The path of a named route of this application, below where it is mounted.
-- @param name of the route
-- @param params of the path, by name; @param search of the query string, by name
function methods:url_for(name, params, search)
	return self.scope.root_path .. self.app:url_for(name, params, search)
end

return request
