-- Nothing that an application returns splits a response or breaks a cookie: what could is refused,
-- by the framework or by the gateway, before a byte of the response was sent.

local cookies = require("moonloop.web.cookies")
local support = require("support_web")
local web = require("moonloop.web")

local SEED = tonumber(os.getenv("SEED") or "") or os.time()
local ROUNDS = 2000

local PIECES = { "\r\n", "\n", "\r", "\0", "\127", "\1", "\t", " ", ";", ",", "=", '"', "\\", "%0d%0a", "]",
	"[", "~]", "\226\128\168", "\196\141\196\138", "Set-Cookie: x=y", "a", "/", "//evil.example",
	"https://evil.example", ":", "<", "\255" }

local function text(random)
	local parts = {}
	for i = 1, random(0, 6) do
		parts[i] = PIECES[random(#PIECES)]
	end
	return table.concat(parts)
end

-- Half of the time what nobody can object to.
local function maybe(random, good)
	return random(2) == 1 and good or text(random)
end

local function generator()
	math.randomseed(SEED)
	return math.random
end

describe("a cookie (SEED=" .. SEED .. ")", function()
	it("is one cookie, or is refused", function()
		local random, made = generator(), 0
		for _ = 1, ROUNDS do
			local name, value, path, domain = maybe(random, "a"), maybe(random, "b"), maybe(random, "/c"),
				maybe(random, "d")
			local ok, field = pcall(cookies.format, name, value, { path = path, domain = domain })
			if ok then
				made = made + 1
				assert.is_nil(field:find("[%c\127-\255]"))
				local parts = {}
				for part in (field .. ";"):gmatch("([^;]*);") do
					parts[#parts + 1] = part
				end
				assert.equal(5, #parts) -- the pair, Path, Domain, HttpOnly, SameSite
				assert.equal(name .. "=" .. value, parts[1])
				assert.same({ [name] = (value:gsub('^"(.*)"$', "%1")) }, cookies.parse(parts[1]))
			end
		end
		assert.is_true(made > 0)
	end)
	it("has no attribute of the wrong kind", function()
		for _, options in ipairs({ { max_age = "1; Domain=evil" }, { max_age = 0 / 0 }, { expires = "x" },
			{ same_site = "Lax; x" }, { domain = "a\r\nb" }, { path = "/;x" }, { path = 7 }, { secret = true } }) do
			assert.is_false(pcall(cookies.format, "a", "b", options))
		end
	end)
end)

describe("a response (SEED=" .. SEED .. ")", function()
	it("keeps what is no field out of the gateway's reach, or leaves it to be refused there", function()
		local random, app, given = generator(), web.app {}, nil
		app:get("/header", function()
			return web.text("x"):header("x-a", given)
		end)
		app:get("/redirect", function()
			return web.redirect(given)
		end)
		app:get("/cookie", function()
			return web.text("x"):cookie("a", given)
		end)
		app:get("/error", function()
			web.error(400, "refused", { headers = { ["x-a"] = given } })
		end)
		for _ = 1, ROUNDS / 4 do
			given = text(random)
			local ok, answer = pcall(support.get, app, "/cookie")
			if ok then
				assert.is_nil(answer.headers["set-cookie"]:find("[%c\127-\255]"))
			end
			for _, path in ipairs({ "/header", "/redirect", "/error" }) do
				ok, answer = pcall(support.get, app, path)
				-- As it is: nothing was put together that reads otherwise.
				assert.is_true(ok)
				assert.equal(given, answer.headers[path == "/redirect" and "location" or "x-a"])
			end
		end
	end)
end)
