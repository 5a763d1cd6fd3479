--- moonloop dev: what stands around the application while somebody writes it. Pages for errors, the
-- script of live reload in its pages. `moonloop run` never loads this module.
--
-- An error is shown where nothing of the response went out; where a part did, the connection ends as it
-- would in `moonloop run`, and open pages show the error over what they have.

local errors = require("moonloop.core.errors")
local inject = require("moonloop.dev.inject")
local lasgi = require("moonloop.core.lasgi")
local live = require("moonloop.dev.live")
local log = require("moonloop.log")
local native = require("moonloop.core.ffi")
local page = require("moonloop.dev.page")
local report = require("moonloop.dev.report")
local sources = require("moonloop.core.sources")
local text = require("moonloop.dev.text")
local version = require("moonloop.core.native").version

local C = native.C

local dev = {}

local RAISED = { status = 500, title = "The application raised an error" }
local INCOMPLETE = {
	status = 500,
	title = "No response",
	hint = "send{} answers, return values do not. Does every way through the function call send?",
}
local STOPPED = {
	status = 503,
	title = "Stopped by the CPU guard",
	hint = "Work of that kind belongs into moonloop.thread; --cpu-budget and task.cpu_budget set the limit.",
}
local START = { status = 500, title = "The application does not start" }

local function kind_with(kind, request)
	return { status = kind.status, title = kind.title, hint = kind.hint, request = request }
end

local CONTENT_TYPES = {
	html = "text/html; charset=utf-8",
	json = "application/json",
	text = "text/plain; charset=utf-8",
}

-- What this page may do, should something hostile come through for all that.
local POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self';"
	.. " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

local function render(r, form, broken)
	if form == "json" then
		return text.json(r)
	elseif form == "text" then
		return text.plain(r)
	end
	return page.html(r, version, live.markup(broken and (' data-broken="%s"'):format(page.escape(r.message))))
end

-- The gateway's send raises when a part of a response has gone out, or the task is cancelled.
local function answer(scope, send, r, broken)
	local form = text.form(scope.headers.accept)
	local headers = { { "content-type", CONTENT_TYPES[form] }, { "cache-control", "no-store" } }
	if form == "html" then
		headers[#headers + 1] = { "content-security-policy", POLICY }
	end
	C.ml_ex_unstart(scope.exchange_)
	return pcall(send, {
		type = "http.response.start",
		status = r.status,
		headers = headers,
		body = render(r, form, broken),
	})
end

local function failed(scope, send, state, err)
	local stopped = C.ml_task_stopped() ~= 0
	local trace = errors.text(err)
	local r = report.of(err, trace, errors.noted(err),
		kind_with(stopped and STOPPED or RAISED, report.request(scope)), sources.files())
	if state.begun then
		live.raised(report.brief(r))
		error(err, 0) -- which the gateway logs, and then ends the connection
	elseif not stopped then -- that was logged when it happened
		lasgi.log_error(scope.exchange_, trace)
	end
	answer(scope, send, r)
end

local function incomplete(scope, send)
	log.error("app.incomplete", {
		method = scope.method,
		path = scope.path,
		message = "the application returned without a response: 500 was sent (send answers, return values do not)",
	})
	local message = ("%s %s was not answered: the application returned without a response"):format(scope.method,
		scope.path)
	answer(scope, send, report.of(nil, message, nil, kind_with(INCOMPLETE, report.request(scope))))
end

--- The application as moonloop dev serves it.
function dev.wrap(app)
	return function(scope, receive, send)
		if scope.type ~= "http" then
			return app(scope, receive, send)
		elseif live.owns(scope.path) then
			return live.serve(scope, send)
		end
		local outer, state = inject.wrap(scope, send, live.markup())
		local ok, err = xpcall(app, errors.note, scope, receive, outer)
		if not ok then
			if live.is_end(err) then
				error(err, 0)
			end
			return failed(scope, send, state, err)
		elseif not state.begun and C.ml_ex_gone(scope.exchange_) == 0 then
			incomplete(scope, send)
		end
	end
end

--- Tells open pages, and who watches files, that this code does not start.
-- @param trace message and traceback, as in the log
-- @param err what was raised, or nil
-- @return the report
function dev.failed(trace, err)
	local r = report.of(err, trace, err ~= nil and errors.noted(err) or nil, START, sources.files())
	live.failed(report.brief(r), sources.tried())
	return r
end

--- An application in the place of one that does not start: it shows why, whatever is asked for.
function dev.broken(trace, err)
	local r = dev.failed(trace, err)
	live.broken = report.brief(r)
	return function(scope, _, send)
		if scope.type ~= "http" then
			return
		elseif live.owns(scope.path) then
			return live.serve(scope, send)
		end
		answer(scope, send, r, true)
	end
end

--- A drain began: a browser that comes again by an old connection is sent to whoever serves now.
function dev.drain()
	live.draining = true
end

errors.capture = require("moonloop.dev.capture")

return dev
