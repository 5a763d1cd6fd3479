local json = require "moonloop.json"
local testing = require "moonloop.testing"

describe("the to-do list", function()
	local app

	-- → the status, what the JSON says, the header fields
	local function ask(method, path, body)
		local answer = testing.request(app, method, path, {
			body = body and json.encode(body),
			headers = body and { ["content-type"] = "application/json" },
		})
		return answer.status, answer.body ~= "" and json.decode(answer.body) or nil, answer.headers
	end

	local function add(title, more)
		local body = { title = title }
		for key, value in pairs(more or {}) do
			body[key] = value
		end
		return select(2, ask("POST", "/todos", body))
	end

	before_each(function()
		package.loaded.app = nil
		app = require "app" -- with nothing to do
	end)

	it("is empty at first", function()
		local answer = testing.request(app, "GET", "/todos")
		assert.equal(200, answer.status)
		assert.is_truthy(answer.body:find('"items":[]', 1, true))
	end)

	it("keeps what is added, and tells where", function()
		local body = { title = "buy cheese", due = "2029-07-20", tags = { "moon" } }
		local status, made, headers = ask("POST", "/todos", body)
		assert.equal(201, status)
		assert.equal("/todos/1", headers.location)
		local _, read = ask("GET", headers.location)
		assert.same(made, read)
		body.id, body.done, body.created = 1, false, read.created
		assert.same(body, read)
	end)

	it("changes what it is told and leaves the rest", function()
		add("buy cheese", { due = "2029-07-20" })
		local status, todo = ask("PATCH", "/todos/1", { done = true })
		assert.equal(200, status)
		assert.same({ "buy cheese", "2029-07-20", true }, { todo.title, todo.due, todo.done })
		todo = select(2, ask("PATCH", "/todos/1", { due = json.null }))
		assert.equal(json.null, todo.due)
	end)

	it("removes, and gives no id twice", function()
		add("one")
		assert.equal(204, (ask("DELETE", "/todos/1")))
		assert.equal(404, (ask("GET", "/todos/1")))
		assert.equal(404, (ask("DELETE", "/todos/1")))
		assert.equal(2, add("two").id)
	end)

	it("says what is not there", function()
		local status, problem, headers = ask("PATCH", "/todos/7", { done = true })
		assert.equal(404, status)
		assert.equal("there is no to-do 7", problem.detail)
		assert.equal("application/problem+json", headers["content-type"])
		assert.equal(404, (ask("GET", "/todos/seven")))
	end)

	it("names every fault of what it refuses", function()
		local body = { title = " ", due = "soon", tags = { "a", "a" }, colour = "red" }
		local status, problem = ask("POST", "/todos", body)
		assert.equal(422, status)
		local pointers = {}
		for i, fault in ipairs(problem.errors) do
			pointers[i] = fault.pointer
		end
		table.sort(pointers)
		assert.same({ "/colour", "/due", "/tags", "/title" }, pointers)
		assert.equal(422, (ask("PATCH", "/todos/1", {})))
	end)

	it("is read page by page", function()
		for i = 1, 5 do
			add("number " .. i)
		end
		local seen, path = {}, "/todos?limit=2"
		while path do
			local _, page = ask("GET", path)
			assert.equal(5, page.total)
			for _, todo in ipairs(page.items) do
				seen[#seen + 1] = todo.id
			end
			path = page.next
		end
		assert.same({ 1, 2, 3, 4, 5 }, seen)
		assert.equal(422, (ask("GET", "/todos?limit=1000")))
	end)

	it("is filtered by tag and by what is done", function()
		add("one", { tags = { "moon" } })
		add("two", { tags = { "moon", "home" } })
		ask("PATCH", "/todos/2", { done = true })
		local function ids(query)
			local found = {}
			for i, todo in ipairs(select(2, ask("GET", "/todos?" .. query)).items) do
				found[i] = todo.id
			end
			return found
		end
		assert.same({ 1, 2 }, ids("tag=moon"))
		assert.same({ 2 }, ids("tag=home"))
		assert.same({ 1 }, ids("done=false"))
		assert.same({}, ids("tag=home&done=false"))
	end)

	it("describes itself", function()
		local status, document = ask("GET", "/openapi.json")
		assert.equal(200, status)
		assert.equal("3.1", document.openapi:sub(1, 3))
		assert.is_truthy(document.paths["/todos/{id}"].patch)
		assert.is_truthy(document.components.schemas.NewTodo)
	end)
end)
