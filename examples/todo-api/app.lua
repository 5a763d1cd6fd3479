--- A to-do list as an API that checks what comes in and documents itself: open /docs in a browser.
--
-- $ moonloop run examples/todo-api/app.lua
-- $ curl -s --json '{"title": "buy cheese"}' http://127.0.0.1:8000/todos | grep -o '"title":"[^"]*"'
-- "title":"buy cheese"
-- $ curl -s -X PATCH --json '{"done": true}' http://127.0.0.1:8000/todos/1 | grep -o '"done":[a-z]*'
-- "done":true
-- $ curl -s -o /dev/null -w '%{http_code}\n' --json '{"title": ""}' http://127.0.0.1:8000/todos
-- 422
-- $ curl -s 'http://127.0.0.1:8000/todos?done=true' | grep -o '"total":[0-9]*'
-- "total":1
-- $ curl -s -X DELETE -w '%{http_code}\n' http://127.0.0.1:8000/todos/1
-- 204
-- $ curl -s http://127.0.0.1:8000/todos/1 | grep -o '"detail":"[^"]*"'
-- "detail":"there is no to-do 1"

local Store = require "store"
local web = require "moonloop.web"
local s = web.schema

local store = Store.new()

-- What comes in and goes out.

local Title = s.string { min = 1, max = 120, pattern = [[\S]], examples = { "buy cheese" } }
local Due = s.string({ format = "date", description = "The day by which it is to be done." }):nullable()
local Tags = s.array(s.string { min = 1, max = 20 }, { max = 10, unique = true })

local NewTodo = s.object({
	title = Title,
	due = Due:optional(),
	tags = Tags:default {},
}, { extra = "refuse" }):named "NewTodo"

local Change = s.object({
	title = Title:optional(),
	due = Due:optional(),
	tags = Tags:optional(),
	done = s.boolean():optional(),
}, { extra = "refuse", min = 1, description = "What is left out stays as it is." }):named "Change"

local Todo = s.object {
	id = s.integer { min = 1 },
	title = Title,
	due = Due:optional(),
	tags = Tags,
	done = s.boolean(),
	created = s.string { format = "date-time" },
}:named "Todo"

local Page = s.object {
	items = s.array(Todo),
	total = s.integer { description = "Of all pages." },
	next = s.string({ format = "uri-reference", description = "The next page, if there is one." }):optional(),
}:named "Page"

local Filter = {
	done = s.boolean({ description = "Only those that are done, or only those that are not." }):optional(),
	tag = s.string({ description = "Only those with that tag." }):optional(),
	after = s.integer({ min = 0, description = "The id behind which the page begins." }):default(0),
	limit = s.integer({ min = 1, max = 100 }):default(20),
}

-- The routes.

local app = web.app {
	title = "To-do",
	version = "1.0.0",
	description = "A list of things to do. It is kept in memory, so a restart leaves nothing to do.",
}

app:use(web.request_id(), web.security_headers())

-- The store knows nothing of HTTP; this is where its errors become answers.
app:on_error(Store.Missing, function(_, err)
	web.error(404, ("there is no to-do %d"):format(err.id))
end)

app:get("/", { hidden = true }, function(req)
	return web.redirect(req.scope.root_path .. "/docs")
end)

app:group("/todos", { tags = { "to-do" } }, function(todos)
	todos:get("", { summary = "Lists them", name = "list", query = Filter, response = Page }, function(req)
		local query = req.query
		local page = store:list(query)
		if page.more then
			query.after = page.items[#page.items].id
			page.next = req:url_for("list", {}, query)
		end
		return page
	end)

	todos:post("", { summary = "Adds one", body = NewTodo, response = { [201] = Todo } }, function(req)
		local todo = store:add(req:json())
		return 201, todo, { location = req:url_for("todo", { id = todo.id }) }
	end)

	todos:get("/{id:int}", { summary = "Reads one", name = "todo", response = Todo }, function(req)
		return store:get(req.params.id)
	end)

	todos:patch("/{id:int}", { summary = "Changes one", body = Change, response = Todo }, function(req)
		return store:change(req.params.id, req:json())
	end)

	todos:delete("/{id:int}", { summary = "Removes one", response = { [204] = {} } }, function(req)
		store:remove(req.params.id)
	end)
end)

return app
