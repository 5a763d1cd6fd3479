-- What clients would rather have, dates, entity tags and ranges: the parts of RFC 9110 that are tables.

local conditional = require("moonloop.web.conditional")
local date = require("moonloop.web.date")
local mime = require("moonloop.web.mime")
local negotiate = require("moonloop.web.negotiate")
local range = require("moonloop.web.range")

describe("negotiate", function()
	it("picks media types", function()
		local offers = { "application/json", "text/html" }
		local firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
		for header, expected in pairs({
			[""] = "application/json",
			["*/*"] = "application/json",
			[firefox] = "text/html",
			["text/html;q=0.5, application/json;q=0.4"] = "text/html",
			["text/*, application/json;q=0.9"] = "text/html",
			["TEXT/HTML"] = "text/html",
			["text/html;q=0, */*"] = "application/json",
			["application/json;q=0, */*;q=0.1"] = "text/html",
			["text/html ; q=1.000 , application/json;q=0.999"] = "text/html",
			["image/png"] = false,
			["application/json;q=0"] = false,
			["text/html;q=nonsense"] = false,
			[",,;,"] = false,
		}) do
			assert.equal(expected, negotiate.media(header, offers) or false, header)
		end
		assert.equal("application/json", (negotiate.media(nil, offers)))
	end)

	it("takes the most exact of several ranges", function()
		local header = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5"
		for offer, q in pairs({
			["text/plain;format=flowed"] = 1,
			["text/plain"] = 0.7,
			["text/html"] = 0.3,
			["image/jpeg"] = 0.5,
		}) do
			assert.equal(q, (select(2, negotiate.media(header, { offer }))), offer)
		end
	end)

	it("picks codings", function()
		local offers = { "br", "zstd", "gzip" }
		for header, expected in pairs({
			["gzip, deflate, br, zstd"] = "br",
			["gzip"] = "gzip",
			["x-gzip"] = "gzip",
			["br;q=0.5, gzip"] = "gzip",
			["br;q=0, *"] = "zstd",
			["*;q=0"] = "identity",
			["identity, gzip;q=0.5"] = "identity",
			["deflate"] = "identity",
			[""] = "identity",
			["gzip;q=0"] = "identity",
		}) do
			assert.equal(expected, negotiate.encoding(header, offers), header)
		end
		assert.equal("identity", negotiate.encoding(nil, offers))
	end)

	it("picks languages", function()
		local offers = { "en", "de-CH", "fr" }
		for header, expected in pairs({
			["de"] = "de-CH",
			["de-CH, en;q=0.5"] = "de-CH",
			["en-GB"] = "en",
			["*"] = "en",
			["fr;q=0.4, de;q=0.6"] = "de-CH",
			["en;q=0, *;q=0.5"] = "de-CH",
			["es"] = false,
		}) do
			assert.equal(expected, negotiate.language(header, offers) or false, header)
		end
		assert.equal("en", negotiate.language(nil, offers))
	end)

	it("reads no endless list", function()
		assert.equal(64, #negotiate.parse(("a,"):rep(10000)))
	end)
end)

describe("date", function()
	it("reads the three forms, and writes the first", function()
		local seconds = 784111777
		for _, text in ipairs({ "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
			"Sun Nov  6 08:49:37 1994" }) do
			assert.equal(seconds, date.parse(text), text)
		end
		assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", date.format(seconds + 0.9))
		for _, at in ipairs({ 0, 951782400, 951868800, 1709164800, 4102444799 }) do
			assert.equal(at, date.parse(date.format(at)))
		end
	end)

	it("refuses the rest", function()
		for _, text in ipairs({ "", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Xyz 1994 08:49:37 GMT",
			"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 28:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT" }) do
			assert.is_nil(date.parse(text), text)
		end
	end)
end)

describe("conditional.check", function()
	local mtime = date.parse("Sun, 06 Nov 1994 08:49:37 GMT") + 0.5
	local before, at, after = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:38 GMT"

	local function check(headers, etag, method)
		return conditional.check({ method = method or "GET", headers = headers }, etag or '"a"', mtime)
	end

	it("follows RFC 9110 13.2.2", function()
		for i, case in ipairs({
			{ nil, {} },
			{ 304, { ["if-none-match"] = '"a"' } },
			{ 304, { ["if-none-match"] = '"x", W/"a"' } },
			{ 304, { ["if-none-match"] = "*" } },
			{ nil, { ["if-none-match"] = '"b"' } },
			{ nil, { ["if-none-match"] = "a" } },
			{ 412, { ["if-none-match"] = '"a"' }, nil, "PUT" },
			{ 412, { ["if-none-match"] = "*" }, nil, "PUT" },
			{ 304, { ["if-none-match"] = '"a"' }, 'W/"a"' },
			{ nil, { ["if-match"] = '"a"' } },
			{ nil, { ["if-match"] = "*" } },
			{ 412, { ["if-match"] = '"b"' } },
			{ 412, { ["if-match"] = 'W/"a"' } },
			{ 412, { ["if-match"] = '"a"' }, 'W/"a"' },
			{ 304, { ["if-modified-since"] = at } },
			{ 304, { ["if-modified-since"] = after } },
			{ nil, { ["if-modified-since"] = before } },
			{ nil, { ["if-modified-since"] = at }, nil, "POST" },
			{ nil, { ["if-modified-since"] = "nonsense" } },
			{ nil, { ["if-unmodified-since"] = at } },
			{ 412, { ["if-unmodified-since"] = before } },
			-- the tag counts, not the date
			{ nil, { ["if-none-match"] = '"b"', ["if-modified-since"] = after } },
			{ nil, { ["if-match"] = '"a"', ["if-unmodified-since"] = before } },
			{ 304, { ["if-match"] = '"a"', ["if-none-match"] = '"a"' } },
		}) do
			assert.equal(case[1], check(case[2], case[3], case[4]), "case " .. i)
		end
	end)

	it("lets If-Range pass only for what has not changed", function()
		local function passes(value, etag)
			return conditional.in_range({ headers = { ["if-range"] = value } }, etag or '"a"', mtime)
		end
		assert.is_true(passes(nil))
		assert.is_true(passes('"a"'))
		assert.is_false(passes('"b"'))
		assert.is_false(passes('W/"a"'))
		assert.is_false(passes('W/"a"', 'W/"a"'))
		assert.is_true(passes(at))
		assert.is_false(passes(after))
		assert.is_false(passes("nonsense"))
	end)
end)

describe("range.parse", function()
	it("reads what there is of ten bytes", function()
		for header, expected in pairs({
			["bytes=0-0"] = { { 0, 0 } },
			["bytes=2-5"] = { { 2, 5 } },
			["bytes=2-"] = { { 2, 9 } },
			["bytes=-3"] = { { 7, 9 } },
			["bytes=-30"] = { { 0, 9 } },
			["bytes=5-100"] = { { 5, 9 } },
			["Bytes = 0-1 , 8-9"] = { { 0, 1 }, { 8, 9 } },
			["bytes=0-1,50-60"] = { { 0, 1 } },
			["bytes=10-"] = false,
			["bytes=-0"] = false,
			["bytes=50-60,70-"] = false,
		}) do
			assert.same(expected, range.parse(header, 10), header)
		end
	end)

	it("ignores what it cannot read, and what is none", function()
		for _, header in ipairs({ "bytes", "bytes=", "bytes=a-b", "bytes=5-2", "lines=1-2", "bytes=1",
			"bytes=1-2,x", "bytes=0-9,0-9", "bytes=" .. ("0-0,"):rep(17),
			"bytes=0-" .. ("9"):rep(16), "bytes=--1" }) do
			assert.is_nil(range.parse(header, 10), header)
		end
		assert.is_nil(range.parse(nil, 10))
		assert.is_false(range.parse("bytes=0-", 0))
	end)
end)

describe("mime", function()
	it("knows types by the ending", function()
		for name, expected in pairs({
			["a.html"] = "text/html; charset=utf-8",
			["a.b.JS"] = "text/javascript; charset=utf-8",
			["a.svg"] = "image/svg+xml",
			["a.woff2"] = "font/woff2",
			["a"] = "application/octet-stream",
			["a.nosuchending"] = "application/octet-stream",
			["html"] = "application/octet-stream",
		}) do
			assert.equal(expected, mime.of(name), name)
		end
	end)

	it("knows what is worth compressing", function()
		for _, kind in ipairs({ "text/html; charset=utf-8", "application/json", "application/problem+json",
			"image/svg+xml", "Application/JavaScript" }) do
			assert.is_true(mime.compressible(kind), kind)
		end
		for _, kind in ipairs({ "image/png", "video/mp4", "application/zip", "application/octet-stream",
			"font/woff2" }) do
			assert.is_false(mime.compressible(kind), kind)
		end
	end)
end)
