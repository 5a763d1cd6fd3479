--- Lines of source around a place. Files are read as they are now, blocking: small and local.

local source = {}

local FILE_MAX = 2 * 1024 * 1024
local LINE_MAX = 400 -- bytes that are shown of one

local function read(name)
	local file = io.open(name, "rb")
	if file == nil then
		return nil
	end
	local text = file:read(FILE_MAX)
	file:close()
	return text or ""
end

-- Of a chunk's source as debug.getinfo tells it: "@file", "=name", or the text itself.
local function text_of(chunk)
	if chunk:sub(1, 1) == "@" then
		return read(chunk:sub(2))
	elseif chunk:sub(1, 1) ~= "=" then
		return chunk
	end
end

--- @param chunk as debug.getinfo(...).source
-- @param around how many lines before and behind it
-- @return an array of {n = line number, text =, hit = true for the line itself}, or nil
function source.excerpt(chunk, line, around)
	local text = line and text_of(chunk)
	if not text or text:find("^\27") then -- bytecode
		return nil
	end
	local lines, n = {}, 0
	for one in (text .. "\n"):gmatch("(.-)\r?\n") do
		n = n + 1
		if n > line + around then
			break
		elseif n >= line - around then
			lines[#lines + 1] = { n = n, text = one:sub(1, LINE_MAX), hit = n == line }
		end
	end
	-- A file that ends with a newline has no line behind it, but an unexpected end is reported there.
	if #lines > 0 and lines[#lines].text == "" and not lines[#lines].hit and lines[#lines].n == n then
		lines[#lines] = nil
	end
	return #lines > 0 and lines or nil
end

--- The place that a message names first: "app.lua:3: unexpected symbol".
-- @param known an array of file names, for messages that show only the end of a long one
-- @return chunk, line, what follows; nil
function source.place(message, known)
	for name, line, rest in message:gmatch("([^\n\t:]+):(%d+): ([^\n]*)") do
		name = name:gsub("^%s+", ""):gsub("^.*from file '", ""):gsub("^%.%.%.", "\0")
		for _, full in ipairs(known or {}) do
			if name:sub(1, 1) == "\0" and full:sub(-(#name - 1)) == name:sub(2) then
				name = full
			end
		end
		if read(name) then
			return "@" .. name, tonumber(line), rest
		end
	end
end

return source
