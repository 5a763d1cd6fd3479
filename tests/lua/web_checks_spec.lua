--- What routes declare: requests that keep to it, requests that do not, and responses.

local json = require("moonloop.json")
local support = require("support")
local client = require("support_web")
local web = require("moonloop.web")

local s = web.schema

local function post(app, path, body, content_type)
	return client.call(app, "POST", path, {
		headers = { ["content-type"] = content_type or "application/json" },
		body = body,
	})
end

-- "in pointer code; ...", sorted
local function faults(answer)
	assert.equal(422, answer.status)
	assert.equal("application/problem+json", answer.headers["content-type"])
	local list = {}
	for i, fault in ipairs(assert(json.decode(answer.body)).errors) do
		list[i] = ("%s %s %s"):format(fault["in"], fault.pointer, fault.code)
	end
	table.sort(list)
	return table.concat(list, "; ")
end

describe("requests", function()
	local app = web.app()
	app:get("/find/{kind}/{page:int}", {
		params = { kind = s.enum { "a", "b" }, page = s.integer { max = 9 } },
		query = { q = s.string { min = 1 }, limit = s.integer { max = 50 }:default(10),
			tag = s.array(s.string(), { max = 2 }):optional() },
		headers = { ["X-Count"] = s.integer():optional(), accept = s.string():optional(),
			["x-list"] = s.array(s.integer()):optional() },
		cookies = { n = s.integer():optional() },
	}, function(req)
		return {
			kind = req.params.kind, page = req.params.page, q = req.query.q, limit = req.query.limit,
			tag = req.query.tag, more = req.query.more, count = req.headers["x-count"],
			list = req.headers["x-list"],
			other = req.headers["x-other"], n = req.cookies.n, raw = req.cookies.raw,
		}
	end)
	app:post("/items", { body = s.object { name = s.string(), n = s.integer():default(1) } }, function(req)
		return req:json()
	end)
	app:post("/maybe", { body = s.object { name = s.string() }:optional() }, function(req)
		return { got = req:json() and req:json().name or "nothing" }
	end)
	app:post("/form", {
		body = {
			type = "application/x-www-form-urlencoded",
			schema = s.object { n = s.integer(), tag = s.array(s.string()) },
		},
	}, function(req)
		return { n = req:form().n, tag = req:form().tag }
	end)

	it("are converted", function()
		local answer = client.get(app, "/find/a/3?q=x&tag=1&tag=2&more=1", { ["x-count"] = "5", ["x-other"] = "o",
			["x-list"] = "1, 2,3", cookie = "n=7; raw=r" })
		assert.equal(200, answer.status)
		assert.equal('{"count":5,"kind":"a","limit":10,"list":[1,2,3],"n":7,"other":"o","page":3,"q":"x",'
			.. '"raw":"r","tag":["1","2"]}', json.encode(json.decode(answer.body), { sort = true }))
	end)

	it("hear of every fault, wherever it is", function()
		assert.equal("cookie /n type; header /x-count type; path /kind enum; path /page maximum; "
			.. "query /limit type; query /q required; query /tag maxItems", faults(client.get(app,
			"/find/c/12?limit=x&tag=1&tag=2&tag=3", { ["x-count"] = "many", cookie = "n=x" })))
		local document = json.decode(client.get(app, "/find/a/1").body)
		assert.equal("One thing is wrong with the request.", document.detail)
		assert.equal("Unprocessable Content", document.title)
	end)

	it("have their bodies checked", function()
		local answer = post(app, "/items", '{"name":"x","more":1}')
		assert.same({ name = "x", n = 1 }, json.decode(answer.body))
		assert.equal("body /name required", faults(post(app, "/items", "{}")))
		assert.equal("body  type", faults(post(app, "/items", "[]")))
		assert.equal(400, post(app, "/items", "{").status)
		assert.equal(415, post(app, "/items", "a=1", "text/plain").status)
		assert.same({ got = "nothing" }, json.decode(client.call(app, "POST", "/maybe").body))
		assert.same({ got = "x" }, json.decode(post(app, "/maybe", '{"name":"x"}').body))
		assert.equal("body /name type", faults(post(app, "/maybe", '{"name":1}')))
	end)

	it("have their forms checked", function()
		local kind = "application/x-www-form-urlencoded"
		assert.same({ n = 5, tag = { "a", "b" } }, json.decode(post(app, "/form", "n=5&tag=a&tag=b", kind).body))
		assert.equal("body /n type; body /tag required", faults(post(app, "/form", "n=x", kind)))
	end)

	it("are listed up to a limit", function()
		local saved = s.limits.faults
		s.limits.faults = 2
		local list = web.app()
		list:post("/", { body = s.array(s.string()) }, function() end)
		local document = json.decode(post(list, "/", "[1,2,3,4]").body)
		s.limits.faults = saved
		assert.equal(2, #document.errors)
		assert.equal("More than 2 things are wrong with the request.", document.detail)
	end)
end)

describe("responses", function()
	local Answer = s.object { a = s.integer(), list = s.array(s.string()):default {} }
	local app = web.app()
	local result

	local function handler()
		return unpack(result, 1, 3)
	end
	app:get("/one", { response = Answer }, handler)
	app:get("/many", { response = {
		[200] = Answer,
		[201] = { schema = Answer, description = "Made.", headers = { location = s.string() } },
		[202] = { description = "Later." },
		[206] = { schema = s.string { max = 3 }, type = "text/plain" },
		default = s.object { code = s.string() },
	} }, handler)

	local function get(path, ...)
		result = { ... }
		return client.get(app, path)
	end

	it("are made what was declared", function()
		local first = json.decode(get("/one", { a = 1, secret = "x" }).body)
		assert.equal('{"a":1,"list":[]}', json.encode(first, { sort = true }))
		local answer = get("/many", 201, { a = 1, secret = "x" }, { location = "/x" })
		assert.equal(201, answer.status)
		assert.equal("/x", answer.headers.location)
		assert.is_nil(answer.body:find("secret"))
		assert.is_nil(get("/many", web.json({ a = 1, secret = "x" }, 201)).body:find("secret"))
		assert.equal(202, get("/many", 202).status)
		assert.equal("abc", get("/many", 206, "abc").body)
		assert.equal(200, get("/one", function() end).status)
	end)

	it("that break it are 500", function()
		for _, bad in ipairs({
			{ "/one", { a = "x" } }, { "/one", {} }, { "/one" }, { "/one", "text" }, { "/one", 201, { a = "x" } },
			{ "/one", web.json { a = 1.5 } }, { "/one", web.html "<p>" },
			{ "/one", 200, "{", { ["content-type"] = "application/json" } },
			{ "/many", 206, "long" }, { "/many", 404, { message = "x" } },
		}) do
			local answer = get(unpack(bad, 1, 4))
			assert.equal(500, answer.status)
			assert.same({ type = "about:blank", title = "Internal Server Error", status = 500 },
				json.decode(answer.body))
		end
	end)

	it("of errors are left alone", function()
		local failing = web.app()
		failing:get("/", { response = Answer }, function()
			web.error(404, "gone")
		end)
		assert.equal(404, client.get(failing, "/").status)
	end)
end)

describe("declarations", function()
	local function declare(spec, path)
		return support.raises(function()
			web.app():post(path or "/x/{id:int}", spec, function() end)
		end)
	end

	it("are blamed on the line of the route", function()
		for what, spec in pairs({
			["params: the path has no {name}"] = { params = { name = s.string() } },
			["params: {id:int} is a number"] = { params = { id = s.string() } },
			["query: q is text, it cannot be an object"] = { query = { q = s.object {} } },
			["cookies: c is text, it cannot be an array"] = { cookies = { c = s.array(s.string()) } },
			["query: q is text, it cannot be an array"] = { query = { q = s.array(s.array(s.string())) } },
			["query: expected an object"] = { query = s.string() },
			["query: expected a table, name"] = { query = { q = "string" } },
			["body: unknown key kind"] = { body = { kind = 1 } },
			["body: schema must be a schema"] = { body = { type = "application/json" } },
			["body: the type must be JSON or a form"] = { body = { type = "text/plain", schema = s.string() } },
			["body: a form is an object"] = { body = { type = "multipart/form-data", schema = s.string() } },
			["response: expected statuses"] = { response = { [99] = s.string() } },
			["response: unknown key body"] = { response = { [200] = { body = 1 } } },
			["response: the header x must be a schema"] = { response = { [200] = { headers = { x = 1 } } } },
			["the default of q must be an integer"] = { query = { q = s.integer():default "x" } },
		}) do
			support.contains(what, declare(spec))
		end
	end)
end)
