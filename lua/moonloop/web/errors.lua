--- Errors that are answers: web.error(404), and what is sent for them (RFC 9457).

local json = require("moonloop.json")
local note = require("moonloop.core.errors").note

local errors = {}

local HttpError = { __name = "moonloop.http_error" }
HttpError.__index = HttpError
errors.HttpError = HttpError

-- RFC 9110 15.5, 15.6 and others: what a handler raises or the framework answers.
local TITLES = {
	[400] = "Bad Request", [401] = "Unauthorized", [402] = "Payment Required", [403] = "Forbidden",
	[404] = "Not Found", [405] = "Method Not Allowed", [406] = "Not Acceptable",
	[408] = "Request Timeout", [409] = "Conflict", [410] = "Gone", [411] = "Length Required",
	[412] = "Precondition Failed", [413] = "Content Too Large", [414] = "URI Too Long",
	[415] = "Unsupported Media Type", [416] = "Range Not Satisfiable", [418] = "I'm a teapot",
	[421] = "Misdirected Request", [422] = "Unprocessable Content", [423] = "Locked",
	[428] = "Precondition Required", [429] = "Too Many Requests",
	[431] = "Request Header Fields Too Large", [451] = "Unavailable For Legal Reasons",
	[500] = "Internal Server Error", [501] = "Not Implemented", [502] = "Bad Gateway",
	[503] = "Service Unavailable", [504] = "Gateway Timeout", [507] = "Insufficient Storage",
}

function HttpError:__tostring()
	return ("%d %s%s"):format(self.status, self.title, self.detail and ": " .. self.detail or "")
end

--- @param status 400 to 599
-- @param detail a sentence for the client, or nil
-- @param members more members of the problem (RFC 9457 3.2), or nil; `headers` are header fields
function errors.new(status, detail, members)
	local err = { status = status, title = TITLES[status] or "Error", detail = detail }
	for key, value in pairs(members or {}) do
		err[key] = value
	end
	return setmetatable(err, HttpError)
end

--- A handler for xpcall: an answer needs no traceback.
function errors.raised(err)
	if getmetatable(err) == HttpError then
		return err
	end
	return note(err)
end

--- Ends the request with that answer.
-- @param status 400 to 599
-- @param detail a sentence that the client may read, or nil
-- @param members a table: more members of the problem document (`type`, `instance`, your own);
-- `headers` are sent as header fields
function errors.raise(status, detail, members)
	if type(status) ~= "number" or status < 400 or status > 599 or status % 1 ~= 0 then
		error("web.error: status must be an integer from 400 to 599, got " .. tostring(status), 2)
	elseif detail ~= nil and type(detail) ~= "string" then
		error("web.error: detail must be a string, got a " .. type(detail), 2)
	elseif members ~= nil and type(members) ~= "table" then
		error("web.error: the third argument must be a table, got a " .. type(members), 2)
	end
	error(errors.new(status, detail, members), 0)
end

-- A detail may quote what a client sent, which need not be UTF-8.
local function readable(value)
	if type(value) == "string" and value:find("[\128-\255]") and not pcall(json.encode, value) then
		return (value:gsub("[\128-\255]", "?"))
	end
	return value
end

--- The problem document of an error.
function errors.document(err)
	local document = {}
	for key, value in pairs(err) do
		if key ~= "headers" then
			document[key] = readable(value)
		end
	end
	document.type = document.type or "about:blank"
	return document
end

return errors
