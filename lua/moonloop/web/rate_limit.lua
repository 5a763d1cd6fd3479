--- Rate limit: so many requests of one client in so much time (429 else, with Retry-After).
--
--     app:use(web.rate_limit { limit = 100, per = 60 })
--
-- A bucket of `limit` tokens for each client fills evenly; a request takes one. So a client may send
-- `limit` at once and `limit` each `per` seconds after that. The buckets are this worker's: with four
-- workers a client may get four times as many through. What is left is told in RateLimit and
-- RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers).

local errors = require("moonloop.web.errors")
local lru = require("moonloop.web.lru")
local options = require("moonloop.web.options")
local time = require("moonloop.time")

local LIMIT, PER, CLIENTS = 100, 60, 10000

local KNOWN = { limit = "count", per = "seconds", key = "function", clients = "count", name = "string" }

-- The address; of IPv6 its network of 64 bits, all of which one client has.
local function by_address(req)
	local client = req.client
	local address = client and client[1] or ""
	if not address:find(":", 1, true) then
		return address
	end
	local head, tail = address:match("^(.-)::(.*)$")
	local groups = {}
	for group in (head or address):gmatch("[^:]+") do
		groups[#groups + 1] = group
	end
	local missing = 8 - #groups - select(2, (tail or ""):gsub("[^:]+", ""))
	for i = #groups + 1, math.min(#groups + missing, 4) do
		groups[i] = "0"
	end
	for group in (tail or ""):gmatch("[^:]+") do
		groups[#groups + 1] = group
	end
	return table.concat(groups, ":", 1, 4)
end

-- Takes a token. → taken or not, whole tokens left, seconds until there is another one.
local function take(config, key)
	local now = time.now()
	local bucket = config.buckets:get(key)
	if not bucket then
		bucket = { tokens = config.limit, at = now }
		config.buckets:set(key, bucket, config.per)
	end
	bucket.tokens = math.min(config.limit, bucket.tokens + (now - bucket.at) * config.rate)
	bucket.at = now
	if bucket.tokens < 1 then
		return false, 0, math.ceil((1 - bucket.tokens) / config.rate)
	end
	bucket.tokens = bucket.tokens - 1
	config.buckets:set(key, bucket, config.per) -- full again by then
	return true, math.floor(bucket.tokens), math.ceil((config.limit - bucket.tokens) / config.rate)
end

--- @param given {limit = 100 requests per = 60 seconds; key = function(req) → whose bucket, a string; nil:
-- no limit for this request; by the client's address unless told otherwise; clients = 10000 that are
-- remembered, then the one not seen for longest is forgotten; name = "default", of the policy}
-- @return middleware
return function(given)
	given = options.check("web.rate_limit", given, KNOWN)
	local limit, per = given.limit or LIMIT, given.per or PER
	local config = {
		limit = limit,
		per = per,
		rate = limit / per,
		buckets = lru.new(given.clients or CLIENTS),
	}
	local key_of = given.key or by_address
	local name = (given.name or "default"):gsub('[^%w_-]', "_")
	local policy = ('"%s";q=%d;w=%d'):format(name, limit, math.ceil(per))
	return function(req, next)
		local key = key_of(req)
		if key == nil then
			return next(req)
		end
		local taken, left, seconds = take(config, key)
		local state = ('"%s";r=%d;t=%d'):format(name, left, seconds)
		if not taken then
			errors.raise(429, ("more than %d requests in %g seconds"):format(limit, per), {
				headers = { ["retry-after"] = ("%d"):format(seconds), ratelimit = state, ["ratelimit-policy"] = policy },
			})
		end
		return next(req):header("ratelimit", state):header("ratelimit-policy", policy)
	end
end
