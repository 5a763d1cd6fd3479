--- Where the to-dos are: in the memory of this worker.

local json = require "moonloop.json"

local Store = {}
Store.__index = Store

--- What get, change and remove raise: {id =}.
Store.Missing = { __name = "todo.missing" }

function Store.new()
	return setmetatable({ by_id = {}, last_id = 0 }, Store)
end

local function matches(todo, filter)
	if filter.done ~= nil and todo.done ~= filter.done then
		return false
	elseif not filter.tag then
		return true
	end
	for _, tag in ipairs(todo.tags) do
		if tag == filter.tag then
			return true
		end
	end
	return false
end

--- @param filter {done =, tag =, after = an id, limit =}
-- @return {items = in the order of their ids, total = of all pages, more = whether a page follows}
function Store:list(filter)
	local page = { items = json.array {}, total = 0, more = false }
	for id = 1, self.last_id do
		local todo = self.by_id[id]
		if todo and matches(todo, filter) then
			page.total = page.total + 1
			if #page.items == filter.limit then
				page.more = true
			elseif id > filter.after then
				table.insert(page.items, todo)
			end
		end
	end
	return page
end

function Store:add(fields)
	self.last_id = self.last_id + 1
	local todo = {
		id = self.last_id,
		title = fields.title,
		due = fields.due,
		tags = fields.tags,
		done = false,
		created = os.date("!%Y-%m-%dT%H:%M:%SZ"),
	}
	self.by_id[todo.id] = todo
	return todo
end

function Store:get(id)
	return self.by_id[id] or error(setmetatable({ id = id }, Store.Missing))
end

function Store:change(id, fields)
	local todo = self:get(id)
	for name, value in pairs(fields) do
		todo[name] = value
	end
	return todo
end

function Store:remove(id)
	self.by_id[self:get(id).id] = nil
end

return Store
