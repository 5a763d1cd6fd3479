local fs = require "moonloop.fs"
local testing = require "moonloop.testing"

local PNG = "\137PNG\r\n\26\nand so on"

describe("the blog", function()
	local app, cookies, state

	-- A request of a browser, which keeps cookies.
	local function ask(method, path, headers, body)
		local list = {}
		for name, value in pairs(cookies) do
			list[#list + 1] = name .. "=" .. value
		end
		headers.cookie = #list > 0 and table.concat(list, "; ") or nil
		local answer = testing.request(app, method, path, { headers = headers, body = body, state = state })
		for _, pair in ipairs(answer.headers) do
			local name, value = pair[2]:match("^([%w_]+)=([^;]*)")
			if pair[1] == "set-cookie" then
				cookies[name] = value
			end
		end
		return answer
	end

	local function get(path)
		return ask("GET", path, {})
	end

	-- Sends the form of a page, as multipart. A field that is a table is a file.
	local function submit(page, path, fields)
		local token = page.body:match('name="csrf_token" value="([^"]*)"')
		local parts = {}
		local function add(name, value, more)
			parts[#parts + 1] = ('--xyz\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'):format(
				name, more or "", value)
		end
		add("csrf_token", token or "")
		for name, value in pairs(fields) do
			if type(value) == "table" then
				add(name, value[1], '; filename="a.png"\r\nContent-Type: image/png')
			else
				add(name, value)
			end
		end
		local headers = { ["content-type"] = "multipart/form-data; boundary=xyz" }
		return ask("POST", path, headers, table.concat(parts) .. "--xyz--\r\n")
	end

	local function log_in()
		return submit(get("/login"), "/login", { password = "tranquility" })
	end

	local function contains(text, answer)
		assert.is_truthy(answer.body:find(text, 1, true), answer.body)
	end

	before_each(function()
		package.loaded.app, cookies = nil, {}
		app, state = require "app", { images = assert(fs.tempdir()) }
	end)
	after_each(function()
		state.images:close()
	end)

	it("is read by anybody", function()
		contains("Earthrise", get("/"))
		contains("Nobody spoke for eleven minutes.", get("/posts/2"))
		assert.same({}, cookies)
	end)

	it("has a page for what is not there", function()
		local answer = get("/posts/99")
		assert.equal(404, answer.status)
		contains("<h1>Not Found</h1>", answer)
		assert.equal(404, get("/images/none.png").status)
	end)

	it("is written by who knows the password", function()
		local answer = get("/write")
		assert.same({ 303, "/login" }, { answer.status, answer.headers.location })
		answer = submit(get("/login"), "/login", { password = "crisis" })
		assert.equal(403, answer.status)
		contains("That is not the password.", answer)
		answer = log_in()
		assert.same({ 303, "/write" }, { answer.status, answer.headers.location }) -- where we wanted to go
		answer = get("/write")
		assert.equal(200, answer.status)
		contains("Welcome back.", answer)
		assert.is_nil(get("/write").body:find("Welcome back.", 1, true)) -- said once
	end)

	it("takes no form without the token of its page", function()
		log_in()
		local answer = submit({ body = "" }, "/write", { title = "T", body = "B" })
		assert.equal(403, answer.status)
		contains("refused as a forgery", answer)
	end)

	it("keeps a post, with its image", function()
		log_in()
		local answer = submit(get("/write"), "/write", { title = "<b>", body = "One.\n\nTwo.", image = { PNG } })
		assert.same({ 303, "/posts/3" }, { answer.status, answer.headers.location })
		local page = get("/posts/3")
		contains("<h1>&lt;b&gt;</h1>", page)
		contains("<p>One.</p>\n\t<p>Two.</p>", page)
		local image = get(page.body:match('src="(/images/[^"]*%.png)"'))
		assert.same({ 200, "image/png", PNG }, { image.status, image.headers["content-type"], image.body })
	end)

	it("says what is wrong with a post, and keeps what was typed", function()
		log_in()
		local fields = { title = " ", body = "typed", image = { "<svg onload=alert(1)>" } }
		local answer = submit(get("/write"), "/write", fields)
		assert.equal(422, answer.status)
		contains("This is no PNG, JPEG, GIF or WebP.", answer)
		contains("typed</textarea>", answer)
		contains('value=" "', answer)
		fields.image = { ("x"):rep(5 * 1024 * 1024) }
		answer = submit(get("/write"), "/write", fields)
		assert.equal(413, answer.status)
	end)

	it("changes and removes posts", function()
		log_in()
		submit(get("/posts/2/edit"), "/posts/2/edit", { title = "Earthset", body = "Down it goes." })
		contains("<h1>Earthset</h1>", get("/posts/2"))
		contains("/static/earthrise.svg", get("/posts/2")) -- the old image stays
		submit(get("/posts/2"), "/posts/2/delete", {})
		assert.equal(404, get("/posts/2").status)
	end)

	it("forgets who logged out", function()
		log_in()
		submit(get("/"), "/logout", {})
		assert.equal(303, get("/write").status)
	end)
end)
