--- moonloop repl [APP]: a prompt whose inputs run as tasks, here or in a worker that serves.

local args = require("moonloop.tools.args")
local errors = require("moonloop.core.errors")
local evaluate = require("moonloop.tools.evaluate")
local lasgi = require("moonloop.core.lasgi")
local lifespan = require("moonloop.core.lifespan")
local native = require("moonloop.core.ffi")
local prompt = require("moonloop.tools.prompt")
local state = require("moonloop.core.state")
local testing = require("moonloop.testing")
local version = require("moonloop.core.native").version

local C = native.C

local EXIT_APP = 3
local WORKERS_MAX = 256

-- Starts the application; nil and why not.
local function start_app(config)
	local ok, app = xpcall(config.load, errors.note)
	if not ok then
		return nil, errors.text(app)
	elseif not config.callable(app) then
		return nil, "it returned no application"
	end
	lasgi.app = app
	local started, why = lifespan.start(app)
	if not started then
		return nil, why
	end
	rawset(_G, "app", app)
	rawset(_G, "request", function(method, target, options)
		return testing.request(app, method, target, options)
	end)
	return true
end

local function greeting(app)
	local lines = { ("moonloop %s, %s. Ctrl-C stops an input, Ctrl-D leaves."):format(version, jit.version) }
	if app then
		lines[2] = ('app is %s; request("GET", "/") calls it.'):format(app)
	end
	return table.concat(lines, "\n")
end

local job -- the input that runs

local function run(fn)
	local outcome
	job, outcome = evaluate.start(fn, _G, 0) -- there is Ctrl-C
	C.ml_console_job(job[state.ID])
	local ok, err = pcall(job.join, job)
	C.ml_console_job(0)
	job = nil
	if outcome.stopped then
		C.ml_console_interrupted() -- this was it
	end
	return outcome.ok, outcome.text or not ok and errors.describe(err) or "interrupted"
end

local function interrupt()
	job:cancel()
end

local function main(app, config)
	if app then
		local ok, why = start_app(config)
		if not ok then
			return args.complain(("repl: %s did not start: %s"):format(app, why), EXIT_APP)
		end
	end
	local code = prompt.loop(greeting(app), run, interrupt)
	if app then
		lifespan.stop()
	end
	return code
end

return function(words, config)
	local found, wrong = args.read(words, { attach = "text", worker = "text" })
	if not found or found[1] then
		return args.complain("repl: " .. (wrong or "unexpected \"" .. found[1] .. "\""))
	end
	local app, index = config.file or config.module, tonumber(found.worker or 0)
	if not index or index < 0 or index >= WORKERS_MAX or index % 1 ~= 0 then
		return args.complain(("repl: --worker: \"%s\" is not a number from 0 to %d")
			:format(found.worker, WORKERS_MAX - 1))
	elseif found.worker and not found.attach then
		return args.complain("repl: --worker comes with --attach")
	elseif found.attach and app then
		return args.complain("repl: either APP or --attach")
	elseif found.attach then
		return require("moonloop.tools.attach")(found.attach, index)
	end
	return main(app, config)
end
