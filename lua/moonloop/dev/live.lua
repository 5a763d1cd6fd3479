--- What the browser's script talks to: ROOT/.moonloop/live.js, the script, and ROOT/.moonloop/live, a stream
-- of server-sent events that lasts as long as the generation serves.
--
--     hello    {id, broken}   first: which generation answers; what does not start, or null
--     swapped  {}             other code serves now: the stream ends, the next one says hello anew
--     broken   report         the newest code does not start; what is served is older
--     raised   report         a response was cut off by an error

local errors = require("moonloop.core.errors")
local json = require("moonloop.dev.json")
local lasgi = require("moonloop.core.lasgi")
local native = require("moonloop.core.ffi")
local news = require("moonloop.core.news")
local task = require("moonloop.core.task")
local verbs = require("moonloop.core.native")
local waits = require("moonloop.core.wait")

local C = native.C
local AGAIN = native.codes.AGAIN

local live = {
	--- Of this generation: no other one, of whatever process, has the same.
	id = ("%x-%x"):format(native.C.ml_unix() * 1e6, math.floor(native.C.ml_now() * 1e6) % 2 ^ 31),
	--- the brief report of what does not start, when that is what this generation serves
	broken = nil,
	--- this generation is at its end: streams end at once, so that the browser asks whoever serves now
	draining = false,
}

local script = verbs.bundle_text("dev/live.js"):gsub("%(CSS_TEXT%)", function()
	return json.encode(verbs.bundle_text("dev/overlay.css"))
end)

local PREFIX = "/.moonloop/"

--- The markup that brings the script into a page.
-- @param attributes more of them, or nil
function live.markup(attributes)
	local root = lasgi.root_path:gsub("[^%w/._~-]", function(c)
		return ("%%%02X"):format(c:byte())
	end)
	return ('<script src="%s%slive.js" data-id="%s"%s defer></script>'):format(root, PREFIX, live.id,
		attributes or "")
end

--- Whether a path is reserved; a mount prefix may have been taken off by a proxy.
function live.owns(path)
	local root = lasgi.root_path
	return path:sub(1, #PREFIX) == PREFIX or root ~= "" and path:sub(1, #root + #PREFIX) == root .. PREFIX
end

local function event(name, data)
	return ("event: %s\ndata: %s\n\n"):format(name, data)
end

local NAMES = { [news.SWAPPED] = "swapped", [news.BROKEN] = "broken", [news.RAISED] = "raised" }

local function brief_of(text)
	return text:match("^[^%z]*")
end

local function hello()
	local broken = brief_of(news.broken() or live.broken and json.encode(live.broken) or "")
	return ('{"id":"%s","broken":%s}'):format(live.id, broken ~= "" and broken or "null")
end

-- The next news; nil: the stream is to end. A wake-up may come from either side.
local function await(ex, seq)
	while true do
		local new_seq, kind, text = news.after(seq)
		if new_seq then
			return new_seq, kind, text
		end
		local body, more = verbs.read(ex)
		if not body and more ~= AGAIN then
			return nil
		elseif not body then
			task.wait()
		end
	end
end

local function stream(ex, send)
	local seq = news.seq()
	local begun = send({ type = "http.response.start", status = 200, headers = {
		["content-type"] = "text/event-stream",
		["cache-control"] = "no-store",
		["x-accel-buffering"] = "no",
	}, body = live.draining and ": somebody else serves\n\n" or nil })
	if not begun or live.draining then
		return
	end
	local kind, text
	local open = send({ type = "http.response.body", body = event("hello", hello()), more_body = true })
	while open and kind ~= news.SWAPPED do
		seq, kind, text = await(ex, seq)
		if not seq then
			break
		end
		text = brief_of(text)
		open = send({ type = "http.response.body", body = event(NAMES[kind], text ~= "" and text or "{}"),
			more_body = true })
	end
	if open then
		send({ type = "http.response.body" })
	end
end

waits.names[await] = "live reload"

--- Answers a request for a reserved path.
function live.serve(scope, send)
	local name = scope.path:match("([^/]*)$")
	if name == "live" then
		return stream(scope.exchange_, send)
	end
	local found = name == "live.js"
	send({
		type = "http.response.start",
		status = found and 200 or 404,
		headers = {
			["content-type"] = found and "text/javascript; charset=utf-8" or "text/plain",
			["cache-control"] = "no-store",
		},
		body = found and script or "moonloop dev has nothing here\n",
	})
end

--- Tells open pages of an error whose page could not be shown.
function live.raised(brief)
	news.post(news.RAISED, json.encode(brief))
end

--- Tells open pages, and the watcher of an older generation, what does not start.
-- @param files that were tried, an array
function live.failed(brief, files)
	news.post(news.BROKEN, json.encode(brief) .. "\0" .. table.concat(files, "\n"))
end

--- Whether an error is no failure of the application: its client left, or the worker ends.
function live.is_end(err)
	return err == errors.CANCELLED and C.ml_task_must_stop() ~= 0
end

return live
