--- Passwords: what to store in their place (scrypt, RFC 7914), and how to ask.
--
-- The work takes a tenth of a second and tens of megabytes on purpose; a thread of the pool does it.
-- A stored hash is a text in the PHC form, "$scrypt$ln=15,r=8,p=3$salt$hash".

local encoding = require("moonloop.encoding")
local errors = require("moonloop.core.errors")
local native = require("moonloop.core.native").crypto
local pool = require("moonloop.core.pool")
local thread = require("moonloop.thread")

local blame = errors.blame

-- 32 MiB; as hard to guess as 128 MiB with p=1 (OWASP Password Storage).
local COST, BLOCK, LANES = 15, 8, 3
local COST_MIN, COST_MAX = 10, 17
local LANES_MAX = 16
local SALT, HASH = 16, 32
local HASH_MIN, HASH_MAX = 16, 64
-- More would be work that the sender chose: the text itself is hashed first, whatever its length.
local PASSWORD_MAX = 4096

local password = {}

--- The work itself, in whatever thread calls it.
function password.derive(text, salt, ln, r, p, n)
	return native.scrypt(text, salt, 2 ^ ln, r, p, n)
end

local function derive(...)
	if not pool.can_wait() then
		return password.derive(...)
	end
	return thread.run(password.derive, ...)
end

local function check(name, text)
	if type(text) ~= "string" then
		blame(("crypto.%s: the password must be a string, got a %s"):format(name, type(text)))
	end
end

local function unpadded(bytes)
	return (encoding.to_base64(bytes):gsub("=+$", ""))
end

--- Suspends.
-- @param text the password, at most 4096 bytes
-- @param options {cost = 15: each one more doubles time and memory, from 10 to 17}
-- @return what to store; nil, "too_large", detail: a password of more than 4096 bytes; nil,
-- "queue_full" or "shutdown", detail
function password.hash(text, options)
	check("hash_password", text)
	local ln = options and options.cost or COST
	if type(ln) ~= "number" or ln < COST_MIN or ln > COST_MAX or ln % 1 ~= 0 then
		blame(("crypto.hash_password: cost must be an integer from %d to %d, got %s"):format(COST_MIN, COST_MAX,
			tostring(ln)))
	elseif #text > PASSWORD_MAX then
		return nil, "too_large", ("a password has at most %d bytes"):format(PASSWORD_MAX)
	end
	local salt = native.random(SALT)
	local hash, code, detail = derive(text, salt, ln, BLOCK, LANES, HASH)
	if not hash then
		return nil, code, detail
	end
	return ("$scrypt$ln=%d,r=%d,p=%d$%s$%s"):format(ln, BLOCK, LANES, unpadded(salt), unpadded(hash))
end

-- The parts of a stored hash; nil: it is none, or asks for more than we do.
local function parse(stored)
	local ln, r, p, salt, hash = stored:match("^%$scrypt%$ln=(%d%d?),r=(%d%d?),p=(%d%d?)%$([^$]+)%$([^$]+)$")
	salt, hash = salt and encoding.from_base64(salt), hash and encoding.from_base64(hash)
	if not salt or not hash or #hash < HASH_MIN or #hash > HASH_MAX then
		return nil
	end
	ln, r, p = tonumber(ln), tonumber(r), tonumber(p)
	if ln < 1 or ln > COST_MAX or r < 1 or r > BLOCK or p < 1 or p > LANES_MAX then
		return nil
	end
	return { ln = ln, r = r, p = p, salt = salt, hash = hash }
end

--- Suspends.
-- @param text what somebody typed
-- @param stored what hash_password gave, or another scrypt hash in the PHC form
-- @return true or false; true, "weak" when it should be hashed anew, for today's cost is higher; nil,
-- "invalid", detail: it is no such hash; nil, "queue_full" or "shutdown", detail
function password.verify(text, stored)
	check("verify_password", text)
	if type(stored) ~= "string" then
		blame("crypto.verify_password: the hash must be a string, got a " .. type(stored))
	end
	local parts = parse(stored)
	if not parts then
		return nil, "invalid", "not a hash of hash_password"
	elseif #text > PASSWORD_MAX then
		return false
	end
	local hash, code, detail = derive(text, parts.salt, parts.ln, parts.r, parts.p, #parts.hash)
	if not hash then
		return nil, code or "invalid", detail or "the parameters of the hash are too large"
	elseif not native.equals(hash, parts.hash) then
		return false
	elseif parts.ln < COST or parts.r < BLOCK or parts.p < LANES then
		return true, "weak"
	end
	return true
end

return password
