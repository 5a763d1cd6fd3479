--- Code blocks of the welcome page: escaped, Lua coloured, with a button to copy them.
local code = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text made safe for HTML content and for quoted attribute values.
function code.escape(text)
	return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

local KEYWORDS = {}
for word in ("do else end error for function if local require return then while"):gmatch("%a+") do
	KEYWORDS[word] = true
end

-- Tried in this order at each place; the first that matches is the token.
local TOKENS = {
	{ "^%-%-[^\n]*", "c" },
	{ '^"[^"\n]*"', "s" },
	{ "^[%a_][%w_]*", "w" },
	{ "^%d[%d.]*", "n" },
	{ "^%s+" },
	{ "^." },
}

local function token(source, at)
	for _, row in ipairs(TOKENS) do
		local text = source:match(row[1], at)
		if text then
			return text, row[2]
		end
	end
end

local function coloured(source)
	local out, at = {}, 1
	while at <= #source do
		local text, class = token(source, at)
		if class == "w" then
			class = KEYWORDS[text] and "k"
		end
		local safe = code.escape(text)
		out[#out + 1] = class and '<span class="' .. class .. '">' .. safe .. "</span>" or safe
		at = at + #text
	end
	return table.concat(out)
end

local BUTTON = '<button type="button" data-copy hidden>Copy</button>'

--- A piece of Lua with the name of its file above; a whole file can be copied, an excerpt not.
function code.file(name, source, whole)
	return '<figure><figcaption>' .. code.escape(name) .. "</figcaption>" .. (whole and BUTTON or "")
		.. '<pre tabindex="0"><code>' .. coloured(source) .. "</code></pre></figure>"
end

--- One line for a shell.
function code.command(line)
	return '<div class="command">' .. BUTTON .. '<pre tabindex="0"><code>' .. code.escape(line)
		.. "</code></pre></div>"
end

return code
