--- The head of a part of a form: what its fields say (RFC 7578 4, RFC 2183).

local parts = {}

-- A quoted string from the quote at `from` on. Browsers send %22 for a quote and leave backslashes
-- alone, others escape quotes and backslashes: nothing else is an escape.
-- @return the text, where it goes on; nil: it has no end
local function quoted(text, from)
	local out, at = {}, from + 1
	while true do
		local stop = text:find('["\\]', at)
		if not stop then
			return nil
		end
		out[#out + 1] = text:sub(at, stop - 1)
		if text:sub(stop, stop) == '"' then
			return table.concat(out), stop + 1
		end
		local following = text:sub(stop + 1, stop + 1)
		local escape = following == '"' or following == "\\"
		out[#out + 1] = escape and following or "\\"
		at = stop + (escape and 2 or 1)
	end
end

--- The parameters of a field: `form-data; name="a"`.
-- @return what stands in front of them in lower case, name → value; nil, what is wrong
function parts.field(text)
	local kind, at = text:match("^%s*([^;]-)%s*()%f[;%z]")
	local found = {}
	while at <= #text do
		local name, from = text:match("^;%s*([^=;%s]+)%s*=%s*()", at)
		if not name then
			if text:find("^[;%s]*$", at) then
				break
			end
			return nil, ("%q is no parameter"):format(text:sub(at, at + 60))
		end
		name = name:lower()
		local value
		if text:sub(from, from) == '"' then
			value, at = quoted(text, from)
		else
			value, at = text:match("^([^;%s]*)()", from)
		end
		if not value then
			return nil, ("the value of %s has no closing quote"):format(name)
		elseif found[name] then
			return nil, ("%s is there twice"):format(name)
		end
		found[name] = value
		at = text:match("^%s*()", at)
	end
	return kind:lower(), found
end

--- One parameter of a field; nil when it is not there.
function parts.parameter(text, name)
	local kind, found = parts.field(text or "")
	return kind and found[name]
end

local CODINGS = { ["7bit"] = true, ["8bit"] = true, binary = true }

local function lines(text)
	local headers = {}
	for line in text:gmatch("(.-)\r\n") do
		local name, value = line:match("^([%w!#$%%&'*+%-.^_`|~]+):[ \t]*(.-)[ \t]*$")
		if not name then
			return nil, ("%q is no header field"):format(line:sub(1, 60))
		elseif value:find("[%z\r\n]") then
			return nil, ("the field %s has a control character"):format(name)
		end
		headers[name:lower()] = value
	end
	return headers
end

--- @param text lines, each with its end
-- @return {name =, filename = or nil, type = or nil, headers =}; nil, what is wrong
function parts.parse(text)
	local headers, why = lines(text)
	if not headers then
		return nil, why
	end
	local disposition = headers["content-disposition"]
	if not disposition then
		return nil, "it has no content-disposition"
	end
	local kind, found = parts.field(disposition)
	if not kind then
		return nil, "content-disposition: " .. found
	elseif kind ~= "form-data" then
		return nil, ("content-disposition must be form-data, got %q"):format(kind:sub(1, 60))
	elseif not found.name then
		return nil, "it has no name"
	end
	local coding = headers["content-transfer-encoding"]
	if coding and not CODINGS[coding:lower()] then
		return nil, ("content-transfer-encoding: %s is not allowed in a form"):format(coding:sub(1, 60))
	end
	return { name = found.name, filename = found.filename, type = headers["content-type"], headers = headers }
end

return parts
