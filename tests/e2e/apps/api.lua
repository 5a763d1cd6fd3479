--- An API that declares everything that a document can show.
local web = require "moonloop.web"
local s = web.schema

local app = web.app { title = "Planets", version = "1.2.0", description = "About *planets*." }
app:security_scheme("key", {
	type = "apiKey",
	["in"] = "header",
	name = "x-key",
	authenticate = function(req)
		return req.headers["x-key"]
	end,
})

local Planet = s.object({
	name = s.string { min = 1, max = 40, examples = { "Mars" } },
	kind = s.enum { "rock", "gas" },
	moons = s.array(s.ref "Planet"):optional(),
	mass = s.number({ above = 0, description = "In Earths." }):nullable(),
}, { description = "A planet, or one of its moons." }):named "Planet"

local Found = s.union({
	s.object { type = s.literal "planet", planet = Planet }:named "FoundPlanet",
	s.object { type = s.literal "nothing" }:named "FoundNothing",
}, { by = "type" })

app:get("/greet/{name}", {
	summary = "Greets",
	tags = { "people" },
	params = { name = s.string { max = 10 } },
	query = { times = s.integer { min = 1, max = 3 }:default(1), loud = s.boolean():optional() },
	response = s.object { greeting = s.string() },
}, function(req)
	local text = ("hello " .. req.params.name .. " "):rep(req.query.times):sub(1, -2)
	return { greeting = req.query.loud and text:upper() or text }
end)

app:group("/planets", { tags = { "planets" }, security = { "key" } }, function(group)
	group:post("", {
		name = "add_planet",
		body = Planet,
		response = {
			[201] = { schema = Planet, headers = { location = s.string { format = "uri-reference" } } },
			[409] = { description = "It is there already." },
		},
		examples = { body = { Mars = { name = "Mars", kind = "rock", mass = 0.1 } } },
	}, function(req)
		return 201, req:json(), { location = "/planets/" .. req:json().name }
	end)

	group:get("/{name}", {
		headers = { ["X-Lang"] = s.enum { "en", "de" }:default "en" },
		cookies = { seen = s.integer():optional() },
		query = { tag = s.array(s.string(), { max = 5 }):optional() },
		response = { [200] = Found, default = { description = "Anything else." } },
		security = { { key = {} }, {} },
	}, function()
		return { type = "nothing" }
	end)

	group:delete("/{id:int}", { deprecated = true, description = "Do not." }, function() end)
end)

app:post("/form", {
	body = {
		type = "application/x-www-form-urlencoded",
		schema = s.object { n = s.integer(), tag = s.array(s.string()) },
	},
}, function(req)
	return req:form()
end)

app:any("/any/{rest:path}", function(req)
	return req.method
end)

app:get("/hidden", { hidden = true }, function()
	return "not shown"
end)

return app
