-- Compression: every format both ways, cut anywhere, cut short, broken, too large.

local compress = require("moonloop.compress")
local support = require("support")
local thread = require("moonloop.thread")
local plain = require("plain_env")

local FORMATS = { "gzip", "br", "zstd", "deflate", "deflate-raw" }

-- Text that is neither all alike nor random.
local function some_text(n)
	local words, parts = { "moon ", "sea ", "of ", "tranquility\n", "\0\255 " }, {}
	local seed = 42
	for i = 1, n do
		seed = (seed * 1103515245 + 12345) % 2 ^ 31
		parts[i] = words[math.floor(seed / 65536) % #words + 1]
	end
	return table.concat(parts)
end

local function pipe_in(command, bytes)
	local path = os.tmpname()
	local file = assert(io.open(path, "wb"))
	file:write(bytes)
	file:close()
	local pipe = assert(io.popen(command .. " < " .. path, "r"))
	local out = pipe:read("*a")
	pipe:close()
	os.remove(path)
	return out
end

describe("compress", function()
	local text = some_text(20000)

	it("gives back what it got", function()
		for _, format in ipairs(FORMATS) do
			for _, data in ipairs({ "", "x", text, ("a"):rep(300000) }) do
				local bytes = compress.encode(data, format)
				assert.equal(data, compress.decode(bytes, format), format)
				assert.is_true(#data < 100 or #bytes < #data / 2, format)
			end
		end
	end)

	it("has levels", function()
		for format, levels in pairs(compress.levels) do
			local low = compress.encode(text, format, { level = levels[1] })
			local high = compress.encode(text, format, { level = levels[2] })
			assert.is_true(#high < #low, format)
			assert.equal(text, compress.decode(low, format))
			assert.equal(text, compress.decode(high, format))
			support.contains("the level of " .. format, support.raises(compress.encode, "", format,
				{ level = levels[2] + 1 }))
			support.contains("the level of " .. format, support.raises(compress.encode, "", format, { level = 1.5 }))
		end
	end)

	it("is what other programs read and write", function()
		assert.equal(text, pipe_in("gzip -dc", compress.encode(text, "gzip")))
		assert.equal(text, compress.decode(pipe_in("gzip -c", text), "gzip"))
		local python = [[python3 -c 'import sys,zlib; d=sys.stdin.buffer.read(); sys.stdout.buffer.write(]]
		assert.equal(text, pipe_in(python .. "zlib.decompress(d))'", compress.encode(text, "deflate")))
		assert.equal(text, pipe_in(python .. "zlib.decompress(d, -15))'", compress.encode(text, "deflate-raw")))
	end)

	it("streams, and flushes", function()
		for _, format in ipairs(FORMATS) do
			local encoder, decoder = compress.encoder(format), compress.decoder(format)
			local got = {}
			for at = 1, 5000, 500 do
				local bytes = encoder:write(text:sub(at, at + 499)) .. encoder:flush()
				got[#got + 1] = assert(decoder:write(bytes))
				assert.equal(text:sub(1, at + 499), table.concat(got), format)
				assert.is_false(decoder.ended)
			end
			got[#got + 1] = assert(decoder:write(encoder:finish("end")))
			assert.equal(text:sub(1, 5000) .. "end", table.concat(got), format)
			assert.is_true(decoder:finish())
			assert.equal(5003, decoder.size)
		end
	end)

	it("does not mind where it is cut", function()
		for _, format in ipairs(FORMATS) do
			local bytes = compress.encode(text, format)
			local decoder, got = compress.decoder(format), {}
			for i = 1, #bytes do
				got[i] = assert(decoder:write(bytes:sub(i, i)))
			end
			assert.equal(text, table.concat(got), format)
			assert.is_true(decoder:finish(), format)
		end
	end)

	it("tells of an early end", function()
		for _, format in ipairs(FORMATS) do
			local bytes = compress.encode(text, format)
			for _, n in ipairs({ 0, 1, math.floor(#bytes / 2), #bytes - 1 }) do
				local data, code, detail = compress.decode(bytes:sub(1, n), format)
				assert.same({ nil, "invalid", format .. " that ends too early" }, { data, code, detail })
			end
		end
	end)

	it("refuses what is broken", function()
		for _, format in ipairs(FORMATS) do
			local _, code = compress.decode(("\255\254\253"):rep(50), format)
			assert.equal("invalid", code, format)
		end
		for _, format in ipairs({ "br", "deflate", "deflate-raw" }) do
			local data, code = compress.decode(compress.encode("x", format) .. "y", format)
			assert.same({ nil, "invalid" }, { data, code }, format)
		end
		local bytes = compress.encode(text, "gzip")
		local _, code = compress.decode(bytes:sub(1, -5) .. "abcd", "gzip")
		assert.equal("invalid", code)
	end)

	it("reads several members of gzip, and frames of zstd", function()
		for _, format in ipairs({ "gzip", "zstd" }) do
			assert.equal("onetwo", compress.decode(compress.encode("one", format) .. compress.encode("two", format),
				format))
		end
	end)

	it("takes deflate without the header that it should have", function()
		assert.equal(text, compress.decode(compress.encode(text, "deflate-raw"), "deflate"))
	end)

	it("stops at the limit", function()
		local zeros = ("\0"):rep(2 * 1024 * 1024)
		for _, format in ipairs(FORMATS) do
			local bomb = compress.encode(zeros, format)
			assert.is_true(#bomb < 20000, format)
			local before = collectgarbage("count")
			local data, code, detail = compress.decode(bomb, format, { max = 1000 })
			assert.same({ nil, "too_large", "more than 1000 bytes" }, { data, code, detail }, format)
			assert.is_true(collectgarbage("count") - before < 1024)
			assert.equal(zeros, compress.decode(bomb, format, { max = #zeros }))
			assert.is_nil((compress.decode(bomb, format, { max = #zeros - 1 })))
			local decoder = compress.decoder(format, { max = 5 })
			assert.equal("12345", decoder:write(compress.encode("12345", format)))
		end
		assert.equal("", compress.decode(compress.encode("", "gzip"), "gzip", { max = 0 }))
	end)

	-- Under a sanitizer it shows what reads or writes beyond its memory.
	it("survives broken bytes", function()
		math.randomseed(42)
		for _, format in ipairs(FORMATS) do
			local good = compress.encode(text:sub(1, 3000), format)
			for _ = 1, 500 do
				local bytes = { good:byte(1, -1) }
				for _ = 1, math.random(3) do
					bytes[math.random(#bytes)] = math.random(0, 255)
				end
				local data, code = compress.decode(string.char(unpack(bytes)), format, { max = 100000 })
				if data == nil and code ~= "invalid" and code ~= "too_large" then
					error(format .. ": " .. tostring(code))
				end
			end
		end
	end)

	it("is over after its end", function()
		local encoder = compress.encoder("gzip")
		encoder:finish()
		support.contains("encoder:write: it is finished", support.raises(encoder.write, encoder, "x"))
		encoder:close()
		local decoder = compress.decoder("gzip")
		decoder:close()
		assert.is_nil((decoder:write("x")))
		assert.is_nil((decoder:finish()))
	end)

	it("blames the caller", function()
		for what, fn in pairs({
			["unknown format lzma; there are br, deflate"] = function() compress.encode("x", "lzma") end,
			["data must be a string"] = function() compress.encode(1, "gzip") end,
			["unknown option max"] = function() compress.encode("", "gzip", { max = 1 }) end,
			["max must be a number"] = function() compress.decode("", "gzip", { max = "1" }) end,
			["expected an encoder"] = function() compress.encoder("gzip").write("x", "y") end,
		}) do
			local err = support.raises(fn)
			support.contains(what, err)
			support.contains("compress_spec.lua:", err)
		end
	end)

	it("works in a pool thread", function()
		assert.equal(text, compress.decode(thread.run(plain(function(data)
			return require("moonloop.compress").encode(data, "br", { level = 9 })
		end), text), "br"))
	end)
end)
