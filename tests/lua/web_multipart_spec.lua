-- Forms: every byte a cut, every limit, everything malformed; files in memory and on the disk.

local client = require("support_web")
local fs = require("moonloop.fs")
local json = require("moonloop.json")
local support = require("support")
local upload = require("moonloop.web.upload")
local web = require("moonloop.web")

local TYPE = "multipart/form-data; boundary=b42"

local function part(disposition, content, more)
	local head = "Content-Disposition: form-data; " .. disposition .. "\r\n" .. (more or "")
	return ("--b42\r\n%s\r\n%s\r\n"):format(head, content)
end

local function form(...)
	return table.concat({ ... }) .. "--b42--\r\n"
end

-- The form as JSON: fields in order, files with their contents.
local function echo(req)
	local files = json.array {}
	for _, file in ipairs(req:files()) do
		files[#files + 1] = { file.name, file.filename, file.type, file.size, (file:read()) }
	end
	req:form()
	return web.json({ fields = json.array(req.form_list_), files = files })
end

local function app_with(forms, handler)
	local app = web.app { forms = forms }
	app:post("/", handler or echo)
	return app
end

local function post(app, body, content_type)
	return client.call(app, "POST", "/", { headers = { ["content-type"] = content_type or TYPE }, body = body })
end

local function sent(forms, body, content_type)
	local answer = post(app_with(forms), body, content_type)
	return answer.status, json.decode(answer.body)
end

local function split(text, n)
	local pieces = {}
	for at = 1, #text, n do
		pieces[#pieces + 1] = text:sub(at, at + n - 1)
	end
	return pieces
end

describe("multipart", function()
	local text = form(
		part('name="a"', "one"),
		part('name="empty"', ""),
		part('name="f"; filename="x.txt"', "line\r\n--b4 not yet\r\n\r\nb42", "Content-Type: text/x\r\n"),
		part('name="a"', "two\r\n")
	)

	it("reads fields and files", function()
		local status, got = sent(nil, text)
		assert.equal(200, status)
		assert.same({ { "a", "one" }, { "empty", "" }, { "a", "two\r\n" } }, got.fields)
		assert.same({ { "f", "x.txt", "text/x", 25, "line\r\n--b4 not yet\r\n\r\nb42" } }, got.files)
	end)

	it("does not mind where it is cut", function()
		local _, whole = sent(nil, text)
		for at = 1, #text - 1 do
			local status, got = sent(nil, { text:sub(1, at), text:sub(at + 1) })
			assert.equal(200, status)
			assert.same(whole, got)
		end
		for _, n in ipairs({ 1, 2, 3, 7 }) do
			local _, got = sent(nil, split(text, n))
			assert.same(whole, got)
		end
	end)

	it("writes to the disk what is larger than it may keep in memory", function()
		local content = ("0123456789\r\n--b4"):rep(500)
		local names = {}
		local app = app_with({ memory_bytes = 100 }, function(req)
			local file = req:files()[1]
			names[1] = file.file_.path
			local pieces = {}
			for bytes in file:pieces(1000) do
				pieces[#pieces + 1] = bytes
			end
			assert.equal(content, table.concat(pieces))
			assert.equal(8, #pieces)
			assert.equal(content, file:read())
			local lines = {}
			for line in file:lines() do
				lines[#lines + 1] = line
			end
			assert.equal(501, #lines)
			assert.equal("--b40123456789\r", lines[2])
			assert.is_true(fs.exists(names[1]))
			return tostring(file.size)
		end)
		local answer = post(app, split(form(part('name="f"; filename="x"', content)), 777))
		assert.equal(200, answer.status, answer.body)
		assert.equal(tostring(#content), answer.body)
		assert.is_false(fs.exists(names[1]))
	end)

	it("moves files from memory and from the disk", function()
		local dir = assert(fs.tempdir())
		for _, memory in ipairs({ 10, 10000 }) do
			local target = dir.path .. "/to" .. memory
			local app = app_with({ memory_bytes = memory }, function(req)
				local file = req:files()[1]
				assert.is_true(file:move(target, { mode = 384 }))
				support.contains("is gone", support.raises(file.read, file))
				return "moved"
			end)
			assert.equal("moved", post(app, form(part('name="f"; filename="x"', ("y"):rep(5000)))).body)
			assert.equal(5000, #fs.read(target))
			assert.equal(384, fs.stat(target).mode)
		end
		dir:close()
	end)

	it("leaves out an input without a file", function()
		local _, got = sent(nil, form(part('name="f"; filename=""', ""), part('name="a"', "1")))
		assert.same({ {}, { { "a", "1" } } }, { { unpack(got.files) }, { unpack(got.fields) } })
	end)

	it("reads names in quotes, without, and with escapes", function()
		local _, got = sent(nil, form(
			part('name="a\\"b\\\\c\\d;e"', "1"), part("name=plain", "2"),
			part('name="f"; filename="C:\\dir\\x.txt"', "3")))
		assert.same({ { 'a"b\\c\\d;e', "1" }, { "plain", "2" } }, { unpack(got.fields) })
		assert.equal("C:\\dir\\x.txt", got.files[1][2])
	end)

	it("skips what stands around the parts, and takes padding", function()
		local padded = form(part('name="a"', "1")):gsub("b42\r\n", "b42 \t\r\n", 1)
		local status, got = sent(nil, "hello\r\n" .. padded .. "bye")
		assert.equal(200, status)
		assert.same({ "a", "1" }, got.fields[1])
	end)

	it("reads a part that ends with its head", function()
		local status, got = sent(nil, '--b42\r\nContent-Disposition: form-data; name="a"\r\n\r\n--b42--')
		assert.equal(200, status)
		assert.same({ "a", "" }, got.fields[1])
	end)

	it("answers 413 and names the limit", function()
		local function refused(limit, value, body)
			local status, got = sent({ [limit] = value }, body)
			assert.equal(413, status)
			assert.equal(limit, got.limit)
			assert.equal(200, (sent({ [limit] = value + 1 }, body)))
		end
		local a, f = part('name="a"', "12345"), part('name="f"; filename="f"', "12345")
		refused("fields", 2, form(a, a, a))
		refused("files", 1, form(f, f))
		refused("field_bytes", 4, form(a))
		refused("fields_bytes", 14, form(a, a, a))
		refused("file_bytes", 4, form(f))
		refused("head_bytes", 41, form(a))
	end)

	it("answers 400 and names the culprit", function()
		local function refused(what, body, content_type)
			local status, got = sent(nil, body, content_type)
			assert.equal(400, status)
			support.contains(what, got.detail)
		end
		local a = part('name="a"', "1")
		refused("no boundary", form(a), "multipart/form-data")
		refused("its boundary is none", form(a), 'multipart/form-data; boundary=""')
		refused("its boundary is none", form(a), "multipart/form-data; boundary=" .. ("x"):rep(71))
		refused("it has no part", "")
		refused("it has no part", "--b42")
		refused("ends within part 1", a)
		refused("ends within part 1", a:sub(1, 30))
		refused("ends within part 1", a .. "--b42")
		refused("follows the boundary that ends part 1", a .. "--b42junk\r\n")
		refused("follows the boundary that ends part 1", a .. "--b42" .. (" "):rep(100))
		refused("part 1: it has no content-disposition", "--b42\r\nX: y\r\n\r\n1\r\n--b42--")
		refused("part 1: it has no content-disposition", "--b42\r\n\r\n1\r\n--b42--")
		refused("part 2: it has no name", form(a, part('filename="x"', "1")))
		refused("no closing quote", form(part('name="a', "1")))
		refused("name is there twice", form(part('name="a"; name="b"', "1")))
		refused("is no parameter", form(part('name="a"; junk', "1")))
		refused("is no header field", form(part('name="a"', "1", "no colon\r\n")))
		refused("must be form-data", "--b42\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b42--")
		refused("base64 is not allowed", form(part('name="a"', "1", "Content-Transfer-Encoding: base64\r\n")))
	end)

	it("forgets the files of a form that fails", function()
		local dir = assert(fs.tempdir())
		local cut = part('name="f"; filename="x"', ("y"):rep(1000))
		assert.equal(400, (sent({ memory_bytes = 10, dir = dir.path }, cut)))
		assert.equal(0, #fs.listdir(dir.path))
		dir:close()
	end)

	it("quotes what is no UTF-8", function()
		local status, got = sent(nil, form(part('name="a"; \255', "1")))
		assert.equal(400, status)
		support.contains('"; ?" is no parameter', got.detail)
		assert.equal(415, (sent(nil, "", "text/\255")))
	end)

	it("counts inputs without a file, too", function()
		local nothing = part('name="f"; filename=""', "")
		assert.equal(200, (sent({ fields = 1, files = 2 }, form(nothing, nothing, nothing))))
		local status, got = sent({ fields = 1, files = 2 }, form(nothing, nothing, nothing, nothing))
		assert.same({ 413, "the form has more than 3 parts" }, { status, got.detail })
	end)

	it("survives broken forms", function()
		local app = app_with({ memory_bytes = 8 }, function(req)
			return tostring(#req:files())
		end)
		math.randomseed(42)
		for _ = 1, 1000 do
			local bytes = { text:byte(1, -1) }
			for _ = 1, math.random(3) do
				bytes[math.random(#bytes)] = math.random(0, 255)
			end
			local answer = post(app, split(string.char(unpack(bytes)), math.random(1, 100)))
			if answer.status ~= 200 and answer.status ~= 400 then
				error(("%d for %q"):format(answer.status, string.char(unpack(bytes))))
			end
		end
	end)

	it("forgets the files when the client leaves", function()
		local dir = assert(fs.tempdir())
		local app = app_with({ memory_bytes = 8, dir = dir.path })
		local body = part('name="f"; filename="x"', ("y"):rep(1000))
		local asked = 0
		local status
		app({
			type = "http", method = "POST", path = "/", raw_path = "/", query_string = "", root_path = "",
			headers = { ["content-type"] = TYPE }, state = {}, extensions = {},
		}, function()
			asked = asked + 1
			if asked == 1 then
				return { type = "http.request", body = body, more_body = true }
			end
			assert.equal(1, #fs.listdir(dir.path))
			return { type = "http.disconnect", reason = "closed" }
		end, function(message)
			status = message.status
			return true
		end)
		assert.equal(400, status)
		assert.equal(0, #fs.listdir(dir.path))
		dir:close()
	end)

	it("takes limits from the route before those of the application", function()
		local app = web.app { forms = { fields = 1, files = 1 } }
		app:post("/", { forms = { fields = 2 } }, echo)
		local a, f = part('name="a"', "1"), part('name="f"; filename="f"', "1")
		assert.equal(200, post(app, form(a, a)).status)
		assert.equal(413, post(app, form(a, a, a)).status)
		assert.equal(413, post(app, form(f, f)).status)
	end)

	it("counts the fields of other forms, and of query strings", function()
		local urlencoded = "application/x-www-form-urlencoded"
		assert.equal(200, (sent({ fields = 2 }, "a=1&b=2", urlencoded)))
		local status, got = sent({ fields = 2 }, "a=1&b=2&c=3", urlencoded)
		assert.same({ 413, "fields" }, { status, got.limit })
		local app = web.app()
		app:get("/", function(req)
			return tostring(req.query.a)
		end)
		assert.equal(200, client.get(app, "/?" .. ("a=1&"):rep(1000)).status)
		assert.equal(414, client.get(app, "/?" .. ("a=1&"):rep(1001)).status)
	end)

	it("refuses unknown limits where they are given", function()
		support.begins(support.line(1), support.raises(function()
			web.app { forms = { nonsense = 1 } }
		end))
		support.contains("forms: files must be a number", support.raises(function()
			web.app():post("/", { forms = { files = "many" } }, echo)
		end))
	end)

	it("answers 503 when the disk fails", function()
		local app = app_with({ memory_bytes = 10, dir = "/no/such/directory" })
		local answer = post(app, form(part('name="f"; filename="x"', ("y"):rep(1000))))
		assert.equal(503, answer.status)
		assert.is_nil(answer.body:find("/no/such", 1, true))
	end)

	it("makes safe names", function()
		for given, expected in pairs({
			["x.txt"] = "x.txt",
			["../../etc/passwd"] = "passwd",
			["C:\\dir\\my file (1).txt"] = "my_file__1_.txt",
			[".htaccess"] = "htaccess",
			[""] = "file",
			[".."] = "file",
			["a/"] = "file",
			["-rf"] = "rf",
			["con.txt"] = "file_con.txt",
			["LPT1"] = "file_LPT1",
			["a\0b\nc"] = "a_b_c",
			["mond 月.png"] = "mond_月.png",
			["bad\255.png"] = "bad_.png",
			["end..."] = "end",
			[("x"):rep(300) .. ".jpeg"] = ("x"):rep(123) .. ".jpeg",
		}) do
			assert.equal(expected, upload.safe_name(given))
		end
	end)
end)
