-- The way out: every form of a response that is right, and the framing that it gets.

local lib = require("lib")
local moonloop = require("moonloop")

local START = "http.response.start"
local BODY = "http.response.body"

local routes = {}

local function response(path, ...)
	local messages = { ... }
	routes[path] = function(_, _, send)
		for _, message in ipairs(messages) do
			assert(send(message) == true)
		end
	end
end

response("/whole", { type = START, status = 200, body = "hello" })
response("/empty", { type = START, status = 200, body = "" })
response("/start-and-end", { type = START, status = 200 }, { type = BODY })
response("/start-and-body", { type = START, status = 200 }, { type = BODY, body = "hello" })
response("/array", { type = START, status = 200, body = { "one ", "two ", "three" } })
response("/empty-array", { type = START, status = 200, body = {} })
response("/pieces",
	{ type = START, status = 200 },
	{ type = BODY, body = "one, ", more_body = true },
	{ type = BODY, body = { "two, ", "three" }, more_body = true },
	{ type = BODY, body = "", more_body = true },
	{ type = BODY, more_body = true },
	{ type = BODY, body = "." })
response("/start-with-first-piece",
	{ type = START, status = 200, body = "one", more_body = true },
	{ type = BODY, body = "two" })
response("/ended-by-nothing", { type = START, status = 200, body = "one", more_body = true }, { type = BODY })
response("/declared",
	{ type = START, status = 200, headers = { ["content-length"] = "6" } },
	{ type = BODY, body = "one", more_body = true },
	{ type = BODY, body = "two" })
response("/declared-number",
	{ type = START, status = 200, headers = { { "content-length", 3 } }, body = "one" })
response("/declared-less",
	{ type = START, status = 200, headers = { ["content-length"] = "6" } },
	{ type = BODY, body = "one" })
response("/false-flags", { type = START, status = 200, trailers = false, body = "x", more_body = false })
response("/unknown-keys", { type = START, status = 200, body = "x", later = {}, [1] = "?" })

response("/pairs", { type = START, status = 200, body = "", headers = {
	{ "Content-Type", "text/plain" }, { "set-cookie", "a=1" }, { "X-Empty", "" }, { "set-cookie", "b=2" },
} })
response("/map", { type = START, status = 200, body = "", headers = {
	["content-type"] = "text/plain", ["x-n"] = 5,
} })
response("/map-of-arrays", { type = START, status = 200, body = "", headers = {
	["set-cookie"] = { "a=1", "b=2" }, ["x-none"] = {},
} })
response("/no-headers", { type = START, status = 200, body = "", headers = {} })
response("/bytes",
	{ type = START, status = 200, headers = { ["x-b"] = "\tcaf\233 \255" }, body = "\0\r\n\255" })
response("/date",
	{ type = START, status = 200, headers = { date = "Thu, 01 Jan 1970 00:00:00 GMT" }, body = "" })

for _, status in ipairs({ 200, 201, 204, 205, 299, 301, 304, 404, 418, 451, 503, 599 }) do
	response("/status/" .. status, { type = START, status = status, body = "body" })
	response("/status-pieces/" .. status,
		{ type = START, status = status, body = "bo", more_body = true },
		{ type = BODY, body = "dy" })
end

-- Three responses of the queue's high-water mark at once: send waits, and says true in the end.
routes["/large"] = function(_, _, send)
	local piece = ("x"):rep(100000)
	assert(send({ type = START, status = 200 }) == true)
	for _ = 1, 20 do
		assert(send({ type = BODY, body = piece, more_body = true }) == true)
	end
	assert(send({ type = BODY, body = { piece, "end" } }) == true)
end

-- Two tasks write one response in turns; each send waits for room on its own.
routes["/two-writers"] = function(_, _, send)
	send({ type = START, status = 200 })
	local tasks = {}
	for i, letter in ipairs({ "a", "b" }) do
		tasks[i] = moonloop.spawn(function()
			for _ = 1, 20 do
				assert(send({ type = BODY, body = letter:rep(50000), more_body = true }) == true)
			end
		end)
	end
	tasks[1]:join()
	tasks[2]:join()
	send({ type = BODY })
end

-- A whole response may be followed by work.
routes["/works-on"] = function(_, _, send)
	send({ type = START, status = 200, body = "first" })
	moonloop.sleep(0.2)
end

-- The head leaves with the first byte of the body, not before.
routes["/held"] = function(_, _, send)
	send({ type = START, status = 200 })
	moonloop.sleep(0.1)
	send({ type = BODY, body = "", more_body = true })
	moonloop.sleep(0.1)
	send({ type = BODY, body = "now" })
end

return lib.routes(routes)
