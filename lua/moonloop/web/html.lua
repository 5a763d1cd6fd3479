--- Text for HTML: escaping, and marking what is HTML already.

local json = require("moonloop.json")
local query = require("moonloop.web.query")

local find, gsub = string.find, string.gsub
local getmetatable, setmetatable, tostring, type = getmetatable, setmetatable, tostring, type

local html = {}

local Safe = {
	__name = "moonloop.html",
	__tostring = function(safe)
		return safe.text_
	end,
	__concat = function(a, b)
		return html.safe(html.escape(a) .. html.escape(b))
	end,
}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Marks a text as HTML, which is not escaped again. What comes from others must not come in here.
function html.safe(text)
	return setmetatable({ text_ = text }, Safe)
end

function html.is_safe(value)
	return getmetatable(value) == Safe
end

--- A value as HTML, fit for an element's text and a quoted attribute.
-- @param value a string, number or boolean; or HTML already
-- @return a string; nil for anything else
function html.escape(value)
	local kind = type(value)
	if kind == "string" then
		return find(value, "[&<>\"']") and gsub(value, "[&<>\"']", ENTITIES) or value
	elseif kind == "number" or kind == "boolean" then
		return tostring(value)
	elseif getmetatable(value) == Safe then
		return value.text_
	end
end

--- A value as JSON for a <script> element.
function html.json(value)
	return html.safe(json.encode(value, { html = true }))
end

--- A value as one part of a URL: of its path or its query.
function html.url(value)
	return html.safe((query.encode({ [""] = value }):gsub("^=", ""):gsub("%+", "%%20")))
end

return html
