--- The OpenAPI document, the pages of an application, and what tools make of it.

local client = require("support_web")
local json = require("moonloop.json")
local openapi = require("moonloop.web.openapi")
local secured = require("moonloop.web.secured")
local support = require("support")
local web = require("moonloop.web")

local s = web.schema

local function handler() end

local KEY = { type = "apiKey", ["in"] = "header", name = "x-key", authenticate = function() end }

describe("the document", function()
	it("shows what a route declares", function()
		local app = web.app { title = "T", version = "2", description = "D" }
		app:security_scheme("key", KEY):security_scheme("oauth", KEY)
		app:put("/items/{id:int}/{at:uuid}", {
			summary = "Changes", description = "All of it.", deprecated = true, operation_id = "change",
			tags = { "items" }, security = { "key", { oauth = { "write" } } },
			query = { dry = s.boolean { description = "Only look." }:default(false) },
			headers = { ["X-Token"] = s.string(), authorization = s.string() },
			body = { schema = s.object { a = s.integer() }, description = "New." },
			response = { [200] = { schema = s.string(), type = "text/plain", description = "Done.",
				headers = { etag = s.string() } } },
			examples = { body = { small = { a = 1 } }, [200] = { short = "ok" } },
		}, handler)
		local operation = openapi.document(app).paths["/items/{id}/{at}"].put
		assert.equal("change", operation.operationId)
		assert.equal("Changes", operation.summary)
		assert.is_true(operation.deprecated)
		assert.same({ { key = {} }, { oauth = { "write" } } }, { { key = { unpack(operation.security[1].key) } },
			{ oauth = { unpack(operation.security[2].oauth) } } })
		local names = {}
		for i, parameter in ipairs(operation.parameters) do
			names[i] = ("%s %s %s %s"):format(parameter["in"], parameter.name, tostring(parameter.required),
				parameter.schema.type)
		end
		assert.same({ "path id true integer", "path at true string", "query dry false boolean",
			"header x-token true string" }, names)
		assert.equal("Only look.", operation.parameters[3].description)
		assert.equal(false, operation.parameters[3].schema.default)
		assert.same({ a = 1 }, operation.requestBody.content["application/json"].examples.small.value)
		assert.equal("Done.", operation.responses["200"].description)
		assert.equal("ok", operation.responses["200"].content["text/plain"].examples.short.value)
		assert.equal("string", operation.responses["200"].headers.etag.schema.type)
	end)

	it("describes named schemas once", function()
		local fields = { next = s.ref("Node"):nullable():optional() }
		local Node = s.object(fields, { description = "A node." }):named "Node"
		local app = web.app()
		app:post("/a", { body = Node, response = s.array(Node) }, handler)
		local document = openapi.document(app)
		local schemas = document.components.schemas
		assert.equal("A node.", schemas.Node.description)
		assert.equal("#/components/schemas/Node", schemas.Node.properties.next.anyOf[1]["$ref"])
		assert.equal("null", schemas.Node.properties.next.anyOf[2].type)
		local operation = document.paths["/a"].post
		assert.equal("#/components/schemas/Node", operation.requestBody.content["application/json"].schema["$ref"])
		assert.equal("#/components/responses/ValidationProblem", operation.responses["422"]["$ref"])
	end)

	it("cannot be made when two schemas have one name", function()
		local app = web.app()
		app:post("/a", { body = s.object { a = s.string() }:named "X" }, handler)
		app:post("/b", { body = s.object { b = s.string() }:named "X" }, handler)
		support.contains("two schemas are named X", support.raises(openapi.document, app))
	end)

	it("takes tags and security from groups, and security from middleware", function()
		local guard = secured.mark(function(req, next)
			return next(req)
		end, "bearer", { type = "http", scheme = "bearer" }, { "admin" })
		local app = web.app()
		app:security_scheme("key", KEY)
		app:group("/g", { tags = { "g" }, use = { guard } }, function(group)
			group:get("/a", { tags = { "a", "g" } }, handler)
			group:get("/open", { security = {} }, handler)
		end)
		app:group("/h", { security = { "key" } }, function(group)
			group:get("/b", handler)
		end)
		app:get("/free", handler)
		local document = openapi.document(app)
		local a = document.paths["/g/a"].get
		assert.same({ "g", "a" }, { unpack(a.tags) })
		assert.same({ "admin" }, { unpack(a.security[1].bearer) })
		assert.equal("bearer", document.components.securitySchemes.bearer.scheme)
		assert.equal(0, #document.paths["/g/open"].get.security)
		assert.is_not_nil(document.paths["/h/b"].get.security[1].key)
		assert.is_nil(document.paths["/free"].get.security)
	end)

	it("shows a route for any method where no other is, and hides the hidden", function()
		local app = web.app()
		app:any("/x", { name = "x" }, handler)
		app:get("/x", handler)
		app:get("/h", { hidden = true }, handler)
		local document = openapi.document(app)
		assert.equal("get_x", document.paths["/x"].get.operationId)
		assert.equal("x_delete", document.paths["/x"].delete.operationId)
		assert.is_nil(document.paths["/h"])
	end)
end)

describe("the pages", function()
	local function get(options, path, scope)
		local app = web.app(options)
		app:get("/a", handler)
		return client.call(app, "GET", path, { scope = scope })
	end

	it("are there, and elsewhere or nowhere when told so", function()
		assert.equal("3.1.0", json.decode(get(nil, "/openapi.json").body).openapi)
		assert.equal("3.1.0", json.decode(get({ openapi = "/api/spec.json" }, "/api/spec.json").body).openapi)
		assert.equal(404, get({ openapi = false }, "/openapi.json").status)
		assert.equal(404, get({ openapi = false }, "/docs").status)
		assert.equal(404, get({ docs = false }, "/docs").status)
		assert.equal(404, client.get(web.app(), "/openapi.json").status)
		support.contains("docs must be a path", support.raises(web.app, { docs = "docs" }))
	end)

	it("leave an application's own routes alone", function()
		local app = web.app()
		app:get("/docs", function() return "mine" end)
		assert.equal("mine", client.get(app, "/docs").body)
		assert.equal(200, client.get(app, "/openapi.json").status)
	end)

	it("say what to install when the viewer is missing", function()
		local answer = get({ viewer = "/nowhere", title = "<T>" }, "/docs")
		assert.equal(200, answer.status)
		support.contains("npm install", answer.body)
		support.contains("&lt;T&gt;", answer.body)
		assert.equal(404, get({ viewer = "/nowhere" }, "/docs/swagger-ui.css").status)
		assert.equal(404, get(nil, "/docs/package.json").status)
	end)

	it("allow nothing from elsewhere, and know where they are mounted", function()
		local dir = os.tmpname()
		os.remove(dir)
		assert(require("moonloop.fs").mkdir(dir))
		assert(require("moonloop.fs").write(dir .. "/swagger-ui-bundle.js", "x"))
		local answer = get({ viewer = dir }, "/docs", { root_path = "/v1" })
		require("moonloop.fs").remove_tree(dir)
		support.contains("default-src 'none'; script-src 'self'", answer.headers["content-security-policy"])
		support.contains('data-openapi="/v1/openapi.json"', answer.body)
		support.contains('src="/v1/docs/start.js"', answer.body)
	end)
end)

describe("tools", function()
	local app = web.app()
	app:get("/a", { name = "first", summary = "Says a" }, handler)
	app:any("/b/{rest:path}", handler)

	it("list routes", function()
		local lines = {}
		for line in assert(require("moonloop.tools.routes").list(app)):gmatch("[^\n]+") do
			lines[#lines + 1] = line
		end
		assert.equal(3, #lines)
		support.contains("GET     /a              first  ", lines[2])
		assert.is_truthy(lines[2]:find("web_openapi_spec%.lua:%d+  Says a$"), lines[2])
		assert.is_truthy(lines[3]:find("^any     /b/{rest:path} "), lines[3])
		local _, code, detail = require("moonloop.tools.routes").list(handler)
		assert.equal("invalid", code)
		support.contains("not made by web.app", detail)
	end)

	it("write the document", function()
		local fs, tool = require("moonloop.fs"), require("moonloop.tools.openapi")
		local path = os.tmpname()
		assert(tool.write(app, path))
		assert.equal("3.1.0", json.decode(assert(fs.read(path))).openapi)
		os.remove(path)
		assert.equal("invalid", select(2, tool.write(handler, path)))
		assert.equal("not_found", select(2, tool.write(app, "/nowhere/x.json")))
	end)
end)
