--- The page of a directory.

local escape = require("moonloop.web.html").escape
local fs = require("moonloop.fs")
local path = require("moonloop.web.path")
local response = require("moonloop.web.response")

local PAGE = [[<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<style>body { font: 1rem/1.6 system-ui, sans-serif; margin: 2rem } ul { list-style: none; padding: 0 }</style>
<h1>%s</h1>
<ul>
%s
</ul>
]]

local function item(name, text)
	-- "./": a name with a colon must not be taken for a scheme
	return ('<li><a href="./%s">%s</a>'):format(escape(path.escape(name, "/")), escape(text or name))
end

--- @param root the directory that nothing leads out of
-- @param rest which one below it: "" or "a/b/"
-- @param hidden whether names that begin with a point are shown
-- @return a response; nil, code, detail
return function(root, rest, hidden)
	local entries, code, detail = fs.listdir(rest == "" and "." or rest, { root = root })
	if not entries then
		return nil, code, detail
	end
	local items = {}
	if rest ~= "" then
		items[1] = item("../", "..")
	end
	for _, kind in ipairs({ "dir", "other" }) do
		for _, entry in ipairs(entries) do
			local is_dir = entry.type == "dir"
			if (kind == "dir") == is_dir and (hidden or entry.name:sub(1, 1) ~= ".") then
				items[#items + 1] = item(entry.name .. (is_dir and "/" or ""))
			end
		end
	end
	local title = escape("/" .. rest)
	return response.html(PAGE:format(title, title, table.concat(items, "\n")))
end
