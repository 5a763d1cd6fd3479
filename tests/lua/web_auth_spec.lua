local encoding = require("moonloop.encoding")
local json = require("moonloop.json")
local support = require("support_web")
local web = require("moonloop.web")

local SECRET = ("s"):rep(32)
local TOKENS = web.jwt { alg = "HS256", key = SECRET }

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
	assert.matches("web_auth_spec%.lua:%d+:", tostring(err))
end

local function basic(pair)
	return { authorization = "Basic " .. encoding.to_base64(pair) }
end

local function bearer(claims)
	return { authorization = "Bearer " .. TOKENS:sign(claims) }
end

local function with(...)
	local app = web.app {}:use(...)
	app:get("/", function(req)
		return { user = req.auth and req.auth.user or json.null }
	end)
	return app
end

describe("web.basic_auth", function()
	it("takes names and passwords", function()
		local app = with(web.basic_auth { users = { ada = "secret:1", ["zoë"] = "" }, realm = 'a "realm"' })
		assert.equal('{"user":"ada"}', support.get(app, "/", basic("ada:secret:1")).body)
		assert.equal('{"user":"zoë"}', support.get(app, "/", basic("zoë:")).body)
		for _, headers in ipairs({ basic("ada:secret"), basic("ada:"), basic("ada"), basic(":"),
			basic("bob:secret:1"), basic("ada:secret:1\n"), { authorization = "Basic" },
			{ authorization = "Basic !!!" },
			{ authorization = "Bearer YWRh" }, {} }) do
			local answer = support.get(app, "/", headers)
			assert.equal(401, answer.status)
			assert.equal('Basic realm="a \\"realm\\"", charset="UTF-8"', answer.headers["www-authenticate"])
		end
	end)
	it("asks a function", function()
		local app = with(web.basic_auth { verify = function(name, password, req)
			return name == "ada" and password == req.path and { id = 1 }, { "read" }
		end, optional = true })
		assert.equal('{"user":{"id":1}}', support.get(app, "/", basic("ada:/")).body)
		assert.equal(401, support.get(app, "/", basic("ada:x")).status)
		assert.equal('{"user":null}', support.get(app, "/").body)
		raises("it needs verify or users", web.basic_auth)
		raises("unknown option user", web.basic_auth, { user = {} })
		raises("users must be name", web.basic_auth, { users = { "ada" } })
	end)
end)

describe("web.bearer", function()
	it("takes JSON Web Tokens", function()
		local app = with(web.bearer { jwt = { alg = "HS256", key = SECRET } })
		assert.equal('{"user":"7"}', support.get(app, "/", bearer({ sub = "7" })).body)
		local answer = support.get(app, "/")
		assert.equal(401, answer.status)
		assert.equal('Bearer realm="api"', answer.headers["www-authenticate"])
		answer = support.get(app, "/", bearer({ exp = 1 }))
		assert.equal(401, answer.status)
		assert.equal('Bearer realm="api", error="invalid_token", error_description="the token has expired"',
			answer.headers["www-authenticate"])
		for _, header in ipairs({ "Bearer", "Bearer ", "Bearer a b", "Basic YTpi", "Bearer \1", "bearer" }) do
			assert.equal(401, support.get(app, "/", { authorization = header }).status)
		end
	end)
	it("asks a function", function()
		local app = with(web.bearer { verify = function(token)
			return token == "t-1" and "ada" or nil
		end, optional = true })
		assert.equal('{"user":"ada"}', support.get(app, "/", { authorization = "bearer t-1" }).body)
		assert.equal(401, support.get(app, "/", { authorization = "Bearer t-2" }).status)
		assert.equal('{"user":null}', support.get(app, "/").body)
		raises("it needs jwt or verify", web.bearer, {})
		raises("alg must be", web.bearer, { jwt = {} })
	end)
end)

describe("a route's security", function()
	local function api()
		local app = web.app {}
		app:security_scheme("token", web.bearer { jwt = TOKENS })
		app:security_scheme("key", { type = "apiKey", ["in"] = "header", name = "x-key",
			authenticate = function(req)
				if req.headers["x-key"] == "k" then
					return "robot", { "books:read" }
				end
			end })
		local function who(req)
			return req.auth and req.auth.user .. " by " .. req.auth.scheme or "nobody"
		end
		app:get("/open", who)
		app:get("/books", { security = { "token", "key" } }, who)
		app:post("/books", { security = { { token = { "books:write" } }, { key = { "books:write" } } } }, who)
		app:get("/both", { security = { { token = {}, key = {} } } }, who)
		app:group("/admin", { security = { { token = { "admin" } } } }, function(admin)
			admin:get("/", who)
			admin:get("/health", { security = {} }, who)
			admin:group("/deep", function(deep)
				deep:get("/", who)
			end)
		end)
		return app
	end
	it("lets in by any of the ways", function()
		local app = api()
		assert.equal("nobody", support.get(app, "/open").body)
		assert.equal("7 by bearer", support.get(app, "/books", bearer({ sub = "7" })).body)
		assert.equal("robot by key", support.get(app, "/books", { ["x-key"] = "k" }).body)
		local answer = support.get(app, "/books")
		assert.equal(401, answer.status)
		assert.equal('Bearer realm="api"', answer.headers["www-authenticate"])
		assert.equal(401, support.get(app, "/books", { ["x-key"] = "l" }).status)
		assert.equal(401, support.get(app, "/books", { authorization = "Bearer x" }).status)
	end)
	it("demands scopes", function()
		local app = api()
		local function post(headers)
			return support.call(app, "POST", "/books", { headers = headers })
		end
		assert.equal(200, post(bearer({ sub = "7", scope = "books:read books:write" })).status)
		assert.equal(200, post(bearer({ sub = "7", scp = { "books:write" } })).status)
		local answer = post(bearer({ sub = "7", scope = "books:read xbooks:write books:writex" }))
		assert.equal(403, answer.status)
		assert.equal('Bearer realm="api", error="insufficient_scope", error_description="it takes the scope '
			.. 'books:write", scope="books:write"', answer.headers["www-authenticate"])
		assert.equal(403, post({ ["x-key"] = "k" }).status)
		assert.equal(401, post({}).status)
	end)
	it("demands all of one way", function()
		local app, both = api(), bearer({ sub = "7" })
		assert.equal(401, support.get(app, "/both", both).status)
		assert.equal(401, support.get(app, "/both", { ["x-key"] = "k" }).status)
		both["x-key"] = "k"
		assert.equal("robot by key", support.get(app, "/both", both).body)
	end)
	it("comes from the group, also for HEAD and inner groups", function()
		local app = api()
		assert.equal(401, support.get(app, "/admin/").status)
		assert.equal(401, support.call(app, "HEAD", "/admin/").status)
		assert.equal(401, support.get(app, "/admin/deep/").status)
		assert.equal(403, support.get(app, "/admin/deep/", bearer({ sub = "7" })).status)
		assert.equal(200, support.get(app, "/admin/deep/", bearer({ sub = "7", scope = "admin" })).status)
		assert.equal("nobody", support.get(app, "/admin/health").body)
	end)
	it("is shown in the OpenAPI document", function()
		local document = require("moonloop.web.openapi").document(api())
		assert.same({ type = "http", scheme = "bearer" }, {
			type = document.components.securitySchemes.token.type,
			scheme = document.components.securitySchemes.token.scheme,
		})
		assert.is_nil(document.components.securitySchemes.key.authenticate)
		assert.same({ { token = { "books:write" } }, { key = { "books:write" } } },
			json.decode(json.encode(document.paths["/books"].post.security)))
		assert.same({ { token = { "admin" } } },
			json.decode(json.encode(document.paths["/admin/deep/"].get.security)))
	end)
	it("may be what middleware found", function()
		local app = web.app {}
		app:use(function(req, next)
			req.auth = req.headers["x-user"] and { user = req.headers["x-user"], scopes = { "read" } }
			return next(req)
		end)
		app:security_scheme("session", { type = "apiKey", ["in"] = "cookie", name = "session" })
		app:get("/", { security = { { session = { "read" } } } }, function(req)
			return req.auth.user
		end)
		assert.equal("ada", support.get(app, "/", { ["x-user"] = "ada" }).body)
		assert.equal(401, support.get(app, "/").status)
	end)
	it("refuses what it does not know where it stands", function()
		local app = api()
		local function nothing() end
		raises("GET /x: security: no scheme is named tokn", app.get, app, "/x", { security = { "tokn" } }, nothing)
		raises("security is an array of ways in", app.get, app, "/x", { security = { token = {} } }, nothing)
		raises("scopes of token must be an array", app.get, app, "/x", { security = { { token = "a" } } }, nothing)
		raises("expected what web.bearer", function()
			app:security_scheme("x", nothing)
		end)
		raises("expected {type", function()
			app:security_scheme("x", { scheme = "bearer" })
		end)
	end)
end)
