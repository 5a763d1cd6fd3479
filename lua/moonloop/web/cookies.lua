--- Cookies: reading them (RFC 6265 5.4), and writing ones that cannot break a response (4.1.1).

local cookies = {}

--- @param header the Cookie field, or nil
-- @return name → value; of several of one name the first, which has the longest path
function cookies.parse(header)
	local map = {}
	for part in (header or ""):gmatch("[^;]+") do
		local name, value = part:match("^%s*([^=%s]+)%s*=%s*(.-)%s*$")
		if name and map[name] == nil then
			map[name] = value:match('^"(.*)"$') or value
		end
	end
	return map
end

-- What is no cookie-octet (RFC 6265 4.1.1). The bracket that closes cannot end a range.
local NO_OCTET = "[^\33\35-\43\45-\58\60-\91%]\94-\126]"

local SAME_SITE = { strict = "Strict", lax = "Lax", none = "None" }

local KNOWN = {
	path = true, domain = true, max_age = true, expires = true, secure = true, http_only = true,
	same_site = true, partitioned = true,
}

local function refuse(what, ...)
	error("cookie: " .. what:format(...), 0)
end

local function is_count(value)
	return value == nil or type(value) == "number" and value > -2 ^ 53 and value < 2 ^ 53
end

-- A host name or a path that cannot end the attribute (RFC 6265 4.1.1: any CHAR but controls and ";").
local function attribute(name, value)
	if type(value) ~= "string" or value:find("[^\32-\58\60-\126]") then
		refuse("%s must be printable ASCII without semicolons, got %s", name, tostring(value))
	end
	return ("; %s=%s"):format(name, value)
end

local function check_prefix(name, options)
	if name:find("^__Host%-") and (options.domain or options.path or not options.secure) then
		refuse("%s: a __Host- cookie is secure and has neither path nor domain", name)
	elseif name:find("^__Secure%-") and not options.secure then
		refuse("%s: a __Secure- cookie is secure", name)
	end
end

--- The value of a Set-Cookie field. Defaults: Path=/, HttpOnly, SameSite=Lax.
-- @param options {path=, domain=, max_age= in seconds, expires= (seconds since 1970), secure=,
-- http_only=, same_site= "strict", "lax" or "none", partitioned=}
-- @raise a text when something in it would break the field; encode other values yourself
function cookies.format(name, value, options)
	options = options or {}
	for key in pairs(options) do
		if not KNOWN[key] then
			refuse("unknown option %s", tostring(key))
		end
	end
	local same_site = options.same_site == nil and "Lax" or SAME_SITE[options.same_site]
	if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+%-.^_`|~]+$") then
		refuse("the name must be a token (RFC 9110 5.6.2), got %s", tostring(name))
	elseif type(value) ~= "string" or value:find(NO_OCTET) then
		refuse("%s: the value must be printable ASCII without space, quote, comma, semicolon and backslash", name)
	elseif not same_site then
		refuse('%s: same_site must be "strict", "lax" or "none", got %s', name, tostring(options.same_site))
	elseif same_site == "None" and not options.secure then
		refuse('%s: same_site "none" needs secure', name)
	end
	if not is_count(options.max_age) or not is_count(options.expires) then
		refuse("%s: max_age and expires must be numbers of seconds", name)
	end
	check_prefix(name, options)
	local parts = { name, "=", value, attribute("Path", options.path or "/") }
	if options.domain then
		parts[#parts + 1] = attribute("Domain", options.domain)
	end
	if options.max_age then
		parts[#parts + 1] = ("; Max-Age=%d"):format(options.max_age)
	end
	if options.expires then
		parts[#parts + 1] = os.date("!; Expires=%a, %d %b %Y %H:%M:%S GMT", options.expires)
	end
	parts[#parts + 1] = options.secure and "; Secure" or ""
	parts[#parts + 1] = options.http_only ~= false and "; HttpOnly" or ""
	parts[#parts + 1] = "; SameSite=" .. same_site
	parts[#parts + 1] = options.partitioned and "; Partitioned" or ""
	return table.concat(parts)
end

return cookies
