--- moonloop routes APP: what an application answers, and where.

local routes = {}

local COLUMNS = { "METHOD", "PATH", "NAME", "HANDLER", "SUMMARY" }

-- "app.lua:12"
local function place_of(handler)
	local info = debug.getinfo(handler, "S")
	return ("%s:%d"):format(info.short_src, info.linedefined)
end

local function row(route)
	return {
		route.method == "*" and "any" or route.method,
		route.pattern,
		route.spec.name or "",
		place_of(route.handler),
		route.spec.summary or "",
	}
end

local function pad(text, width)
	return text .. (" "):rep(width - #text)
end

local function lay_out(rows)
	local widths, lines = {}, {}
	for _, cells in ipairs(rows) do
		for i, cell in ipairs(cells) do
			widths[i] = math.max(widths[i] or 0, #cell)
		end
	end
	for n, cells in ipairs(rows) do
		local parts = {}
		for i, cell in ipairs(cells) do
			parts[i] = pad(cell, widths[i])
		end
		lines[n] = table.concat(parts, "  "):gsub("%s+$", "")
	end
	return table.concat(lines, "\n") .. "\n"
end

--- @param app what the application's file returned
-- @return the table, one line for each route in the order in which they were made; nil, "invalid", why
function routes.list(app)
	if type(app) ~= "table" or type(app.routes) ~= "table" then
		return nil, "invalid", "the application is not made by web.app, so its routes are not known"
	end
	local rows = { COLUMNS }
	for _, route in ipairs(app.routes) do
		rows[#rows + 1] = row(route)
	end
	return lay_out(rows)
end

local function main(words, config)
	local args = require("moonloop.tools.args")
	local found, why = args.read(words, {})
	if not found then
		return args.complain("routes: " .. why)
	elseif found[1] or not (config.file or config.module) then
		return args.complain("routes: expected one application")
	end
	local text, _, detail = routes.list(config.load())
	if not text then
		return args.complain("routes: " .. detail, 1)
	end
	io.stdout:write(text)
	return 0
end

return setmetatable(routes, {
	__call = function(_, words, config)
		return main(words, config)
	end,
})
