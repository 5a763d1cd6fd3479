-- Files and directories over HTTP: ranges, conditions, siblings, and no way out.

local client = require("support_web")
local fs = require("moonloop.fs")
local support = require("support")
local web = require("moonloop.web")

local TEXT = "0123456789abcdefghijklmnopqrstuvwxyz"

describe("web.static", function()
	local dir, root, app

	before_each(function()
		dir = assert(fs.tempdir())
		root = dir.path .. "/public"
		fs.mkdir(root .. "/sub", { parents = true })
		fs.mkdir(root .. "/empty")
		fs.mkdir(root .. "/.well-known")
		fs.write(dir.path .. "/secret", "secret")
		for name, text in pairs({
			["a.txt"] = TEXT, ["index.html"] = "<p>home", ["sub/index.html"] = "<p>sub", ["nothing.txt"] = "",
			["app.3f2a9c1b.js"] = "js", ["x.css"] = "plain", ["x.css.gz"] = "gzipped", ["x.css.br"] = "broteli",
			[".hidden"] = "h", [".well-known/x"] = "w", ["<b>&.html"] = "odd", ["empty/a:b c"] = "",
		}) do
			assert(fs.write(root .. "/" .. name, text))
		end
		fs.symlink("../secret", root .. "/link")
		fs.symlink("/etc", root .. "/etc")
		fs.symlink("a.txt", root .. "/inside")
		app = web.app()
		app:mount("/s", web.static(root, { listing = true, precompressed = true, cache = 60, immutable = true }))
	end)

	after_each(function()
		dir:close()
	end)

	it("sends files with what is known of them", function()
		local answer = client.get(app, "/s/a.txt")
		assert.equal(200, answer.status)
		assert.equal(TEXT, answer.body)
		assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
		assert.equal("bytes", answer.headers["accept-ranges"])
		assert.equal("36", answer.headers["content-length"])
		assert.equal("public, max-age=60", answer.headers["cache-control"])
		support.contains("GMT", answer.headers["last-modified"])
		support.begins('"', answer.headers.etag)
		assert.equal("", client.get(app, "/s/nothing.txt").body)
		assert.equal(TEXT, client.get(app, "/s/inside").body)
		assert.equal("public, max-age=31536000, immutable",
			client.get(app, "/s/app.3f2a9c1b.js").headers["cache-control"])
	end)

	it("answers HEAD without content", function()
		local answer = client.call(app, "HEAD", "/s/a.txt")
		assert.same({ 200, "", "36" }, { answer.status, answer.body, answer.headers["content-length"] })
		answer = client.call(app, "HEAD", "/s/a.txt", { headers = { range = "bytes=1-3" } })
		assert.same({ 206, "", "3" }, { answer.status, answer.body, answer.headers["content-length"] })
	end)

	it("sends ranges", function()
		local function ranged(header, more)
			local headers = { range = header }
			for name, value in pairs(more or {}) do
				headers[name] = value
			end
			local answer = client.get(app, "/s/a.txt", headers)
			return answer.status, answer.body, answer.headers["content-range"], answer
		end
		assert.same({ 206, "0123", "bytes 0-3/36" }, { unpack({ ranged("bytes=0-3") }, 1, 3) })
		assert.same({ 206, "xyz", "bytes 33-35/36" }, { unpack({ ranged("bytes=-3") }, 1, 3) })
		local status, _, content_range = ranged("bytes=36-")
		assert.same({ 416, "bytes */36" }, { status, content_range })
		assert.equal(200, (ranged("bytes=x")))
		local etag = client.get(app, "/s/a.txt").headers.etag
		assert.equal(206, (ranged("bytes=0-3", { ["if-range"] = etag })))
		assert.equal(200, (ranged("bytes=0-3", { ["if-range"] = '"other"' })))
		assert.equal(304, (ranged("bytes=0-3", { ["if-none-match"] = etag })))
	end)

	it("sends several ranges", function()
		local answer = client.get(app, "/s/a.txt", { range = "bytes=0-3,-2" })
		assert.equal(206, answer.status)
		local boundary = answer.headers["content-type"]:match("^multipart/byteranges; boundary=(%x+)$")
		local part = "--%s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-range: bytes %s/36\r\n\r\n%s\r\n"
		assert.equal(part:format(boundary, "0-3", "0123") .. part:format(boundary, "34-35", "yz")
			.. "--" .. boundary .. "--\r\n", answer.body)
		assert.equal(tostring(#answer.body), answer.headers["content-length"])
	end)

	it("answers 304 and 412", function()
		local first = client.get(app, "/s/a.txt")
		local answer = client.get(app, "/s/a.txt", { ["if-none-match"] = first.headers.etag })
		assert.same({ 304, "" }, { answer.status, answer.body })
		assert.equal(first.headers.etag, answer.headers.etag)
		assert.equal("public, max-age=60", answer.headers["cache-control"])
		assert.is_nil(answer.headers["content-type"])
		local since = first.headers["last-modified"]
		assert.equal(304, client.get(app, "/s/a.txt", { ["if-modified-since"] = since }).status)
		assert.equal(412, client.get(app, "/s/a.txt", { ["if-match"] = '"x"' }).status)
		fs.write(root .. "/a.txt", TEXT .. "!")
		assert.equal(200, client.get(app, "/s/a.txt", { ["if-none-match"] = first.headers.etag }).status)
	end)

	it("lets nothing out", function()
		for _, path in ipairs({ "/s/../secret", "/s/%2e%2e/secret", "/s/sub/../../secret", "/s/..%2fsecret",
			"/s/link", "/s/etc/passwd", "/s//etc/passwd", "/s/%2fetc/passwd", "/s/a.txt%00.html", "/s/./a.txt",
			"/s/.hidden",
			"/s/sub//index.html", "/s/nothere", "/s/a.txt/", "/s/a.txt/x", "/s/etc/", "/s/" .. ("x"):rep(5000) }) do
			local answer = client.get(app, path)
			assert.equal(404, answer.status, path)
			assert.is_nil(answer.body:find("secret", 1, true), path)
			assert.is_nil(answer.body:find("root:", 1, true), path)
		end
		assert.equal("w", client.get(app, "/s/.well-known/x").body)
	end)

	it("sends the index of a directory, and leads to the slash", function()
		assert.equal("<p>home", client.get(app, "/s/").body)
		assert.equal("<p>sub", client.get(app, "/s/sub/").body)
		local answer = client.get(app, "/s/sub?a=b")
		assert.same({ 308, "/s/sub/?a=b" }, { answer.status, answer.headers.location })
		assert.equal("/s/", client.get(app, "/s").headers.location)
		local below = client.call(app, "GET", "/s/sub", { scope = { root_path = "/root", path = "/root/s/sub" } })
		assert.equal("/root/s/sub/", below.headers.location)
	end)

	it("lists a directory, escaped", function()
		fs.remove(root .. "/index.html")
		local body = client.get(app, "/s/").body
		support.contains('<a href="./%3Cb%3E&amp;.html">&lt;b&gt;&amp;.html</a>', body)
		support.contains('<a href="./sub/">sub/</a>', body)
		assert.is_nil(body:find(".hidden", 1, true))
		support.contains('<a href="./a:b%20c">a:b c</a>', client.get(app, "/s/empty/").body)
		support.contains('<a href="./../">..</a>', client.get(app, "/s/empty/").body)
		local plain = web.app()
		plain:mount("/", web.static(root))
		assert.equal(404, client.get(plain, "/empty/").status)
		assert.equal(404, client.get(plain, "/").status)
	end)

	it("sends compressed siblings", function()
		local function css(encoding)
			local answer = client.get(app, "/s/x.css", { ["accept-encoding"] = encoding })
			assert.equal("accept-encoding", answer.headers.vary)
			assert.equal("text/css; charset=utf-8", answer.headers["content-type"])
			return answer.body, answer.headers["content-encoding"], answer.headers.etag
		end
		assert.same({ "broteli", "br" }, { unpack({ css("gzip, br, zstd") }, 1, 2) })
		assert.same({ "gzipped", "gzip" }, { unpack({ css("gzip, zstd") }, 1, 2) })
		assert.equal("plain", (css(nil)))
		assert.equal("plain", (css("gzip;q=0")))
		assert.are_not.equal((select(3, css("gzip"))), (select(3, css("br"))))
	end)

	it("knows only GET and HEAD", function()
		local answer = client.call(app, "POST", "/s/a.txt")
		assert.same({ 405, "GET, HEAD" }, { answer.status, answer.headers.allow })
	end)

	it("shows middleware and error handlers what it answers", function()
		local seen = {}
		app:use(function(req, next)
			local res = next(req)
			seen[#seen + 1] = res.status
			return res:header("x-seen", tostring(res.status))
		end)
		app:on_error(404, function()
			return 404, "own page"
		end)
		assert.equal("200", client.get(app, "/s/a.txt").headers["x-seen"])
		assert.equal("206", client.get(app, "/s/a.txt", { range = "bytes=0-0" }).headers["x-seen"])
		local answer = client.get(app, "/s/none")
		assert.same({ 404, "own page", "404" }, { answer.status, answer.body, answer.headers["x-seen"] })
		assert.same({ 200, 206, 404 }, seen)
	end)

	it("is an application by itself", function()
		local own = web.static(root, { types = { txt = "text/x-own" }, hidden = true, index = false })
		assert.equal("text/x-own", client.get(own, "/a.txt").headers["content-type"])
		assert.equal("h", client.get(own, "/.hidden").body)
		assert.equal(404, client.get(own, "/").status)
		assert.equal(404, client.get(own, "/../secret").status)
		assert.equal("/sub/", client.get(own, "/sub").headers.location)
		assert.equal(404, client.get(own, "//sub").status)
	end)

	it("blames the caller for wrong options", function()
		for what, fn in pairs({
			["the directory must be"] = function() web.static(nil) end,
			["unknown option lsting"] = function() web.static("x", { lsting = true }) end,
			["listing must be a boolean"] = function() web.static("x", { listing = 1 }) end,
			["the path must be a string"] = function() web.file("a\0b") end,
			["unknown option nope"] = function() web.file("a", { nope = 1 }) end,
			["root must be a string"] = function() web.file("a", { root = 1 }) end,
		}) do
			local err = support.raises(fn)
			support.contains(what, err)
			support.contains("web_static_spec.lua:", err)
		end
	end)
end)

describe("web.file", function()
	local dir

	before_each(function()
		dir = assert(fs.tempdir())
		fs.write(dir.path .. "/report.pdf", "pdf")
	end)

	after_each(function()
		dir:close()
	end)

	local function app_with(handler)
		local app = web.app()
		app:get("/", handler)
		return app
	end

	it("is a response like any other", function()
		local app = app_with(function()
			return web.file(dir.path .. "/report.pdf", { download = true, cache = 0 }):header("x-a", "b")
		end)
		local answer = client.get(app, "/")
		assert.same({ 200, "pdf", "application/pdf", 'attachment; filename="report.pdf"', "no-cache", "b" }, {
			answer.status, answer.body, answer.headers["content-type"], answer.headers["content-disposition"],
			answer.headers["cache-control"], answer.headers["x-a"],
		})
		assert.equal("df", client.get(app, "/", { range = "bytes=1-" }).body)
	end)

	it("has names that need care", function()
		local file = require("moonloop.web.file")
		assert.equal('attachment; filename="a b.txt"', file.disposition("a b.txt"))
		assert.equal([[attachment; filename="__ _.txt"; filename*=UTF-8''%C3%A4%20%22.txt]],
			file.disposition('ä ".txt'))
	end)

	it("answers 404 for what is not there, with middleware or without", function()
		for _, path in ipairs({ "/none", "", "/report.pdf/x" }) do
			local app = app_with(function()
				return web.file(dir.path .. path)
			end)
			assert.equal(404, client.get(app, "/").status)
			app:use(function(req, next)
				return next(req)
			end)
			app.handle_ = false
			assert.equal(404, client.get(app, "/").status)
		end
	end)

	it("stays below a root", function()
		local app = app_with(function(req)
			return web.file(req.query.name, { root = dir.path })
		end)
		assert.equal("pdf", client.get(app, "/?name=report.pdf").body)
		for _, name in ipairs({ "../../etc/passwd", "/etc/passwd", "x" }) do
			assert.equal(404, client.get(app, "/?name=" .. name).status)
		end
	end)

	it("can be the page of an error", function()
		local app = web.app()
		app:on_error(404, function()
			return web.file(dir.path .. "/report.pdf", { status = 404 })
		end)
		local answer = client.get(app, "/none", { range = "bytes=0-0" })
		assert.same({ 404, "pdf" }, { answer.status, answer.body })
	end)
end)

describe("web.conditional", function()
	it("answers 304 for what handlers make", function()
		local app = web.app()
		app:use(web.conditional({ etag = true }))
		app:get("/", function()
			return "hello"
		end)
		app:get("/own", function()
			return web.text("x"):etag("v1", true)
		end)
		local first = client.get(app, "/")
		assert.equal("hello", first.body)
		local answer = client.get(app, "/", { ["if-none-match"] = first.headers.etag })
		assert.same({ 304, "" }, { answer.status, answer.body })
		assert.equal('W/"v1"', client.get(app, "/own").headers.etag)
		assert.equal(304, client.get(app, "/own", { ["if-none-match"] = '"v1"' }).status)
		assert.equal(412, client.get(app, "/own", { ["if-match"] = '"v2"' }).status)
		support.contains("unknown option", support.raises(web.conditional, { nope = true }))
		support.contains("res:etag", support.raises(function()
			web.text("x"):etag('a"b')
		end))
	end)
end)

describe("moonloop serve", function()
	local serve = require("moonloop.tools.serve")

	it("serves a directory, with lists and compression", function()
		local dir = assert(fs.tempdir())
		fs.mkdir(dir.path .. "/sub")
		fs.write(dir.path .. "/a.txt", ("moon "):rep(1000))
		local app = serve(dir.path)
		support.contains('<a href="./sub/">sub/</a>', client.get(app, "/").body)
		local answer = client.get(app, "/a.txt", { ["accept-encoding"] = "gzip" })
		assert.same({ 200, "gzip", "no-cache" }, { answer.status, answer.headers["content-encoding"],
			answer.headers["cache-control"] })
		assert.equal(404, client.get(app, "/docs").status)
		assert.equal(404, client.get(app, "/openapi.json").status)
		dir:close()
	end)

	it("does not start without one", function()
		local code, out = support.check('return require("moonloop.tools.serve")("/no/such/directory")')
		assert.equal(3, code)
		support.contains("/no/such/directory: No such file or directory", out)
		code, out = support.check('return require("moonloop.tools.serve")("/etc/passwd")')
		assert.equal(3, code)
		support.contains("/etc/passwd: it is no directory", out)
	end)
end)
