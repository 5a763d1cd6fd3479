-- Forms, files and compression: what test_webbodies.py asks for.

local web = require "moonloop.web"
local worker = require "moonloop.worker"

local app = web.app { forms = { files = 3 } }
app:use(web.compression { requests = true, max_bytes = 1024 * 1024 })

local dir = os.getenv("WEB_DIR")

app:get("/info", function()
	return ("memory=%d\n"):format(worker.info().lua_bytes or 0)
end)

app:post("/upload", function(req)
	local names = {}
	for i, file in ipairs(req:files()) do
		assert(file:move(dir .. "/up-" .. file.safe_name))
		names[i] = { name = file.name, filename = file.filename, size = file.size, type = file.type }
	end
	return { files = names, title = req:form().title }
end)

app:post("/look", function(req)
	local file = req:files()[1]
	local n = 0
	for bytes in file:pieces() do
		n = n + #bytes
	end
	return { n = n, in_memory = file.file_ == nil }
end)

app:post("/echo", function(req)
	return req:body()
end)

app:get("/stream", function()
	return web.stream(function(write)
		for i = 1, 3 do
			write(("line %d\n"):format(i))
		end
	end, "text/plain")
end)

app:get("/text", function()
	return ("magnificent desolation\n"):rep(20000)
end)

app:mount("/s", web.static(dir, { precompressed = true, listing = true, cache = 60 }))

return app
