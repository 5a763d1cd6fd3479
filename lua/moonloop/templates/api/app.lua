--- A JSON API: notes in memory, with a small router.
local lasgi = require "moonloop.lasgi"

local notes, last_id = {}, 0

local function note_json(note)
	local text = note.text:gsub('[%c"\\]', function(char) return ("\\u%04x"):format(char:byte()) end)
	return ('{"id":%d,"text":"%s"}'):format(note.id, text)
end

-- Routes: method, pattern, function(body, captures...) → status, JSON.

local routes = {
	{ "GET", "^/notes$", function()
		local list = {}
		for id = 1, last_id do
			list[#list + 1] = notes[id] and note_json(notes[id])
		end
		return 200, "[" .. table.concat(list, ",") .. "]"
	end },

	{ "POST", "^/notes$", function(body)
		if body == "" then
			return 422, '{"error":"a note has a text"}'
		end
		last_id = last_id + 1
		notes[last_id] = { id = last_id, text = body }
		return 201, note_json(notes[last_id])
	end },

	{ "GET", "^/notes/(%d+)$", function(_, id)
		local note = notes[tonumber(id)]
		if not note then
			return 404, '{"error":"no such note"}'
		end
		return 200, note_json(note)
	end },

	{ "DELETE", "^/notes/(%d+)$", function(_, id)
		notes[tonumber(id)] = nil
		return 204
	end },
}

local function read_body(receive)
	local parts = {}
	repeat
		local message = receive()
		if message.type == "http.disconnect" then return nil end
		parts[#parts + 1] = message.body
	until not message.more_body
	return table.concat(parts)
end

local function answer(method, path, body)
	local status, json = 404, '{"error":"nothing is there"}'
	for _, route in ipairs(routes) do
		local captures = { path:match(route[2]) }
		if captures[1] and route[1] == method then
			return route[3](body, unpack(captures))
		elseif captures[1] then
			status, json = 405, '{"error":"this method is not for that"}'
		end
	end
	return status, json
end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local body = read_body(receive)
	if not body then return end -- nobody is left to answer
	local status, json = answer(scope.method, scope.path, body)
	send {
		type = "http.response.start",
		status = status,
		headers = json and { ["content-type"] = "application/json" },
		body = json and json .. "\n" or "",
	}
end
