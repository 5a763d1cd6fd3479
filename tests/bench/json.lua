--- moonloop.json beside lua-cjson: `moonloop check tests/bench/json.lua` prints megabytes per second of
-- CPU, both ways, for three documents like those that JSON libraries are compared by: messages with
-- much text (twitter), many small objects and numbers as names (citm_catalog), coordinates (canada).

local json = require("moonloop.json")
local lasgi = require("moonloop.lasgi")
local task = require("moonloop.task")

local found, cjson = pcall(require, "cjson")

local ROUNDS, BATCH = 5, 60 -- the clock of CPU time may be coarse
local TARGET = 1.0

local random = math.random

local WORDS = { "magnificent", "desolation", "月面", "に", "着陸", "\\o/", "http://t.co/x", "\"quoted\"", "the",
	"sea", "of", "tranquility", "\n", "#moon", "café", "🌙" }

local function text(n)
	local words = {}
	for i = 1, n do
		words[i] = WORDS[random(#WORDS)]
	end
	return table.concat(words, " ")
end

local function status(i)
	return {
		metadata = { result_type = "recent", iso_language_code = "ja" },
		created_at = "Sun Aug 31 00:29:15 +0000 2014",
		id = 505874924095815000 + i * 1024,
		id_str = ("50587492409581%04d"):format(i),
		text = text(random(8, 20)),
		source = '<a href="http://twitter.com/download/iphone" rel="nofollow">Twitter for iPhone</a>',
		truncated = false,
		in_reply_to_status_id = json.null,
		user = {
			id = 1186275104, name = text(2), screen_name = "user" .. i, description = text(random(0, 20)),
			url = json.null, protected = false, followers_count = random(10000), friends_count = random(1000),
			utc_offset = json.null, geo_enabled = false, lang = "en",
			profile_image_url = "http://pbs.twimg.com/profile_images/497760886795153410/LDjAwR_y_normal.jpeg",
			profile_link_color = "0084B4", default_profile = true,
		},
		geo = json.null, coordinates = json.null, retweet_count = random(100), favorite_count = random(100),
		entities = {
			hashtags = json.array(), symbols = json.array(), urls = json.array(),
			user_mentions = { { screen_name = "aym0566x", name = text(2), id = 866260188, indices = { 0, 9 } } },
		},
		favorited = false, retweeted = false, lang = "ja",
	}
end

local function twitter()
	local list = {}
	for i = 1, 400 do
		list[i] = status(i)
	end
	return { statuses = list, search_metadata = { completed_in = 0.087, count = 400, query = "%E4%B8%80" } }
end

local function citm()
	local performances, names = {}, {}
	for i = 1, 1200 do
		local prices, areas = {}, {}
		for j = 1, 4 do
			prices[j] = { amount = random(20, 200) * 500, audienceSubCategoryId = 337100890,
				seatCategoryId = 338937235 + j }
			areas[j] = { areaId = 205705999 + j, blockIds = json.array() }
		end
		performances[i] = {
			eventId = 138586341 + i, id = 339887544 + i, logo = json.null, name = json.null, prices = prices,
			seatCategories = { { areas = areas, seatCategoryId = 338937295 } }, seatMapImage = json.null,
			start = 1372701600000 + i * 86400000, venueCode = "PLEYEL_PLEYEL",
		}
		names[tostring(205705993 + i)] = "Arrière-scène central"
	end
	return { areaNames = names, performances = performances, subjectNames = {},
		venueNames = { PLEYEL = "Salle Pleyel" } }
end

local function canada()
	local rings = {}
	for i = 1, 150 do
		local ring = {}
		for j = 1, random(50, 300) do
			ring[j] = { -65 - random() * 40, 43 + random() * 40 }
			ring[j][1] = tonumber(("%.15g"):format(ring[j][1]))
			ring[j][2] = tonumber(("%.15g"):format(ring[j][2]))
		end
		rings[i] = ring
	end
	return { type = "FeatureCollection", features = { { type = "Feature", properties = { name = "Canada" },
		geometry = { type = "Polygon", coordinates = rings } } } }
end

local function cpu_of(fn, value)
	collectgarbage()
	local began = os.clock()
	for _ = 1, BATCH do
		fn(value)
	end
	local seconds = os.clock() - began
	task.sleep(0) -- the CPU budget begins anew
	return seconds
end

-- Megabytes per second of CPU: the best of some rounds, in which both have their turn.
local function measure(bytes, ours, our_value, theirs, their_value)
	local us, them = math.huge, math.huge
	for _ = 1, ROUNDS do
		us = math.min(us, cpu_of(ours, our_value))
		if theirs then
			them = math.min(them, cpu_of(theirs, their_value))
		end
	end
	local megabytes = bytes * BATCH / 1e6
	return megabytes / us, theirs and megabytes / them
end

local function say(way, us, them)
	io.stdout:write(("   %s %6.1f MB/s"):format(way, us))
	if them then
		io.stdout:write((", cjson %6.1f: %.2f × (at least %g): %s"):format(them, us / them, TARGET,
			us / them >= TARGET and "met" or "missed"))
	end
end

local function compare(name, make)
	math.randomseed(42)
	local source = json.encode(make())
	io.stdout:write(("%-8s %4d kB"):format(name, #source / 1000))
	say("decode", measure(#source, json.decode, source, found and cjson.decode, source))
	say("encode", measure(#source, json.encode, json.decode(source), found and cjson.encode,
		found and cjson.decode(source)))
	io.stdout:write("\n")
end

return function(scope, receive, send)
	if scope.type ~= "lifespan" then
		error(lasgi.unsupported)
	end
	receive()
	if not found then
		io.stdout:write("lua-cjson is not there to be compared with\n")
	end
	compare("twitter", twitter)
	compare("citm", citm)
	compare("canada", canada)
	send({ type = "lifespan.startup.complete" })
	repeat
		local message = receive()
	until message.type == "lifespan.shutdown"
	send({ type = "lifespan.shutdown.complete" })
end
