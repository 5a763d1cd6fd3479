--- Calls an application in the spec's own task, without a socket.

local web = {}

local function add(headers, name, value)
	name = name:lower()
	headers[#headers + 1] = { name, value }
	headers[name] = headers[name] and headers[name] .. ", " .. value or value
end

local function fields(given)
	local headers = {}
	for name, value in pairs(given or {}) do
		for _, one in ipairs(type(value) == "table" and value or { value }) do
			add(headers, name, tostring(one))
		end
	end
	return headers
end

local function scope_of(method, target, options)
	local raw_path, query = target:match("^([^?]*)%??(.*)$")
	local scope = {
		type = "http",
		lasgi = { version = "1.0", spec_version = "1.0" },
		http_version = "1.1",
		method = method,
		scheme = "http",
		path = raw_path:gsub("%%(%x%x)", function(hex)
			return string.char(tonumber(hex, 16))
		end),
		raw_path = raw_path,
		query_string = query,
		root_path = "",
		headers = fields(options.headers),
		client = { "127.0.0.1", 1 },
		server = { "127.0.0.1", 8000 },
		state = {},
		extensions = {},
	}
	for key, value in pairs(options.scope or {}) do
		scope[key] = value
	end
	if not scope.headers.host then
		add(scope.headers, "host", "127.0.0.1:8000")
	end
	return scope
end

--- @param options {headers = name → value or values, body = a string or an array of pieces, scope = keys
-- to be set in the scope}
-- @return {status =, headers = by name in lower case, body =, pieces = of the body as they were sent}
function web.call(app, method, target, options)
	options = options or {}
	local body, at = options.body or "", 0
	local pieces = type(body) == "table" and body or { body }
	local answer = { headers = {}, pieces = {} }
	app(scope_of(method, target, options), function()
		at = at + 1
		if at > math.max(#pieces, 1) then
			return { type = "http.disconnect", reason = "closed" }
		end
		return { type = "http.request", body = pieces[at] or "", more_body = at < #pieces }
	end, function(message)
		if message.type == "http.response.start" then
			answer.status, answer.headers = message.status, fields(message.headers)
			if message.headers and #message.headers > 0 then
				answer.headers = {}
				for _, pair in ipairs(message.headers) do
					add(answer.headers, pair[1], tostring(pair[2]))
				end
			end
		end
		if message.body and message.body ~= "" then
			table.insert(answer.pieces, message.body)
		end
		return true
	end)
	answer.body = table.concat(answer.pieces)
	return answer
end

function web.get(app, target, headers)
	return web.call(app, "GET", target, { headers = headers })
end

-- A client that keeps cookies, and sends them as a browser does: all of them, everywhere.

local Browser = {}
Browser.__index = Browser

--- @return {jar = name → value, set = the Set-Cookie fields of the last answer}; :get(target, headers),
-- :post(target, body, headers)
function web.browser(app, scope)
	return setmetatable({ app = app, scope = scope, jar = {}, set = {} }, Browser)
end

local function keep(self, field)
	local name, value = field:match("^([^=]+)=([^;]*)")
	self.set[#self.set + 1] = field
	self.jar[name] = not field:find("Max-Age=0", 1, true) and value or nil
end

function Browser:call(method, target, body, headers)
	local sent = {}
	for name, value in pairs(headers or {}) do
		sent[name] = value
	end
	local list = {}
	for name, value in pairs(self.jar) do
		list[#list + 1] = name .. "=" .. value
	end
	sent.cookie = sent.cookie or #list > 0 and table.concat(list, "; ") or nil
	local answer = web.call(self.app, method, target, { body = body, headers = sent, scope = self.scope })
	self.set = {}
	for _, pair in ipairs(answer.headers) do
		if pair[1] == "set-cookie" then
			keep(self, pair[2])
		end
	end
	return answer
end

function Browser:get(target, headers)
	return self:call("GET", target, nil, headers)
end

function Browser:post(target, body, headers)
	headers = headers or {}
	headers["content-type"] = headers["content-type"] or "application/x-www-form-urlencoded"
	return self:call("POST", target, body, headers)
end

return web
