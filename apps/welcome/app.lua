--- The page that `make run` shows: what moonloop is, what to try next, and facts about the worker.
-- `/` is HTML, `/facts` the same facts as JSON (the page asks for them every two seconds).
local lasgi = require "moonloop.lasgi"
local page = require "page"
local worker = require "moonloop.worker"

-- Inline style and script, and nothing from elsewhere.
local POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
	.. "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

local function html(status, body)
	return {
		type = "http.response.start",
		status = status,
		headers = {
			{ "content-type", "text/html; charset=utf-8" },
			{ "cache-control", "no-store" },
			{ "content-security-policy", POLICY },
			{ "referrer-policy", "no-referrer" },
			{ "x-content-type-options", "nosniff" },
		},
		body = body,
	}
end

local function json(body)
	return {
		type = "http.response.start",
		status = 200,
		headers = {
			{ "content-type", "application/json" },
			{ "cache-control", "no-store" },
			{ "x-content-type-options", "nosniff" },
		},
		body = body,
	}
end

local function not_allowed()
	return {
		type = "http.response.start",
		status = 405,
		headers = {
			{ "content-type", "text/plain; charset=utf-8" },
			{ "allow", "GET, HEAD" },
		},
		body = "This page answers GET and HEAD.\n",
	}
end

local routes = {
	["/"] = function(scope) return html(200, page.welcome(worker.info(), scope.root_path)) end,
	["/facts"] = function() return json(page.facts(worker.info())) end,
}

return function(scope, _receive, send)
	if scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	local path = scope.path:sub(#scope.root_path + 1)
	local route = routes[path == "" and "/" or path]
	if not route then
		send(html(404, page.missing(path, scope.root_path)))
	elseif scope.method ~= "GET" and scope.method ~= "HEAD" then
		send(not_allowed())
	else
		send(route(scope)) -- for HEAD the gateway keeps the head and drops the body
	end
end
