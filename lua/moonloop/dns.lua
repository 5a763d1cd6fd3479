--- Names: addresses and other records, asked for without blocking the loop.
--
--     local dns = require "moonloop.dns"
--     local addresses, code, detail = dns.resolve("example.com", { timeout = 5 })
--
-- What is the same is asked once, and answers are kept for their time: server/runtime/dns.h.

local native = require("moonloop.core.ffi")
local errors = require("moonloop.core.errors")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN
local blame = errors.blame

local TIMEOUT = 10 -- seconds

local KINDS = {
	any = C.ML_DNS_ANY,
	ipv4 = C.ML_DNS_A,
	ipv6 = C.ML_DNS_AAAA,
	[4] = C.ML_DNS_A,
	[6] = C.ML_DNS_AAAA,
}

local dns = {}

local record = ffi.new("ml_dns_record")

local function check(name, host, options)
	if type(host) ~= "string" then
		blame(("%s: the name must be a string, got %s"):format(name, type(host)))
	elseif options ~= nil and type(options) ~= "table" then
		blame(("%s: options must be a table, got %s"):format(name, type(options)))
	end
end

-- Calls read(record) for each.
local function collect(id, n, read)
	local list = {}
	for i = 1, n do
		C.ml_dns_record_at(id, i - 1, record)
		list[i] = read(record)
	end
	return list
end

-- The one wait of this file.
local function look_up(name, kind, host, options, read)
	local timeout = options and options.timeout or TIMEOUT
	local due, stop = waits.due(name, timeout), waits.begin()
	local id = C.ml_dns_ask(kind, host, #host)
	if id < 0 then
		return nil, native.name(id), host .. ": cannot be looked up now"
	end
	local n = C.ml_dns_answer(id, piece)
	while n == AGAIN and stop == 0 do
		stop = waits.nap(due)
		n = C.ml_dns_answer(id, piece)
	end
	if stop == waits.TIMEOUT then
		C.ml_dns_hurry(id)
		n = C.ml_dns_answer(id, piece)
	end
	local list, code, detail
	if n > 0 then
		list = collect(id, n, read)
	elseif n ~= AGAIN then
		code, detail = native.name(n), ffi.string(piece.p, piece.n)
	end
	C.ml_dns_free(id)
	if list or code then
		return list, code, detail
	end
	list, code = waits.stop(stop)
	return list, code, ("%s: no answer within %g s"):format(host, timeout)
end

local function read_address(r)
	return { address = ffi.string(r.text, r.n), family = r.family, ttl = r.ttl }
end

local function read_service(r)
	return {
		target = ffi.string(r.text, r.n),
		port = r.port,
		priority = r.priority,
		weight = r.weight,
		ttl = r.ttl,
	}
end

local function read_exchanger(r)
	return { target = ffi.string(r.text, r.n), priority = r.priority, ttl = r.ttl }
end

local function read_text(r)
	return ffi.string(r.text, r.n)
end

--- The addresses of a name, in the order to try them (RFC 6724). Suspends.
-- @param name a host's name, or an address, which is given back
-- @param options {family = "any", "ipv4" or 4, "ipv6" or 6; timeout = 10 seconds}
-- @return an array of {address =, family = 4 or 6, ttl = seconds, 0: not from the DNS}; nil, code, detail:
-- not_found, timeout, refused, failed, invalid (a name that cannot be)
function dns.resolve(name, options)
	check("dns.resolve", name, options)
	local family = options and options.family
	local kind = KINDS[family == nil and "any" or family]
	if kind == nil then
		blame(('dns.resolve: family must be "any", "ipv4", "ipv6", 4 or 6, got %s'):format(tostring(family)))
	end
	local list, code, detail = look_up("dns.resolve", kind, name, options, read_address)
	return list, code, detail -- no tail call: task.tree() names this function
end
waits.names[dns.resolve] = "dns.resolve"

--- Where a service is offered, in the order to try it (RFC 2782): by priority, among equals at random by
-- weight. Suspends.
-- @param name such as "_http._tcp.example.com"
-- @param options {timeout = 10 seconds}
-- @return an array of {target =, port =, priority =, weight =, ttl =}; nil, code, detail
function dns.srv(name, options)
	check("dns.srv", name, options)
	local list, code, detail = look_up("dns.srv", C.ML_DNS_SRV, name, options, read_service)
	return list, code, detail
end
waits.names[dns.srv] = "dns.srv"

--- The texts of a name, each in one piece. Suspends.
-- @param options {timeout = 10 seconds}
-- @return an array of strings; nil, code, detail
function dns.txt(name, options)
	check("dns.txt", name, options)
	local list, code, detail = look_up("dns.txt", C.ML_DNS_TXT, name, options, read_text)
	return list, code, detail
end
waits.names[dns.txt] = "dns.txt"

--- Who takes mail for a name, by priority. Suspends.
-- @param options {timeout = 10 seconds}
-- @return an array of {target =, priority =, ttl =}; nil, code, detail
function dns.mx(name, options)
	check("dns.mx", name, options)
	local list, code, detail = look_up("dns.mx", C.ML_DNS_MX, name, options, read_exchanger)
	return list, code, detail
end
waits.names[dns.mx] = "dns.mx"

return dns
