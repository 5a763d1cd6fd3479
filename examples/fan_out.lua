--- Slow things are asked side by side, and the answer has what came in time.
-- Whatever is started in the group has ended when the group is over: those that are late are stopped
-- where they wait, and give back what they hold. All requests together have two lines to the stations.
--
-- $ moonloop run examples/fan_out.lua
--
-- $ curl -s http://127.0.0.1:8000/
-- Tycho: -23 degrees
-- Kepler: no answer
-- Copernicus: -18 degrees
--
-- $ curl -s http://127.0.0.1:8000/ | head -n 1
-- Tycho: -23 degrees
local lasgi = require "moonloop.lasgi"
local sync = require "moonloop.sync"
local task = require "moonloop.task"

local DEADLINE = 1 -- seconds, for all of them together

local STATIONS = {
	{ name = "Tycho", takes = 0.05, degrees = -23 },
	{ name = "Kepler", takes = 60, degrees = -20 },
	{ name = "Copernicus", takes = 0.05, degrees = -18 },
}

local lines = sync.semaphore(2)

-- Stands for a request to another server.
local function ask(station)
	task.sleep(station.takes)
	return station.degrees
end

local function ask_all()
	local answers = {}
	task.timeout(DEADLINE, task.group, function(group)
		for i, station in ipairs(STATIONS) do
			group:spawn(function()
				answers[i] = lines:with(ask, station)
			end)
		end
	end)
	return answers
end

return function(scope, _receive, send)
	if scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	local answers, text = ask_all(), {}
	for i, station in ipairs(STATIONS) do
		text[i] = ("%s: %s\n"):format(station.name, answers[i] and answers[i] .. " degrees" or "no answer")
	end
	send { type = "http.response.start", status = 200, body = table.concat(text) }
end
