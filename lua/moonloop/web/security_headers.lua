--- Fields that tell browsers what a page of ours may do, and what others may do with it.
--
--     app:use(web.security_headers {
--         csp = { ["script-src"] = { "'self'", "'nonce'" } },
--     })
--
-- What the response has set itself stays. `'nonce'` becomes a value of its own for each request that
-- reads req.csp_nonce before it returns.

local blame = require("moonloop.core.errors").blame
local keys = require("moonloop.core.keys")
local options = require("moonloop.web.options")

local YEAR = 365 * 24 * 3600

-- Everything from ourselves, no plug-ins, in nobody's frame.
local CSP = {
	["default-src"] = { "'self'" },
	["base-uri"] = { "'self'" },
	["form-action"] = { "'self'" },
	["frame-ancestors"] = { "'none'" },
	["object-src"] = { "'none'" },
}

local KNOWN = {
	csp = "table|string|boolean", report_only = "boolean", hsts = "table|boolean", frame = "string|boolean",
	referrer = "string|boolean", permissions = "table|string|boolean", opener = "string|boolean",
	resource = "string|boolean", nosniff = "boolean",
}

local function field(key, value)
	if type(value) ~= "string" or value:find("%c") or value == "" then
		blame(("web.security_headers: %s must be text without control characters, got %s")
			:format(key, tostring(value)))
	end
	return value
end

-- An option whose false leaves the field out, and whose default stands for nil and true.
local function one(given, key, default)
	local value = given[key]
	if value == false then
		return nil
	end
	return field(key, (value == nil or value == true) and default or value)
end

-- {directive, sources, has a nonce} of what is asked for, over the defaults.
local function directives(csp)
	local all = {}
	for name, sources in pairs(CSP) do
		all[name] = sources
	end
	for name, sources in pairs(csp) do
		if type(name) ~= "string" or not name:find("^[%a-]+$") then
			blame("web.security_headers: csp: a directive is a name, got " .. tostring(name))
		end
		all[name] = sources or nil
	end
	local list = {}
	for _, name in ipairs(keys(all)) do
		local sources, nonce = {}, false
		for _, source in ipairs(type(all[name]) == "table" and all[name] or { all[name] }) do
			if type(source) ~= "string" or source:find("[%c;,]") then
				blame(("web.security_headers: csp: %s: a source has neither ; nor , nor controls, got %s")
					:format(name, tostring(source)))
			elseif source == "'nonce'" then
				nonce = true
			else
				sources[#sources + 1] = source
			end
		end
		list[#list + 1] = { name, table.concat(sources, " "), nonce }
	end
	return list
end

local function write_csp(list, nonce)
	local parts = {}
	for i, directive in ipairs(list) do
		local sources = directive[2]
		if directive[3] and nonce then
			sources = ("%s 'nonce-%s'"):format(sources, nonce)
		elseif directive[3] and sources == "" then
			sources = "'none'"
		end
		parts[i] = (directive[1] .. " " .. sources):gsub("%s+$", ""):gsub("  ", " ")
	end
	return table.concat(parts, "; ")
end

-- nonce or nil → the policy; nil: there is none.
local function policy(csp)
	if csp == false then
		return nil
	elseif type(csp) == "string" then
		field("csp", csp)
		return function()
			return csp
		end
	end
	local list = directives(type(csp) == "table" and csp or {})
	local plain = write_csp(list, nil)
	return function(nonce)
		return nonce and write_csp(list, nonce) or plain
	end
end

local HSTS = { max_age = "seconds", subdomains = "boolean", preload = "boolean" }

local function strict_transport(hsts)
	if hsts == false then
		return nil
	end
	hsts = options.check("web.security_headers: hsts", type(hsts) == "table" and hsts or {}, HSTS)
	return ("max-age=%d%s%s"):format(hsts.max_age or YEAR, hsts.subdomains and "; includeSubDomains" or "",
		hsts.preload and "; preload" or "")
end

-- {camera = {}, geolocation = {"self", "https://maps.example.org"}}
local function permissions(given)
	if given == nil or given == false or given == true then
		return nil
	elseif type(given) == "string" then
		return field("permissions", given)
	end
	local parts = {}
	for _, name in ipairs(keys(given)) do
		local list = {}
		for i, source in ipairs(given[name]) do
			list[i] = source == "self" and source or ('"%s"'):format(source)
		end
		parts[#parts + 1] = ("%s=(%s)"):format(name, table.concat(list, " "))
	end
	return field("permissions", table.concat(parts, ", "))
end

--- @param given {csp = directives over the defaults, name → sources or false; a whole policy as text; or
-- false; report_only = true; hsts = {max_age = a year, subdomains =, preload =} or false, on https only;
-- frame = "DENY", referrer = "strict-origin-when-cross-origin", opener = "same-origin", resource =
-- "same-origin", or false each; permissions = {camera = {}}; nosniff = false}
-- @return middleware
return function(given)
	given = options.check("web.security_headers", given, KNOWN)
	local fixed = {
		["x-content-type-options"] = given.nosniff ~= false and "nosniff" or nil,
		["x-frame-options"] = one(given, "frame", "DENY"),
		["referrer-policy"] = one(given, "referrer", "strict-origin-when-cross-origin"),
		["cross-origin-opener-policy"] = one(given, "opener", "same-origin"),
		["cross-origin-resource-policy"] = one(given, "resource", "same-origin"),
		["permissions-policy"] = permissions(given.permissions),
	}
	local csp, hsts = policy(given.csp), strict_transport(given.hsts)
	local csp_name = given.report_only and "content-security-policy-report-only" or "content-security-policy"
	return function(req, next)
		local res = next(req)
		local headers = res.headers
		for name, value in pairs(fixed) do
			if headers[name] == nil then
				headers[name] = value
			end
		end
		if hsts and req.scheme == "https" and headers["strict-transport-security"] == nil then
			headers["strict-transport-security"] = hsts
		end
		local nonce = rawget(req, "csp_nonce")
		if csp and headers[csp_name] == nil then
			if nonce then
				res = require("moonloop.web.response").own(res) -- a nonce is this request's only
			end
			res.headers[csp_name] = csp(nonce)
		end
		return res
	end
end
