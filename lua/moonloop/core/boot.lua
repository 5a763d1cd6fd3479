--- Runs once per Lua state of a worker: takes the application's whereabouts, gives C `task_main`.

local native = require("moonloop.core.ffi")
local co = require("moonloop.core.coroutine")
local task = require("moonloop.core.task")
local errors = require("moonloop.core.errors")
local lasgi = require("moonloop.core.lasgi")
local lifespan = require("moonloop.core.lifespan")
local sources = require("moonloop.core.sources")
local log = require("moonloop.log")
local blocking = require("moonloop.core.blocking")

require = require("moonloop.core.require") -- luacheck: ignore 121
blocking.install()

local C = native.C
local note, CANCELLED = errors.note, errors.CANCELLED

-- The kinds of enum task_kind (server/runtime/task.h).
local REQUEST, SPAWNED, BOOT, NOTICE, SHUTDOWN, SERVICE = 1, 2, 3, 4, 5, 6

local config -- {file=, module=, root_path=, tool=, words=, blocking_warnings=, alone=, …}

local control -- the task that lets `moonloop repl --attach` in

-- Loading.

local function load_app()
	if config.module then
		return require(config.module)
	end
	local chunk, err = loadfile(config.file)
	if not chunk then
		error(err, 0)
	end
	return chunk()
end

local function callable(app)
	if type(app) == "function" then
		return true
	end
	local mt = type(app) == "table" and getmetatable(app)
	return mt and mt.__call ~= nil
end

local function watch()
	if config.reload then
		require("moonloop.core.reload").start(config.reload)
	end
end

-- moonloop dev serves the reason in the application's place, if there is no older code that could be
-- served; whoever watches files hears which ones could mend it. A start that was given up has been
-- logged.
local function start_failed(text, err)
	if C.ml_task_must_stop() ~= 0 then
		return
	end
	log.error("app.start_failed", { app = config.file or config.module, traceback = text })
	if config.dev and config.alone then
		lasgi.entry = require("moonloop.dev").broken(text, err)
		C.ml_ready(1)
		watch()
		return
	elseif config.dev then
		require("moonloop.dev").failed(text, err)
	elseif config.reload then
		local news = require("moonloop.core.news")
		news.post(news.BROKEN, "\0" .. table.concat(sources.tried(), "\n"))
	end
	C.ml_start_failed()
end

-- A command that is written in Lua, in place of an application.
local function run_tool()
	config.load, config.callable = load_app, callable
	local ok, result = xpcall(require("moonloop.tools." .. config.tool), note, config.words, config)
	if not ok then
		log.error("runtime.error", { traceback = errors.text(result) })
	end
	C.ml_tool_done(ok and result or 1)
end

local function boot()
	if config.tool then
		return run_tool()
	end
	if config.dev or config.reload then
		sources.start()
	end
	local dev = config.dev and require("moonloop.dev") -- before the application: it looks at errors
	local ok, app = xpcall(load_app, note)
	if not ok then
		return start_failed(errors.text(app), app)
	end
	if not callable(app) then
		return start_failed(("%s returned %s; an application file ends with: return function(scope, receive, send)"
			.. " ... end"):format(config.file or config.module, app == nil and "nothing" or "a " .. type(app)))
	end
	lasgi.app = app
	lasgi.entry = dev and dev.wrap(app) or app
	local started, why = lifespan.start(app)
	if not started then
		return start_failed(why)
	end
	blocking.serving(config.blocking_warnings)
	C.ml_ready(0)
	watch()
	if config.control then
		control = task.background(require("moonloop.tools.control").serve)
	end
end

-- Younger code serves now, or none will.
local function notice()
	if control then
		control:cancel()
	end
	if config.reload then
		require("moonloop.core.reload").stop()
	end
	if config.dev then
		require("moonloop.dev").drain()
	end
	lifespan.notice()
end

local function shutdown()
	blocking.resting()
	lifespan.stop()
	C.ml_shutdown_done()
end

-- One task.

local function request_failed(ex, err)
	if err == CANCELLED and C.ml_task_must_stop() ~= 0 then
		return false
	end
	if C.ml_task_stopped() == 0 then
		lasgi.log_error(ex, errors.text(err))
	end
	return true
end

-- true when the task failed
local function run(kind, id, arg)
	if kind == REQUEST then
		local ok, err = xpcall(lasgi.run, note, arg)
		return not ok and request_failed(arg, err)
	elseif kind == SPAWNED or kind == SERVICE then
		local ok, err = task.run_spawned(id)
		if not ok then
			task.unheard(errors.text(err), C.ml_task_stopped() ~= 0, id)
		end
		return not ok
	end
	local fn = kind == BOOT and boot or kind == NOTICE and notice or kind == SHUTDOWN and shutdown
	local ok, err = xpcall(fn, note)
	if not ok and err ~= CANCELLED and C.ml_task_stopped() == 0 then
		log.error("runtime.error", { traceback = errors.text(err) })
	end
	return not ok
end

--- The body of every trampoline: one task after the other.
local function task_main(kind, id, arg)
	local done, ended = co.done, task.ended
	while true do
		local failed = run(kind, id, arg)
		ended(id)
		kind, id, arg = done(failed)
	end
end

return function(app_config)
	config = app_config
	lasgi.root_path = config.root_path
	return task_main, co.WAIT, co.DONE
end
