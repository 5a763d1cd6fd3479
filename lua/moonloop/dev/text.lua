--- A report as text for a terminal and as JSON, and which of the forms a client wants.

local json = require("moonloop.dev.json")

local text = {}

-- Terminals obey control characters.
local function plain(s)
	return (json.utf8(s):gsub("[%z\1-\8\11-\31\127]", function(c)
		return ("\\x%02x"):format(c:byte())
	end))
end

local function add_excerpt(out, excerpt, indent)
	for _, line in ipairs(excerpt or {}) do
		out[#out + 1] = ("%s%s %5d | %s"):format(indent, line.hit and ">" or " ", line.n, line.text)
	end
end

local function add_frames(out, frames)
	for _, frame in ipairs(frames) do
		local place = frame.file and ("%s:%d: "):format(frame.file, frame.line or 0) or ""
		out[#out + 1] = "  " .. place .. "in " .. frame.title
		for _, variable in ipairs(frame.locals) do
			out[#out + 1] = ("      %s = %s"):format(variable.name, variable.value)
		end
	end
end

--- For curl and the like.
function text.plain(r)
	local out = { ("%d %s"):format(r.status, r.title) }
	local request = r.request
	if request then
		out[1] = ("%s: %s %s"):format(out[1], request.method, request.path)
	end
	out[#out + 1] = ""
	out[#out + 1] = r.message
	if r.hint then
		out[#out + 1] = r.hint
	end
	if r.excerpt then
		out[#out + 1] = ""
		out[#out + 1] = ("%s:%d"):format(r.file, r.line)
		add_excerpt(out, r.excerpt, "")
	end
	if #r.frames > 0 then
		out[#out + 1] = "\nStack, innermost first:"
		add_frames(out, r.frames)
	end
	for _, frames in ipairs(r.chain) do
		if #frames > 0 then
			out[#out + 1] = "joined by another task:"
			add_frames(out, frames)
		end
	end
	out[#out + 1] = ""
	return plain(table.concat(out, "\n"))
end

--- All of it.
function text.json(r)
	return json.encode({
		status = r.status,
		error = r.title,
		message = r.message,
		hint = r.hint,
		file = r.file,
		line = r.line,
		excerpt = r.excerpt or {},
		frames = r.frames,
		chain = r.chain,
		request = r.request,
		traceback = r.traceback,
	}) .. "\n"
end

-- The weight of a media type in an Accept field: 0 to 1; ranges (*/*) do not count.
local function weight(accept, kind)
	local best = 0
	for range in accept:gmatch("[^,]+") do
		local name = range:match("^%s*([^;%s]+)")
		local q = tonumber(range:match(";%s*[qQ]=([%d.]+)") or 1) or 0
		if name and name:lower() == kind then
			best = math.max(best, q)
		end
	end
	return best
end

--- "html", "json" or "text": HTML only for who asks for it by name, as browsers do.
function text.form(accept)
	accept = accept or ""
	local html = weight(accept, "text/html")
	local data = weight(accept, "application/json")
	if html > 0 and html >= data then
		return "html"
	end
	return data > 0 and "json" or "text"
end

return text
