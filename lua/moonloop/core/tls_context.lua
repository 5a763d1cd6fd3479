--- TLS contexts: what connections with the same options share. Making one reads certificates and keys
-- (and the system's trust store), so they are kept, by everything that is in them.

local native = require("moonloop.core.ffi")
local checks = require("moonloop.core.checks")
local errors = require("moonloop.core.errors")

local C, ffi = native.C, native.ffi
local blame = errors.blame

-- The oldest is forgotten; connections that use it go on.
local KEPT_MAX = 64

local OPTIONS = {
	verify = "boolean", ca = "string", cert = "string", key = "string", alpn = "table",
	min_version = "string", server_name = "string", timeout = "number",
}

ffi.metatype("ml_tls_context", {
	__gc = function(context)
		C.ml_tls_context_drop(context.id)
	end,
})

local tls_context = {}

local kept, order = {}, {}
local config = ffi.new("ml_tls_config")

local function join_alpn(name, protocols)
	for i, protocol in ipairs(protocols) do
		if type(protocol) ~= "string" or protocol == "" or #protocol > 255 or protocol:find(",", 1, true) then
			blame(("%s: tls.alpn[%d] must be the name of a protocol, got %s"):format(name, i, tostring(protocol)))
		end
	end
	return table.concat(protocols, ",")
end

local function check(name, tls, server)
	if tls == true then
		tls = {}
	elseif type(tls) ~= "table" then
		blame(("%s: tls must be true or a table, got a %s"):format(name, type(tls)))
	end
	checks.options(name .. ": tls", tls, OPTIONS)
	if tls.min_version ~= nil and tls.min_version ~= "1.2" and tls.min_version ~= "1.3" then
		blame(('%s: tls.min_version must be "1.2" or "1.3", got %s'):format(name, tls.min_version))
	elseif (tls.cert == nil) ~= (tls.key == nil) then
		blame(name .. ": tls.cert and tls.key go together")
	elseif server and tls.cert == nil then
		blame(name .. ": a TLS server needs tls.cert and tls.key")
	end
	return tls
end

local function make(server, verify, tls12, ca, cert, key, alpn)
	config.server, config.verify, config.tls12 = server and 1 or 0, verify and 1 or 0, tls12 and 1 or 0
	config.ca, config.ca_n = ca, #ca
	config.cert, config.cert_n = cert, #cert
	config.key, config.key_n = key, #key
	config.alpn, config.alpn_n = alpn, #alpn
	local id = C.ml_tls_context_new(config)
	if id < 0 then
		return nil, native.name(id), ffi.string(C.ml_socket_why())
	end
	return ffi.new("ml_tls_context", id)
end

--- The context for a connection's or a listener's `tls` option.
-- @param name of the function, for errors
-- @param tls true or a table
-- @return a cdata with an id, the table; nil, code, detail
function tls_context.get(name, tls, server)
	tls = check(name, tls, server)
	local verify = tls.verify
	if verify == nil then
		verify = not server
	end
	local ca, cert, key = tls.ca or "", tls.cert or "", tls.key or ""
	local alpn = join_alpn(name, tls.alpn or {})
	local tls12 = tls.min_version ~= "1.3"
	local place = table.concat({ tostring(server), tostring(verify), tostring(tls12), alpn, ca, cert, key },
		"\0")
	local context = kept[place]
	if context == nil then
		local code, detail
		context, code, detail = make(server, verify, tls12, ca, cert, key, alpn)
		if context == nil then
			return nil, code, detail
		end
		kept[place] = context
		order[#order + 1] = place
		if #order > KEPT_MAX then
			kept[table.remove(order, 1)] = nil
		end
	end
	return context, tls
end

return tls_context
