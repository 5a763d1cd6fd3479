local inject = require("moonloop.dev.inject")
local support = require("support")

local MARK = "<script src=x></script>"

-- Through a filter, in pieces that end at these bytes.
local function pass(text, cuts)
	local feed, out, from = inject.filter(MARK), {}, 1
	for _, cut in ipairs(cuts) do
		out[#out + 1] = feed(text:sub(from, cut), false)
		from = cut + 1
	end
	out[#out + 1] = feed(text:sub(from), true)
	return table.concat(out)
end

describe("dev.inject.filter", function()
	local PAGES = {
		{ "<html><body>hi</body></html>\n", "<html><body>hi" .. MARK .. "</body></html>\n" },
		{ "<BODY>hi</BODY >", "<BODY>hi" .. MARK .. "</BODY >" },
		{ "a</body>b</body>c", "a</body>b" .. MARK .. "</body>c" },
		{ "a</bo</body", "a</bo" .. MARK .. "</body" },
		{ "<h1>no end", "<h1>no end" .. MARK },
		{ "", MARK },
		{ "a</b", "a</b" .. MARK },
		{ "</</body></", "</" .. MARK .. "</body></" },
	}

	it("puts the mark before the last </body>, or at the end", function()
		for _, page in ipairs(PAGES) do
			assert.equal(page[2], pass(page[1], {}))
		end
	end)

	it("does so wherever the page is cut, in two and in three pieces and byte by byte", function()
		for _, page in ipairs(PAGES) do
			local text = page[1]
			local every = {}
			for i = 1, #text do
				every[i] = i
				for j = i, #text do
					assert.equal(page[2], pass(text, { i, j }))
				end
			end
			assert.equal(page[2], pass(text, every))
		end
	end)

	it("lets all pass at once that cannot be the end", function()
		local feed = inject.filter(MARK)
		assert.equal("<h1>half", feed("<h1>half", false))
		assert.equal(" a", feed(" a</bo", false))
		assert.equal("</bold>", feed("ld>", false))
	end)

	it("gives a </body> up that much follows", function()
		local feed = inject.filter(MARK)
		assert.equal("a", feed("a</body>", false))
		assert.equal("</body>" .. ("x"):rep(20000), feed(("x"):rep(20000), false))
		assert.equal("end" .. MARK, feed("end", true))
	end)
end)

describe("dev.inject.wrap", function()
	-- A send that keeps what it is given; what the client would see of it.
	local function client(request_headers)
		local sent = {}
		local send, state = inject.wrap({ headers = request_headers or {} }, function(message)
			sent[#sent + 1] = message
			return true
		end, MARK)
		return send, sent, state
	end

	local function start(headers, body, more)
		return { type = "http.response.start", status = 200, headers = headers, body = body, more_body = more }
	end

	local HTML = { ["content-type"] = "text/html; charset=utf-8" }

	it("takes both forms of fields, and lets the given length grow", function()
		for _, headers in ipairs({
			{ { "Content-Type", "Text/HTML" }, { "content-length", "4" } },
			{ ["content-type"] = "text/html", ["Content-Length"] = 4 },
		}) do
			local send, sent = client()
			assert.is_true(send(start(headers, "page")))
			assert.equal("page" .. MARK, sent[1].body)
			local length = sent[1].headers["Content-Length"] or sent[1].headers[2][2]
			assert.equal(tostring(4 + #MARK), length)
			assert.equal(4, tonumber(headers["Content-Length"] or headers[2][2])) -- not the application's table
		end
	end)

	it("takes a body of an array, and of pieces", function()
		local send, sent, state = client()
		assert.is_false(state.begun)
		send(start(HTML))
		assert.is_false(state.begun)
		send({ type = "http.response.body", body = { "<p>", "</bo" }, more_body = true })
		assert.is_true(state.begun)
		send({ type = "http.response.body", body = "dy>" })
		assert.equal("<p>", sent[2].body)
		assert.is_true(sent[2].more_body)
		assert.equal(MARK .. "</body>", sent[3].body)
	end)

	it("leaves everything else as it is", function()
		local messages = {
			start({ ["content-type"] = "application/json" }, "{}"),
			start({ ["content-type"] = "text/htmlx" }, "x"),
			start(nil, "x"),
			start({ ["content-type"] = "text/html", ["content-encoding"] = "gzip" }, "x"),
			{ type = "http.response.start", status = 206, headers = HTML, body = "x" },
			{ type = "http.response.start", status = 304, headers = HTML, body = "" },
			{ type = "http.response.start", status = 204, headers = HTML, body = "" },
			start("wrong", "x"),
			start({ "wrong" }, "x"),
		}
		for _, message in ipairs(messages) do
			local send, sent = client()
			send(message)
			assert.equal(message, sent[1])
			send({ type = "http.response.body", body = "y" })
			assert.equal("y", sent[2].body)
		end
	end)

	it("leaves what the page's scripts fetch, takes what the window shows", function()
		for dest, injected in pairs({ document = true, iframe = true, empty = false, script = false }) do
			local send, sent = client({ ["sec-fetch-dest"] = dest })
			send(start(HTML, "x"))
			assert.equal(injected and "x" .. MARK or "x", sent[1].body)
		end
	end)

	it("hands a body of a wrong type on to be refused", function()
		for _, body in ipairs({ 5, { 1, 2 }, { a = 1 } }) do
			local send, sent = client()
			send(start(HTML))
			send({ type = "http.response.body", body = body })
			assert.equal(body, sent[2].body)
		end
		local send, sent = client()
		send("no message")
		assert.equal("no message", sent[1])
	end)

	it("begins afresh with a second start", function()
		local send, sent = client()
		send(start(HTML))
		send(start({ ["content-type"] = "text/plain" }, "plain"))
		assert.equal("plain", sent[2].body)
	end)

	it("reads a file to put the mark in, and leaves its errors to the gateway", function()
		local path = os.tmpname()
		local file = assert(io.open(path, "w"))
		file:write("<body>file</body>")
		file:close()
		local send, sent = client()
		send(start(HTML))
		send({ type = "http.response.file", path = path })
		assert.equal("<body>file" .. MARK .. "</body>", sent[2].body)
		os.remove(path)
		send({ type = "http.response.file", path = path })
		assert.equal("http.response.file", sent[3].type)
		send({ type = "http.response.file", path = path, offset = 3 })
		assert.equal(3, sent[4].offset)
		support.contains(path, sent[3].path)
	end)
end)
