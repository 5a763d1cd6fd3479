--- What is told of an error, as plain data: the pages, the JSON and the overlay are made from it.
--
--     {status, title, message, file, line, excerpt, frames, chain, request, traceback, hint}
--
-- file and line are where to look first; excerpt and those of the frames are source.excerpt's. No value
-- in it is the application's own: all are texts, masked where they are secret.

local errors = require("moonloop.core.errors")
local show = require("moonloop.dev.show")
local source = require("moonloop.dev.source")

local AROUND = 7 -- lines of source before and behind the first place
local AROUND_FRAME = 3
local EXCERPTS_MAX = 12 -- frames that come with source

local report = {}

local function sources_of(frames)
	local names = {}
	for _, frame in ipairs(frames or {}) do
		if frame.source:sub(1, 1) == "@" then
			names[#names + 1] = frame.source:sub(2)
		end
	end
	return names
end

local function title_of(frame)
	local first = source.excerpt(frame.source, frame.from, 0)
	local text = first and first[1].text or ""
	local name = text:match("function%s+([%w_.:]+)%s*%(") or text:match("([%w_.]+)%s*=%s*function")
	return name and "function '" .. name .. "'" or ("function at line %d"):format(frame.from)
end

local function with_excerpts(frames)
	for i, frame in ipairs(frames) do
		frame.title = frame.title or title_of(frame)
		if i <= EXCERPTS_MAX then
			frame.excerpt = source.excerpt(frame.source, frame.line, AROUND_FRAME)
		end
	end
	return frames
end

-- "app.lua:3: no fuel" → "no fuel": the place stands below it.
local function headline(message)
	local first = message:match("^[^\n]*")
	return (first:gsub("^[^\n\t:]+:%d+: ", "", 1))
end

-- The message's own place: it may name the caller's line (error(text, 2)), or a file that does not
-- even compile and so has no frame. Else the innermost function that is the application's.
local function find_place(r, known)
	local chunk, line, rest = source.place(r.message, known)
	if not chunk then
		for _, frame in ipairs(r.frames) do
			if frame.line then
				chunk, line = frame.source, frame.line
				break
			end
		end
	end
	if chunk then
		r.file = chunk:sub(1, 1) == "@" and chunk:sub(2) or "(a string)"
		r.line = line
		r.excerpt = source.excerpt(chunk, line, AROUND)
	end
	local first = r.frames[1]
	if first and chunk == first.source and line == first.line then
		first.excerpt = nil -- it would stand there twice
	end
	r.headline = (rest and rest ~= "" and rest or headline(r.message)):gsub(":$", "")
end

-- A loader's message begins with the line of ours that called it.
local function message_of(err, text, noted)
	local message = noted and errors.describe(err) or text:match("^(.-)\nstack traceback:") or text
	return (message:gsub("^moonloop%.[%w_.]+:%d+: ", ""))
end

--- Of an error that a function raised.
-- @param text message and traceback, as in the log
-- @param noted what errors.note kept of it, or nil
-- @param more fields of the report: status, title, hint, request
-- @param files that may be the one that the message means, or nil
function report.of(err, text, noted, more, files)
	local r = {
		status = more.status,
		title = more.title,
		hint = more.hint,
		request = more.request,
		message = message_of(err, text, noted),
		traceback = text,
		frames = with_excerpts(noted and noted.frames or {}),
		chain = {},
	}
	for i, frames in ipairs(noted and noted.chain or {}) do
		r.chain[i] = with_excerpts(frames)
	end
	local known = sources_of(r.frames)
	for _, name in ipairs(files or {}) do
		known[#known + 1] = name
	end
	find_place(r, known)
	return r
end

local function first_value(headers, name)
	return headers and headers[name]
end

--- What was asked, from a scope that is still alive.
function report.request(scope)
	local fields = {}
	local headers = scope.headers
	for i = 1, headers and #headers or 0 do
		local name, value = headers[i][1], headers[i][2]
		fields[i] = { name = name, value = show.header(name, value) }
	end
	return {
		method = scope.method,
		path = scope.path,
		query = show.query(scope.query_string or ""),
		http_version = scope.http_version,
		client = scope.client and tostring(scope.client[1]) or nil,
		host = first_value(headers, "host"),
		headers = fields,
	}
end

--- What the overlay in the browser shows: short.
function report.brief(r)
	local request = r.request
	return {
		title = r.title,
		headline = r.headline,
		message = r.message,
		file = r.file,
		line = r.line,
		excerpt = r.excerpt,
		at = request and request.method .. " " .. request.path or nil,
		stack = r.traceback:match("\nstack traceback:\n(.*)$"),
	}
end

return report
