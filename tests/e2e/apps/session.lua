-- A form, a login, and what puts texts of the client into the response.

local web = require("moonloop.web")

local app = web.app {}
app:use(web.trace(), web.request_id(), web.security_headers(), web.session { secret = ("test"):rep(8) },
	web.csrf({ exempt = function(req)
		return req.path:find("^/echo/") ~= nil
	end }))

app:get("/form", function(req)
	return web.html(("<form method=post action=/login>%s<input name=user></form>\n"):format(req.csrf.field))
end)

app:post("/login", function(req)
	req.session:rotate()
	req.session.user = req:form().user
	return web.redirect("/me")
end)

app:post("/logout", function(req)
	req.session:clear()
	return web.redirect("/me")
end)

app:get("/me", function(req)
	require("moonloop.log").info("asked", { user = req.session.user })
	return "hello " .. (req.session.user or "stranger") .. "\n"
end)

app:post("/echo/header", function(req)
	return web.text("x"):header("x-a", req:body())
end)

app:post("/echo/name", function(req)
	return web.text("x"):header(req:body(), "x")
end)

app:post("/echo/cookie", function(req)
	return web.text("x"):cookie("a", req:body())
end)

app:post("/echo/cookie-path", function(req)
	return web.text("x"):cookie("a", "b", { path = req:body() })
end)

app:post("/echo/location", function(req)
	return web.redirect(req:body())
end)

app:post("/echo/session", function(req)
	req.session.text = require("moonloop.encoding").to_base64(req:body())
	return "x"
end)

app:post("/echo/error", function(req)
	web.error(401, "no", { headers = { ["www-authenticate"] = req:body() } })
end)

return app
