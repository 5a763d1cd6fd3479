--- A web site: pages, a form and a static file.
local fs = require "moonloop.fs"
local lasgi = require "moonloop.lasgi"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
local FORM_MAX = 4096

local guests = {}

local PAGE = [[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Guest book</title>
<link rel="stylesheet" href="/style.css">
<h1>Guest book</h1>
<form method="post"><input name="name" maxlength="40" required autofocus> <button>I was here</button></form>
<ol>
%s</ol>
</html>
]]

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function page()
	local items = {}
	for i, name in ipairs(guests) do
		items[i] = ("<li>%s</li>\n"):format((name:gsub('[&<>"]', ENTITIES)))
	end
	return (PAGE:gsub("%%s", function() return table.concat(items) end))
end

local function unescape(text)
	return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function read_form(receive)
	local body, fields = "", {}
	repeat
		local message = receive()
		if message.type == "http.disconnect" then return nil end
		body = body .. message.body
	until not message.more_body or #body > FORM_MAX
	for name, value in body:gmatch("([^&=]+)=([^&]*)") do
		fields[unescape(name)] = unescape(value)
	end
	return fields
end

local routes = {}

routes["GET /"] = function()
	return 200, { ["content-type"] = "text/html; charset=utf-8" }, page()
end

routes["POST /"] = function(receive)
	local form = read_form(receive)
	if form and form.name and form.name ~= "" then
		table.insert(guests, 1, form.name:sub(1, 40))
	end
	return 303, { location = "/" } -- so that reloading the page does not send the form again
end

routes["GET /style.css"] = function()
	local text = assert(fs.read(HERE .. "/static/style.css"))
	return 200, { ["content-type"] = "text/css", ["cache-control"] = "max-age=60" }, text
end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local route, status, headers, body = routes[scope.method .. " " .. scope.path], 404, nil, "Not found\n"
	if route then
		status, headers, body = route(receive)
	end
	send { type = "http.response.start", status = status, headers = headers, body = body or "" }
end
