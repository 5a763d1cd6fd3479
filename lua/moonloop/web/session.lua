--- Sessions: what is remembered of a client from one request to the next.
--
--     app:use(web.session { secret = os.getenv("SECRET") })
--     app:post("/login", function(req) req.session:rotate(); req.session.user = 7 end)
--
-- Without a store it all stands in the cookie, encrypted and signed, 4 KiB of it. That cannot be taken
-- back: who copied the cookie can use it until it expires, also after a logout. With a store the
-- cookie is a random name, and a session that was rotated or cleared is gone.
--
-- The session is read when req.session first is, and written behind the handler, if it changed. An
-- error that is no answer writes nothing. What a stream does to it comes too late.

local cookies = require("moonloop.web.cookies")
local crypto = require("moonloop.crypto")
local errors = require("moonloop.core.errors")
local json = require("moonloop.json")
local log = require("moonloop.log")
local options = require("moonloop.web.options")
local response = require("moonloop.web.response")
local time = require("moonloop.time")

local blame = errors.blame

local NAME = "session"
local MAX_AGE = 14 * 24 * 3600
local COOKIE_MAX = 4096 -- name and value: what browsers take (RFC 6265 6.1)
local CANONICAL = { sort = true }

local KNOWN = {
	secret = "string|table", store = "table", name = "string", max_age = "seconds", lifetime = "seconds",
	path = "string", domain = "string", same_site = "string", secure = "boolean", partitioned = "boolean",
}

-- Methods of req.session. The table holds the application's own fields, its metatable is made for it
-- and has the rest as `state`.

local methods = {}

local function state_of(session, name)
	local mt = getmetatable(session)
	if type(mt) ~= "table" or mt.__name ~= "moonloop.session" then
		blame(("session:%s(): call it with a colon"):format(name))
	end
	return mt.state
end

--- Gives the session another name, and its CSRF token too: do so when somebody logs in or gets more
-- rights, or who knew the old name would have them, too.
function methods:rotate()
	state_of(self, "rotate").renamed = true
	self._csrf = nil
end

--- Forgets it all: for a logout. What is put in behind that is a new session.
function methods:clear()
	state_of(self, "clear").renamed = true
	for key in pairs(self) do
		self[key] = nil
	end
end

--- Takes a field out: for a notice that is shown once.
-- @return its value, or nil
function methods:take(key)
	state_of(self, "take")
	local value = rawget(self, key)
	self[key] = nil
	return value
end

local function refuse_method(session, key, value)
	if methods[key] then
		blame(("req.session.%s is a method: give the field another name"):format(key))
	elseif type(key) ~= "string" then
		blame("req.session: the key of a field must be a string, got a " .. type(key))
	end
	rawset(session, key, value)
end

local function new_session(state, fields)
	return setmetatable(fields, {
		__name = "moonloop.session",
		__index = methods,
		__newindex = refuse_method,
		state = state,
	})
end

-- Cookies.

local function is_secure(config, req)
	if config.secure ~= nil then
		return config.secure
	end
	return req.scheme == "https"
end

-- A name that a browser takes only with the flags that we set (RFC 6265bis 4.1.3).
local function cookie_name(config, secure)
	if not secure then
		return config.name
	end
	return (config.path or config.domain) and "__Secure-" .. config.name or "__Host-" .. config.name
end

local function flags(config, secure)
	return {
		path = config.path,
		domain = config.domain,
		same_site = config.same_site,
		secure = secure,
		partitioned = config.partitioned,
	}
end

-- Reading. A session's text is {created, saved, fields} as JSON.

-- nil: it is none, or over.
local function fields_of(config, text)
	local list = text and json.decode(text)
	if type(list) ~= "table" or type(list[1]) ~= "number" or type(list[2]) ~= "number"
		or type(list[3]) ~= "table" then
		return nil
	end
	local now = time.unix()
	if now >= list[2] + config.max_age or config.lifetime and now >= list[1] + config.lifetime then
		return nil
	end
	return list[3], list[1], list[2]
end

local function stored_key(id)
	return crypto.sha256(id, "hex")
end

local function read_store(config, id)
	if not id:find("^[%w_-]+$") or #id ~= 22 then
		return nil
	end
	local text, code, detail = config.store:load(stored_key(id))
	if text == nil and code then
		error(("session: the store failed to load: %s"):format(detail or code), 0)
	end
	return text
end

local function read(config, value)
	if config.store then
		return read_store(config, value)
	elseif #value > COOKIE_MAX then
		return nil
	end
	return config.sealer:open(value)
end

local function load_session(config, req)
	local secure = is_secure(config, req)
	local name = cookie_name(config, secure)
	local value = req.cookies[name]
	local text, old_secret
	if value then
		text, old_secret = read(config, value)
	end
	local fields, created, saved = fields_of(config, text)
	local state = {
		name = name,
		secure = secure,
		value = value, -- of the cookie that came
		found = fields ~= nil,
		created = created or time.unix(),
		saved = saved or 0,
		stale = old_secret == true, -- sealed by a secret that will go
		renamed = false,
		before = fields and json.encode(fields, CANONICAL) or "{}",
	}
	return new_session(state, fields or {})
end

-- Writing.

local function must(ok, code, detail)
	if not ok then
		error(("session: the store failed to save: %s"):format(detail or code), 0)
	end
end

local function forget(config, state)
	if config.store and state.found then
		must(config.store:delete(stored_key(state.value)))
	end
end

local function set_cookie(config, state, res, value)
	local size = #state.name + 1 + #value
	if size > COOKIE_MAX then
		error(("session: its cookie would have %d bytes, browsers take %d: keep less in the session, or give it "
			.. "a store"):format(size, COOKIE_MAX), 0)
	end
	res = response.own(res)
	local cookie = flags(config, state.secure)
	cookie.max_age = math.floor(config.max_age)
	res:cookie(state.name, value, cookie)
	if not res.headers["cache-control"] then
		res:header("cache-control", "private")
	end
	return res
end

local function save_in_store(config, state, text)
	local id = state.value
	if state.found and not state.renamed then
		local ok, code, detail = config.store:save(stored_key(id), text, config.max_age, false)
		if not ok and code == "gone" then
			log.info("session.gone", { what = "it was deleted while a request used it" })
			return nil
		end
		must(ok, code, detail)
		return id
	end
	forget(config, state)
	id = crypto.random_id() -- never the client's
	must(config.store:save(stored_key(id), text, config.max_age, true))
	return id
end

local function drop(config, state, res)
	forget(config, state)
	if state.value then
		res = response.own(res)
		res:delete_cookie(state.name, flags(config, state.secure))
	end
	return res
end

local function save_session(config, session, res)
	local state = getmetatable(session).state
	local fields = json.encode(session, CANONICAL)
	res:vary("Cookie")
	if fields == "{}" then
		return state.value and drop(config, state, res) or res
	end
	local now = time.unix()
	local renew = state.stale or now >= state.saved + config.max_age / 2
	if fields == state.before and not state.renamed and not renew then
		return res
	end
	local text = ("[%d,%d,%s]"):format(state.renamed and now or state.created, now, fields)
	local value
	if config.store then
		value = save_in_store(config, state, text)
	else
		value = config.sealer:seal(text)
	end
	return value and set_cookie(config, state, res, value) or res
end

local function check(given)
	local config = {}
	for key, value in pairs(options.check("web.session", given, KNOWN)) do
		config[key] = value
	end
	config.name, config.max_age = config.name or NAME, config.max_age or MAX_AGE
	if config.path == "/" then
		config.path = nil
	end
	if config.store then
		for _, name in ipairs({ "load", "save", "delete" }) do
			if type(config.store[name]) ~= "function" then
				blame("web.session: the store has no function " .. name)
			end
		end
	elseif not config.secret then
		blame("web.session: it needs a secret of at least 32 bytes, or a store")
	else
		config.sealer = crypto.sealer(config.secret, "session " .. config.name)
	end
	config.secret = nil
	if config.same_site == "none" and config.secure == nil then
		config.secure = true
	end
	local secure = config.secure ~= false
	local ok, why = pcall(cookies.format, cookie_name(config, secure), "x", flags(config, secure))
	if not ok then
		blame("web.session: " .. why)
	end
	return config
end

--- @param given {secret = a string of at least 32 bytes, or an array of them, the newest first; or
-- store = see moonloop.web.session_store; name = "session"; max_age = 14 days, since it was last
-- written; lifetime = seconds since it was made or rotated, at most; path =, domain =, same_site =,
-- partitioned = of the cookie; secure = true or false, else as the request's scheme is https}
-- @return middleware: req.session holds strings, numbers, booleans and tables of them
return function(given)
	local config = check(given)
	return function(req, next)
		function req.load_session_()
			return load_session(config, req)
		end
		local res = next(req)
		local session = rawget(req, "session")
		if session == nil then
			return res
		elseif getmetatable(session) == nil or getmetatable(session).__name ~= "moonloop.session" then
			error("req.session was replaced: set its fields, or call req.session:clear()", 0)
		end
		return save_session(config, session, res)
	end
end
