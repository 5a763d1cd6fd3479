--- A blog: templates, a login, forms, an image for each post. The password is "tranquility".
--
-- $ moonloop run examples/blog/app.lua
-- $ curl -s http://127.0.0.1:8000/ | grep -o '<h2>.*'
-- <h2><a href="/posts/2">Earthrise</a></h2>
-- <h2><a href="/posts/1">Bootprints keep</a></h2>
-- $ curl -s -o /dev/null -w '%{http_code} %{content_type}\n' http://127.0.0.1:8000/static/style.css
-- 200 text/css; charset=utf-8
-- $ curl -s -o /dev/null -w '%{http_code} %header{location}\n' http://127.0.0.1:8000/write
-- 303 /login
-- $ curl -s -o /dev/null -w '%{http_code}\n' -d password=tranquility http://127.0.0.1:8000/login
-- 403

local crypto = require "moonloop.crypto"
local fs = require "moonloop.fs"
local Posts = require "posts"
local web = require "moonloop.web"
local s = web.schema

local HERE = debug.getinfo(1, "S").source:match("^@(.*)/") or "."

-- What crypto.hash_password made of the password.
local PASSWORD = os.getenv "BLOG_PASSWORD"
	or "$scrypt$ln=15,r=8,p=3$h56ZaU1F+Rw9F1KwfQVKyA$5cXkicyK21s4EIfv2z0OomdHyNe7n+wMLRcZ5/4EBEg"
-- Without one of its own, each worker forgets who was logged in when it ends.
local SECRET = os.getenv "BLOG_SECRET" or crypto.random_bytes(32)

local Post = s.object {
	title = s.string { min = 1, max = 80, pattern = [[\S]] },
	body = s.string { min = 1, max = 20000, pattern = [[\S]] },
}

local posts = Posts.new()
local views = web.views(HERE .. "/views", { globals = { date = Posts.date, paragraphs = Posts.paragraphs } })

local app = web.app { openapi = false, forms = { files = 1, file_bytes = 4 * 1024 * 1024 } }
app:use(web.security_headers(), web.session { secret = SECRET }, web.csrf())
app:mount("/static", web.static(HERE .. "/static", { cache = 3600 }))

-- Images live as long as the worker.
app:on_start(function(state)
	state.images = assert(fs.tempdir())
end)

local function page(req, name, vars, status)
	vars.req, vars.root = req, req.scope.root_path
	vars.flash = req.session:take("flash")
	return views(name, vars, status)
end

local function go(req, name, params, flash)
	req.session.flash = flash
	return web.redirect(req:url_for(name, params))
end

app:on_error(web.HttpError, function(req, err)
	return page(req, "error.html", { err = err }, err.status)
end)

-- To read.

app:get("/", { name = "home" }, function(req)
	return page(req, "home.html", { posts = posts:newest_first() })
end)

app:get("/posts/{id:int}", { name = "post" }, function(req)
	return page(req, "post.html", { post = posts:get(req.params.id) or web.error(404) })
end)

app:get("/images/{name}", function(req)
	return web.file(req.params.name, { root = req.state.images.path, cache = "immutable" })
end)

-- To log in.

app:get("/login", { name = "login" }, function(req)
	return page(req, "login.html", {})
end)

app:post("/login", { use = { web.rate_limit { limit = 10, per = 60 } } }, function(req)
	local good, code = crypto.verify_password(req:form().password or "", PASSWORD)
	if good == nil then
		web.error(503, "Too many people log in just now: " .. code)
	elseif not good then
		return page(req, "login.html", { wrong = true }, 403)
	end
	req.session:rotate()
	req.session.author = true
	req.session.flash = "Welcome back."
	return web.redirect(req.session:take("wanted") or req:url_for("home"))
end)

app:post("/logout", function(req)
	req.session:clear()
	return go(req, "home", nil, "Until next time.")
end)

-- To write: for the author only.

local function author_only(req, next)
	if req.session.author then
		return next(req)
	end
	req.session.wanted = req.method == "GET" and req.scope.root_path .. req.path or nil
	return go(req, "login", nil, "Please log in first.")
end

-- Makes the post of a form, or changes it.
local function save(req, post)
	local form, upload = req:form(), req:files()[1]
	local fields, _, faults = Post:check(form, "text")
	local ending = upload and Posts.image_ending(upload:pieces(16)() or "")
	if faults or upload and not ending then
		local wrong = { image = upload and not ending and "is no PNG, JPEG, GIF or WebP" }
		for _, fault in ipairs(faults or {}) do
			wrong[fault.pointer:sub(2)] = fault.detail
		end
		return page(req, "edit.html", { post = post, form = form, wrong = wrong }, 422)
	end
	if upload then
		local name = crypto.random_id() .. "." .. ending
		assert(upload:move(req.state.images.path .. "/" .. name))
		fields.image = "/images/" .. name
	end
	post = posts:put(post, fields)
	return go(req, "post", { id = post.id }, "Saved.")
end

app:group("", { use = { author_only } }, function(author)
	author:get("/write", { name = "write" }, function(req)
		return page(req, "edit.html", { form = {}, wrong = {} })
	end)
	author:post("/write", function(req)
		return save(req, nil)
	end)
	author:get("/posts/{id:int}/edit", { name = "edit" }, function(req)
		local post = posts:get(req.params.id) or web.error(404)
		return page(req, "edit.html", { post = post, form = post, wrong = {} })
	end)
	author:post("/posts/{id:int}/edit", function(req)
		return save(req, posts:get(req.params.id) or web.error(404))
	end)
	author:post("/posts/{id:int}/delete", { name = "delete" }, function(req)
		posts:remove(req.params.id)
		return go(req, "home", nil, "Gone.")
	end)
end)

return app
