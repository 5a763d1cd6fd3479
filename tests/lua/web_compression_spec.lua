-- Compression in and out: what is compressed, what must not be, and bombs.

local client = require("support_web")
local compress = require("moonloop.compress")
local fs = require("moonloop.fs")
local support = require("support")
local web = require("moonloop.web")

local TEXT = ("magnificent desolation "):rep(200)

local function app_with(handler, options)
	local app = web.app()
	app:use(web.compression(options or {}))
	app:get("/", handler)
	app:post("/", handler)
	return app
end

local function get(app, encoding, more)
	local headers = { ["accept-encoding"] = encoding }
	for name, value in pairs(more or {}) do
		headers[name] = value
	end
	return client.get(app, "/", headers)
end

local function text()
	return TEXT
end

describe("web.compression", function()
	it("compresses as the client wishes", function()
		local app = app_with(text)
		for _, coding in ipairs({ "br", "zstd", "gzip" }) do
			local answer = get(app, coding .. ", deflate")
			assert.equal(coding, answer.headers["content-encoding"])
			assert.equal("accept-encoding", answer.headers.vary)
			assert.is_true(#answer.body < 500)
			assert.equal(TEXT, compress.decode(answer.body, coding))
		end
		assert.equal("br", get(app, "gzip, deflate, br, zstd").headers["content-encoding"])
		for _, header in ipairs({ "identity", "deflate", "gzip;q=0", "" }) do
			local answer = get(app, header)
			assert.equal(TEXT, answer.body)
			assert.is_nil(answer.headers["content-encoding"])
			assert.equal("accept-encoding", answer.headers.vary)
		end
		assert.equal(TEXT, client.get(app, "/").body)
	end)

	it("leaves alone what must not be compressed", function()
		for what, handler in pairs({
			["small"] = function() return "small" end,
			["image"] = function() return 200, TEXT, { ["content-type"] = "image/png" } end,
			["coded"] = function() return 200, TEXT, { ["content-encoding"] = "br" } end,
			["no-transform"] = function() return 200, TEXT, { ["cache-control"] = "public, no-transform" } end,
			["partial"] = function() return 206, TEXT end,
			["empty"] = function() end,
		}) do
			local answer = get(app_with(handler), "gzip")
			assert.are_not.equal("gzip", answer.headers["content-encoding"], what)
			assert.is_nil(answer.headers.vary, what)
		end
	end)

	it("keeps the fields true", function()
		local answer = get(app_with(function()
			return web.text(TEXT):etag("v1"):vary("cookie"):header("content-length", tostring(#TEXT))
		end), "gzip")
		assert.equal('W/"v1"', answer.headers.etag)
		assert.equal("cookie, accept-encoding", answer.headers.vary)
		assert.is_nil(answer.headers["content-length"])
	end)

	it("works with errors, JSON, and answers HEAD", function()
		local app = app_with(function()
			return { text = TEXT }
		end)
		local answer = client.call(app, "HEAD", "/", { headers = { ["accept-encoding"] = "gzip" } })
		assert.same({ 200, "", "gzip" }, { answer.status, answer.body, answer.headers["content-encoding"] })
		app = app_with(function()
			web.error(418, TEXT)
		end)
		answer = get(app, "gzip")
		assert.same({ 418, "gzip" }, { answer.status, answer.headers["content-encoding"] })
		support.contains("magnificent", compress.decode(answer.body, "gzip"))
	end)

	it("compresses large texts in slices", function()
		local large = TEXT:rep(100)
		local answer = get(app_with(function()
			return large
		end), "zstd")
		assert.equal(large, compress.decode(answer.body, "zstd"))
	end)

	it("flushes each chunk of a stream", function()
		for _, coding in ipairs({ "br", "zstd", "gzip" }) do
			local n = 0
			local answer = get(app_with(function()
				return web.stream(function(write)
					n = n + 1
					if n == 1 then
						write({ "one", " " })
					end
					return n <= 3 and "chunk " .. n .. "\n" or nil
				end, "text/plain")
			end), coding)
			local decoder, got = compress.decoder(coding), {}
			for i, bytes in ipairs(answer.pieces) do
				got[i] = decoder:write(bytes)
			end
			assert.same({ "one ", "chunk 1\n", "chunk 2\n", "chunk 3\n", "" }, got)
			assert.is_true(decoder:finish())
			n = 0
		end
	end)

	it("compresses files, and their ranges not", function()
		local dir = assert(fs.tempdir())
		fs.write(dir.path .. "/a.txt", TEXT)
		fs.write(dir.path .. "/a.bin", TEXT)
		local app = web.app()
		app:use(web.compression {})
		app:mount("/", web.static(dir.path))
		local answer = client.get(app, "/a.txt", { ["accept-encoding"] = "gzip" })
		assert.equal(TEXT, compress.decode(answer.body, "gzip"))
		assert.is_nil(answer.headers["accept-ranges"])
		assert.is_nil(answer.headers["content-length"])
		support.begins('W/"', answer.headers.etag)
		local again = client.get(app, "/a.txt", {
			["accept-encoding"] = "gzip",
			["if-none-match"] = answer.headers.etag,
		})
		assert.same({ 304, "accept-encoding" }, { again.status, again.headers.vary })
		local part = client.get(app, "/a.txt", { ["accept-encoding"] = "gzip", range = "bytes=0-9" })
		assert.same({ 206, "magnificen" }, { part.status, part.body })
		local head = client.call(app, "HEAD", "/a.txt", { headers = { ["accept-encoding"] = "gzip" } })
		assert.same({ "gzip", "" }, { head.headers["content-encoding"], head.body })
		assert.is_nil(head.headers["content-length"])
		assert.equal(TEXT, client.get(app, "/a.bin", { ["accept-encoding"] = "gzip" }).body)
		dir:close()
	end)

	it("has options", function()
		local app = app_with(function() return "small" end, { min_bytes = 1, codings = { "deflate" },
			levels = { deflate = 9 }, types = function(kind) return kind:find("plain") end })
		local answer = get(app, "br, deflate")
		assert.equal("deflate", answer.headers["content-encoding"])
		assert.equal("small", compress.decode(answer.body, "deflate"))
		for what, options in pairs({
			["unknown option level"] = { level = 1 },
			["codings[1] must be"] = { codings = { "lzma" } },
			["levels.gzip must be"] = { levels = { gzip = 99 } },
			["min_bytes must be"] = { min_bytes = 0 },
		}) do
			local err = support.raises(function()
				web.compression(options)
			end)
			support.contains(what, err)
			support.contains("web_compression_spec.lua:", err)
		end
	end)
end)

describe("requests that come compressed", function()
	local function post(body, coding, options)
		local app = app_with(function(req)
			local headers = req.headers
			return req:body() .. "|" .. tostring(headers["content-encoding"]) .. tostring(headers["content-length"])
		end, options or { requests = true })
		return client.call(app, "POST", "/", { body = body, headers = { ["content-encoding"] = coding,
			["content-length"] = "999" } })
	end

	local function split(bytes)
		local pieces = {}
		for i = 1, #bytes do
			pieces[i] = bytes:sub(i, i)
		end
		return pieces
	end

	it("are decompressed", function()
		for _, coding in ipairs({ "br", "zstd", "gzip", "deflate" }) do
			local bytes = compress.encode(TEXT, coding)
			assert.equal(TEXT .. "|nilnil", post(bytes, coding).body)
			assert.equal(TEXT .. "|nilnil", post(split(bytes), coding:upper()).body)
		end
		assert.equal("x|nilnil", post(compress.encode("x", "gzip"), "x-gzip").body)
		assert.equal("x|identity999", post("x", "identity").body)
	end)

	it("are left alone unless that is asked for", function()
		assert.equal("x|gzip999", post("x", "gzip", {}).body)
	end)

	it("have limits, and must be whole", function()
		local bomb = compress.encode(("\0"):rep(2 * 1024 * 1024), "zstd")
		local answer = post(bomb, "zstd", { requests = true, max_bytes = 1024 * 1024 })
		assert.equal(413, answer.status)
		support.contains("more than 1048576 bytes", answer.body)
		support.contains('"limit":"max_bytes"', answer.body)
		assert.equal(400, post("nonsense", "gzip").status)
		assert.equal(400, post(compress.encode(TEXT, "br"):sub(1, -2), "br").status)
		assert.equal(400, post("", "gzip").status)
	end)

	it("must have a coding that is known", function()
		for _, coding in ipairs({ "lzma", "deflate-raw", "gzip, br" }) do
			local answer = post("x", coding)
			assert.same({ 415, "br, zstd, gzip, deflate" }, { answer.status, answer.headers["accept-encoding"] })
		end
	end)
end)
