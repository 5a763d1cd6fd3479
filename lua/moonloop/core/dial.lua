--- Happy eyeballs (RFC 8305): connects to the first address of a name that answers.
--
-- Both families are asked for at once. Addresses are tried in turns, IPv6 first; the next one begins when
-- the one before has failed or had its time, and all go on until one is connected. One task does it all:
-- whatever wakes it, it looks at everything again.

local native = require("moonloop.core.ffi")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN, TIMEOUT = native.codes.AGAIN, waits.TIMEOUT

-- Seconds.
local ATTEMPT_DELAY = 0.25 -- until the next address is tried beside the last one (RFC 8305 5)
local RESOLUTION_DELAY = 0.05 -- IPv4 is known, IPv6 not yet: how long to wait for it (RFC 8305 3)

local OTHER = { [4] = 6, [6] = 4 }

local record = ffi.new("ml_dns_record")

local function new_family(kind, host)
	local id = C.ml_dns_ask(kind, host, #host)
	local code = id < 0 and native.name(id) or nil
	return {
		id = id, -- of the look-up
		asked = id > 0, -- and not yet answered
		addresses = {},
		next = 1, -- of addresses: the one to be tried
		code = code, -- why there are none
		detail = code and host .. ": cannot be looked up now",
	}
end

local function without_family(host)
	return { asked = false, addresses = {}, next = 1, code = "not_found", detail = host .. " has no address" }
end

local function new_race(host, port, options)
	local source = options and options.bind or ""
	local only = source ~= "" and (source:find("^%[") and 6 or 4)
	return {
		host = host,
		port = port,
		source = source,
		delay = options and options.attempt_delay or ATTEMPT_DELAY,
		[6] = only == 4 and without_family(host) or new_family(C.ML_DNS_AAAA, host),
		[4] = only == 6 and without_family(host) or new_family(C.ML_DNS_A, host),
		turn = 6, -- whose address is tried next
		next_at = 0, -- when
		attempts = {}, -- that go on: {id =, address =}
		reasons = {}, -- of those that failed: {code =, text =}
	}
end

-- Names.

local function take_answer(race, family)
	local n = C.ml_dns_answer(family.id, piece)
	if n == AGAIN then
		return
	end
	family.asked = false
	if n < 0 then
		family.code, family.detail = native.name(n), ffi.string(piece.p, piece.n)
	end
	for i = 1, math.max(n, 0) do
		C.ml_dns_record_at(family.id, i - 1, record)
		local text = ffi.string(record.text, record.n)
		family.addresses[i] = (record.family == 6 and "[%s]:%d" or "%s:%d"):format(text, race.port)
	end
	C.ml_dns_free(family.id)
end

local function look_at_names(race, now)
	for f = 4, 6, 2 do
		if race[f].asked then
			take_answer(race, race[f])
		end
	end
	if race[6].asked and not race[4].asked and not race.begun then
		race.begun = true
		race.next_at = now + RESOLUTION_DELAY
	elseif not race[6].asked and not race.known then
		race.known = true
		race.next_at = #race.attempts == 0 and now or race.next_at
	end
end

-- Addresses.

local function note(race, address, rc)
	local why = ffi.string(C.ml_socket_why())
	local code = native.name(rc)
	race.reasons[#race.reasons + 1] = { code = code, text = address .. ": " .. (why ~= "" and why or code) }
end

-- Asks how one stands, which enters the task to be woken. What is over leaves the race: a socket tells only
-- once why it failed.
-- @return its id when it is connected; nil and whether it goes on
local function look_at(race, attempt)
	local rc = C.ml_socket_dialed(attempt.id)
	if rc == 0 then
		return attempt.id
	elseif rc == AGAIN then
		return nil, true
	end
	note(race, attempt.address, rc)
	C.ml_socket_close(attempt.id)
	return nil, false
end

-- The id of one that is connected, if any.
local function look_at_attempts(race, now)
	local attempts = race.attempts
	for i = #attempts, 1, -1 do
		local won, goes_on = look_at(race, attempts[i])
		if not goes_on then
			table.remove(attempts, i)
			race.next_at = now
		end
		if won then
			return won
		end
	end
end

local function next_address(race)
	local family = race[race.turn]
	if family.next > #family.addresses then
		race.turn = OTHER[race.turn]
		family = race[race.turn]
	end
	local address = family.addresses[family.next]
	if address then
		family.next = family.next + 1
		race.turn = OTHER[race.turn]
	end
	return address
end

-- Tries what may be tried now. Returns as look_at_attempts.
local function start(race, now)
	while now >= race.next_at do
		local address = next_address(race)
		if not address then
			return
		end
		local id = C.ml_socket_dial(address, #address, race.source, #race.source)
		local attempt = { id = id, address = address }
		if id < 0 then
			note(race, address, id)
		else
			local won, goes_on = look_at(race, attempt)
			if won then
				return won
			elseif goes_on then
				race.attempts[#race.attempts + 1] = attempt
				race.next_at = now + race.delay
			end
		end
	end
end

local function has_more(race)
	return race[6].next <= #race[6].addresses or race[4].next <= #race[4].addresses
end

local function is_over(race)
	return #race.attempts == 0 and not race[6].asked and not race[4].asked and not has_more(race)
end

-- Ends.

-- Neither family has an address: a server that failed says more than one that knows none, and that there is
-- no such name more than that it has no address.
local function no_address(race)
	local v6, v4 = race[6], race[4]
	local told = v4.code ~= "not_found" and v4 or v6
	if told.code == "not_found" and v6.detail:find(" has no ", 1, true) then
		if v4.detail:find(" has no ", 1, true) then
			return nil, "not_found", race.host .. " has no address"
		end
		told = v4
	end
	return nil, told.code, told.detail
end

local function texts(race)
	local list = {}
	for i, reason in ipairs(race.reasons) do
		list[i] = reason.text
	end
	return table.concat(list, "; ")
end

local function failure(race)
	local code
	for _, reason in ipairs(race.reasons) do
		if not code or code == "unreachable" then
			code = reason.code
		end
	end
	if not code then
		return no_address(race)
	end
	return nil, code, ("%s: %s"):format(race.host, texts(race))
end

local function too_late(race)
	local what = (race[6].asked or race[4].asked) and #race.attempts == 0 and "its address is not known in time"
		or "not connected in time"
	for _, attempt in ipairs(race.attempts) do
		race.reasons[#race.reasons + 1] = { code = "timeout", text = attempt.address .. ": no answer" }
	end
	local why = texts(race)
	return nil, "timeout", ("%s: %s%s"):format(race.host, what, why ~= "" and "; " .. why or "")
end

-- The socket's id; nil, code, detail; nil and why the task must stop.
local function run(race, due)
	local stop = waits.begin()
	while true do
		local now = C.ml_now()
		look_at_names(race, now)
		local won = look_at_attempts(race, now) or start(race, now)
		if won then
			return won
		elseif is_over(race) then
			return failure(race)
		elseif stop ~= 0 then
			return nil, stop
		end
		local at = has_more(race) and math.min(race.next_at, due) or due
		stop = waits.nap(at < math.huge and at or nil)
		if stop == TIMEOUT and at < due then
			stop = 0
		end
	end
end

local function clean(race)
	for f = 4, 6, 2 do
		if race[f].asked then
			C.ml_dns_free(race[f].id)
		end
	end
	for _, attempt in ipairs(race.attempts) do
		C.ml_socket_close(attempt.id)
	end
end

--- Connects to a host by its name, or its address. Suspends.
-- @param options {bind = "address:port" to connect from, attempt_delay = seconds}, or nil
-- @param due on the clock of ml_now; nil: when all have failed
-- @return the socket's id; nil, code, detail, which names every address that was tried
-- @raise the cancellation
local function dial(host, port, options, due)
	waits.begin()
	local race = new_race(host, port, options)
	local ok, id, code, detail = pcall(run, race, due or math.huge)
	if code == TIMEOUT then
		id, code, detail = too_late(race)
	end
	clean(race)
	if not ok then
		error(id, 0)
	elseif type(code) == "number" then
		waits.stop(code)
	end
	return id, code, detail
end
waits.names[dial] = "socket.connect"

return dial
