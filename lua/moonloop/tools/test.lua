--- moonloop test [PATH...]: runs busted's specs inside the gateway, where they may wait.

local args = require("moonloop.tools.args")
local fs = require("moonloop.fs")
local native = require("moonloop.core.native")
local task = require("moonloop.task")
local time = require("moonloop.time")

local TEST_SECONDS = 10 -- what a test may take
local BLOCK_SECONDS = 60 -- and any other block: before_each, setup, the body of a describe
local PATTERN = "_spec%.lua$"
local DEFAULTS = { "tests", "spec" }

local MISSING = [[
moonloop: test: busted is not installed; on Debian: apt-get install lua-busted
	elsewhere: luarocks install busted
]]

-- What to run.

local function find_specs(path, found)
	local facts, _, detail = fs.stat(path)
	if facts == nil then
		return detail
	elseif facts.type ~= "dir" then
		found[#found + 1] = path
		return nil
	end
	for _, entry in ipairs(fs.listdir(path) or {}) do
		local below = path .. "/" .. entry.name
		local why
		if entry.type == "dir" and not entry.name:find("^%.") then
			why = find_specs(below, found)
		elseif entry.type ~= "dir" and entry.name:find(PATTERN) then
			found[#found + 1] = below
		end
		if why then
			return why
		end
	end
	return nil
end

-- The files; nil and one line.
local function files_of(paths)
	if #paths == 0 then
		for _, dir in ipairs(DEFAULTS) do
			paths[#paths + 1] = fs.exists(dir) and dir or nil
		end
		if #paths == 0 then
			return nil, "neither tests nor spec is here; name a file or a directory"
		end
	end
	local found = {}
	for _, path in ipairs(paths) do
		local why = find_specs((path:gsub("(.)/+$", "%1")), found)
		if why then
			return nil, why
		end
	end
	if #found == 0 then
		return nil, "no *_spec.lua in " .. table.concat(paths, " ")
	end
	return found
end

-- Modules beside a spec are its own.
local function extend_path(files)
	local seen, dirs = {}, {}
	for _, file in ipairs(files) do
		local dir = file:match("^(.*)/") or "."
		if not seen[dir] then
			seen[dir] = true
			dirs[#dirs + 1] = dir .. "/?.lua;"
		end
	end
	package.path = table.concat(dirs) .. package.path
end

-- busted forgets what a spec file was the first to require. Of the runtime's modules there must be one.
local function load_runtime()
	for _, name in ipairs(native.bundle_names()) do
		local is_command = name:find("^moonloop%.tools%.") or name:find("^moonloop%.dev")
		if name:find("^moonloop") and not is_command then
			require(name)
		end
	end
end

-- Running it.

local function load_files(busted, files)
	local loader = require("busted.modules.files.lua")
	for _, name in ipairs(files) do
		local body, get_trace = loader.load(busted, name)
		if body then
			busted.executors.file(name, setmetatable({ getTrace = get_trace }, { __call = body }))
		end
	end
end

local function count_failures(busted, counts)
	busted.subscribe({ "error", "output" }, function(element)
		counts.no_output = element.name
		return nil, true
	end)
	for _, kind in ipairs({ "error", "failure" }) do
		busted.subscribe({ kind }, function()
			counts.failed = counts.failed + 1
			return nil, true
		end)
	end
	busted.subscribe({ "test", "end" }, function()
		counts.seen = counts.seen + 1
		return nil, true
	end)
end

local function set_output(busted, name)
	local plain = name == nil and not require("term").isatty(io.stdout)
	name = name or plain and "plainTerminal" or "utfTerminal"
	require("busted.modules.output_handler_loader")()(busted, name, {
		defaultOutput = "plainTerminal",
		verbose = true,
		language = "en",
		arguments = {},
	})
end

local function set_filter(busted, patterns)
	require("busted.modules.filter_loader")()(busted, {
		tags = {}, excludeTags = {}, filter = patterns, filterOut = {},
	})
end

local function prepare(options, counts)
	local busted = require("busted.core")()
	require("busted")(busted)
	count_failures(busted, counts)
	set_output(busted, options.output)
	require("busted.luajit")()
	set_filter(busted, options.filter or {})
	return busted, require("moonloop.tools.test_tasks").install(busted, options.timeout or TEST_SECONDS)
end

local function run(busted, files)
	task.cpu_budget(0) -- each test has its own
	load_files(busted, files)
	require("busted.execute")(busted)(1, {})
	busted.publish({ "exit" })
end

-- Waits for the end of the runner; one line when that does not come.
local function await(runner, watched)
	local last, since = nil, time.now()
	while not runner:ended() do
		task.sleep(0.01)
		if watched.progress ~= last then
			last, since = watched.progress, time.now()
		end
		if watched.stuck then
			return watched.stuck
		elseif time.now() - since > watched.seconds + BLOCK_SECONDS then
			return ("nothing has happened for %g s, after %s"):format(time.now() - since, watched.last)
		end
	end
end

local function main(options, files)
	local counts = { failed = 0, seen = 0, no_output = nil }
	local busted, watched = prepare(options, counts)
	if counts.no_output then
		return args.complain(("test: busted has no output \"%s\""):format(counts.no_output))
	end
	local runner = task.spawn(run, busted, files)
	local why = await(runner, watched)
	io.stdout:flush()
	if why then
		return args.complain("test: " .. why, 1)
	end
	runner:join()
	if counts.failed == 0 and counts.seen == 0 then
		return args.complain("test: no test ran")
	end
	return counts.failed == 0 and 0 or 1
end

return function(words)
	local options, why = args.read(words, { filter = "list", output = "text", timeout = "time" })
	local files
	if options then
		files, why = files_of(options)
	end
	if not files then
		return args.complain("test: " .. why)
	elseif not pcall(require, "busted.core") then
		io.stderr:write(MISSING)
		return 1
	end
	load_runtime()
	extend_path(files)
	return main(options, files)
end
