--- moonloop new NAME [--template T]: makes a project from the templates that the binary carries.
-- A template is lua/moonloop/templates/T/; what all have is in common/. A file dot-x becomes .x, and
-- {{name}} in text for people becomes the project's name.

local args = require("moonloop.tools.args")
local fs = require("moonloop.fs")
local keys = require("moonloop.core.keys")
local native = require("moonloop.core.native")
local types = require("moonloop.tools.types")

local DEFAULT = "minimal"
local TEMPLATE = "^templates/([^/]+)/(.+)$"

-- Template name → {path in the project → text}.
local function read_templates()
	local templates = {}
	for _, name in ipairs(native.bundle_names()) do
		local template, path = name:match(TEMPLATE)
		if template then
			templates[template] = templates[template] or {}
			templates[template][path:gsub("^dot%-", ".")] = native.bundle_text(name)
		end
	end
	local common = templates.common
	templates.common = nil
	for _, files in pairs(templates) do
		for path, text in pairs(common) do
			files[path] = (files[path] or "") .. text
		end
	end
	return templates
end

-- What the first line of its application says.
local function about(files)
	return files["app.lua"]:match("^%-%-%- ([^\n]*)")
end

local function list(templates)
	for _, name in ipairs(keys(templates)) do
		print(("%-8s  %s"):format(name, about(templates[name])))
	end
	return 0
end

-- nil when a project may be made there, or why not.
local function occupied(dir)
	local facts, code, detail = fs.stat(dir)
	if facts == nil then
		return code ~= "not_found" and detail or nil
	elseif facts.type ~= "dir" then
		return dir .. ": it is there already, and no directory"
	end
	local entries, _, why = fs.listdir(dir)
	if entries == nil then
		return why
	end
	return entries[1] and ("%s: it is there already, with %s in it"):format(dir, entries[1].name)
end

local function write(dir, name, files)
	local ok, _, detail = fs.mkdir(dir, { parents = true })
	for path, text in pairs(files) do
		local parent = path:match("^(.*)/")
		if ok and parent then
			ok, _, detail = fs.mkdir(dir .. "/" .. parent, { parents = true })
		end
		if ok then
			ok, _, detail = fs.write(dir .. "/" .. path, (text:gsub("{{name}}", name)))
		end
	end
	if ok then
		ok, _, detail = types.write(dir)
	end
	return ok, detail
end

local function make(dir, files, template)
	local name = dir:match("([^/]+)/*$") or dir
	if not name:find("^%a[%w_-]*$") then
		return args.complain(("new: \"%s\" is no good name: a letter, then letters, digits, - and _"):format(name))
	end
	local why = occupied(dir)
	if why then
		return args.complain("new: " .. why, 1)
	end
	local ok, detail = write(dir, name, files)
	if not ok then
		return args.complain("new: " .. detail, 1)
	end
	print(("%s is made from the template %s. Next:"):format(dir, template))
	print(("  cd %s && moonloop test"):format(dir))
	print(("  moonloop run app.lua           # then open http://127.0.0.1:8000; README.md has the rest"))
	return 0
end

return function(words)
	local templates = read_templates()
	local found, why = args.read(words, { template = "text", list = "flag" })
	if not found then
		return args.complain("new: " .. why)
	elseif found.list then
		return list(templates)
	elseif #found ~= 1 then
		return args.complain("new: expected one name, got " .. (#found == 0 and "none" or table.concat(found, " ")))
	end
	local template = found.template or DEFAULT
	if not templates[template] then
		return args.complain(("new: no template \"%s\"; there are %s"):format(template,
			table.concat(keys(templates), ", ")))
	end
	return make(found[1], templates[template], template)
end
