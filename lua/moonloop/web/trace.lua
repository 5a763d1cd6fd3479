--- Trace context (W3C Recommendation): one name for all that a request sets off in several services.
--
--     app:use(web.trace())
--     app:get("/", function(req) return http.get(url, { headers = req.trace:headers() }) end)
--
-- A request that brings a traceparent is part of that trace, any other one begins a trace. All records
-- that its task logs have the field trace.

local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local log_fields = require("moonloop.web.log_fields")
local options = require("moonloop.web.options")

local STATE_MAX, MEMBERS_MAX = 512, 32 -- bytes (3.3.1.5) and members (3.3.1.1)
local NO_TRACE, NO_PARENT = ("0"):rep(32), ("0"):rep(16)

local methods = {}
local Trace = { __name = "moonloop.trace", __index = methods }

--- What to send to other services: {traceparent =, tracestate =}.
function methods:headers()
	return { traceparent = self.traceparent, tracestate = self.tracestate }
end

-- trace id, parent's id, sampled; nil: none that we can read (3.2.2).
local function parse(text)
	local version, id, parent, flags, rest = text:match("^(%x%x)%-(%x+)%-(%x+)%-(%x%x)(.*)$")
	if not version or text:find("%u") or version == "ff" or #id ~= 32 or #parent ~= 16 or id == NO_TRACE
		or parent == NO_PARENT then
		return nil
	elseif rest ~= "" and (version == "00" or rest:sub(1, 1) ~= "-") then
		return nil
	end
	return id, parent, tonumber(flags, 16) % 2 == 1
end

-- A key and a value of a list (3.3.1.3).
local function is_member(text)
	local key, value = text:match("^([%l%d][%l%d_%-*/]*)=([\32-\43\45-\60\62-\126]+)$")
	if not key then
		key, value = text:match("^([%l%d][%l%d_%-*/]*@%l[%l%d_%-*/]*)=([\32-\43\45-\60\62-\126]+)$")
	end
	return key ~= nil and #key <= 256 and #value <= 256 and value:sub(-1) ~= " "
end

local function parse_state(text)
	if not text or #text > STATE_MAX then
		return nil
	end
	local members = {}
	for member in text:gmatch("[^,]+") do
		member = member:match("^[ \t]*(.-)[ \t]*$")
		if member ~= "" then
			if not is_member(member) then
				return nil
			end
			members[#members + 1] = member
		end
	end
	return #members > 0 and #members <= MEMBERS_MAX and table.concat(members, ",") or nil
end

local function new_id(bytes)
	return encoding.to_hex(crypto.random_bytes(bytes))
end

local function of_request(req, sampled)
	local header = req.headers.traceparent
	local id, parent, is_sampled
	if header then
		id, parent, is_sampled = parse(header)
	end
	local self = setmetatable({
		id = id or new_id(16), -- of the whole trace
		parent = parent, -- whose request this is; nil: the trace begins here
		span = new_id(8), -- this request
		sampled = sampled,
		traceparent = nil,
		tracestate = id and parse_state(req.headers.tracestate) or nil,
	}, Trace)
	if id then
		self.sampled = is_sampled
	end
	self.traceparent = ("00-%s-%s-%s"):format(self.id, self.span, self.sampled and "01" or "00")
	return self
end

--- @param given {trust = false: what the client sends is not taken; sampled = true: what a trace that
-- begins here says of itself}
-- @return middleware: req.trace = {id =, span =, parent = or nil, sampled =, traceparent =, tracestate =}
return function(given)
	given = options.check("web.trace", given, { trust = "boolean", sampled = "boolean" })
	local sampled = given.sampled ~= false
	local nothing = { headers = {} }
	return function(req, next)
		req.trace = of_request(given.trust == false and nothing or req, sampled)
		log_fields.add("trace", req.trace.id)
		return next(req)
	end
end
