--- Finds the route of a request. A tree with one level per segment: the time that it takes grows with
-- the depth of the path, not with the number of routes.
-- Hot: find().

local find, sub = string.find, string.sub

local router = {}

local Router = { __name = "moonloop.router" }
Router.__index = Router

-- A node: literals (segment → node), params (array of {segment =, node =}, lowest rank first), rest
-- (the leaf of a {name:path}), leaf. A leaf: method → entry {route =, names =}; ANY takes all others.
local ANY = "*"
router.ANY = ANY

function router.new()
	return setmetatable({
		root_ = { literals = {}, params = {} },
		whole_ = {}, -- path without parameters → leaf
	}, Router)
end

local function same(a, b)
	return a.type == b.type and a.prefix == b.prefix and a.suffix == b.suffix
end

local function param_node(node, segment)
	for _, param in ipairs(node.params) do
		if same(param.segment, segment) then
			return param.node
		end
	end
	local new = { segment = segment, node = { literals = {}, params = {} } }
	local at = #node.params + 1
	while at > 1 and node.params[at - 1].segment.rank > segment.rank do
		at = at - 1
	end
	table.insert(node.params, at, new)
	return new.node
end

local function leaf_of(node, segments)
	for _, segment in ipairs(segments) do
		if segment.type == "path" then
			node.rest = node.rest or {}
			return node.rest
		elseif segment.literal then
			local following = node.literals[segment.literal] or { literals = {}, params = {} }
			node.literals[segment.literal] = following
			node = following
		else
			node = param_node(node, segment)
		end
	end
	node.leaf = node.leaf or {}
	return node.leaf
end

--- @return nil; the route that has this method and pattern already
function Router:add(method, segments, route)
	local leaf = leaf_of(self.root_, segments)
	local names = {}
	for _, segment in ipairs(segments) do
		names[#names + 1] = segment.name
	end
	if leaf[method] then
		return leaf[method].route
	end
	leaf[method] = { route = route, names = names }
	if #names == 0 then
		local literals = {}
		for i, segment in ipairs(segments) do
			literals[i] = segment.literal
		end
		self.whole_["/" .. table.concat(literals, "/")] = leaf
	end
end

-- The entry for a method; what else the leaf could do is noted in `allowed`.
local function pick(leaf, method, allowed)
	local entry = leaf[method] or method == "HEAD" and leaf.GET or leaf[ANY]
	if not entry then
		for name in pairs(leaf) do
			allowed[name] = true
		end
	end
	return entry
end

local function inner(text, segment)
	local prefix, suffix = #segment.prefix, #segment.suffix
	if prefix + suffix == 0 then
		return text
	elseif #text > prefix + suffix and sub(text, 1, prefix) == segment.prefix
		and sub(text, #text - suffix + 1) == segment.suffix then
		return sub(text, prefix + 1, #text - suffix)
	end
end

local function descend(node, path, from, method, values, n, allowed)
	local slash = find(path, "/", from, true)
	local text = sub(path, from, slash and slash - 1)
	local function enter(following, m)
		if slash then
			return descend(following, path, slash + 1, method, values, m, allowed)
		end
		return following.leaf and pick(following.leaf, method, allowed)
	end
	local entry = node.literals[text] and enter(node.literals[text], n)
	if entry then
		return entry
	end
	for _, param in ipairs(node.params) do
		local part = inner(text, param.segment)
		local value = part and param.segment.convert(part)
		if value ~= nil then
			values[n + 1] = value
			entry = enter(param.node, n + 1)
			if entry then
				return entry
			end
		end
	end
	if node.rest then
		values[n + 1] = sub(path, from)
		return pick(node.rest, method, allowed)
	end
end

--- @param path decoded, begins with a slash
-- @return the route and the table of its parameters; nil and the set of methods that the path has
-- (empty: there is no such path)
function Router:find(method, path)
	local leaf = self.whole_[path]
	local entry = leaf and (leaf[method] or method == "HEAD" and leaf.GET)
	if entry then
		return entry.route, {}
	end
	local values, allowed = {}, {}
	entry = descend(self.root_, path, 2, method, values, 0, allowed)
	if not entry then
		return nil, allowed
	end
	local params = {}
	for i, name in ipairs(entry.names) do
		params[name] = values[i]
	end
	return entry.route, params
end

return router
