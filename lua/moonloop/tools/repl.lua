--- moonloop repl [APP]: a prompt whose inputs run as tasks.

local args = require("moonloop.tools.args")
local complete = require("moonloop.tools.complete")
local core = require("moonloop.core.task")
local edit = require("moonloop.tools.line_edit")
local errors = require("moonloop.core.errors")
local fs = require("moonloop.fs")
local lasgi = require("moonloop.core.lasgi")
local lifespan = require("moonloop.core.lifespan")
local native = require("moonloop.core.ffi")
local pretty = require("moonloop.tools.pretty")
local state = require("moonloop.core.state")
local task = require("moonloop.task")
local testing = require("moonloop.testing")
local version = require("moonloop.core.native").version

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN

local PROMPT, MORE = "> ", ">> "
local EXIT_APP = 3

-- Where the lines come from.

-- Suspends until there is something to read.
local function wait_for_input(self)
	while C.ml_console_wait() == AGAIN do
		core.wait()
		if self.interrupted then
			return false
		end
	end
	return true
end

-- A terminal: a line; nil at the end; nil, "interrupted".
local function edit_line(self, prompt)
	edit.start(prompt)
	local answer = false
	while not answer do
		if not wait_for_input(self) then
			edit.stop()
			io.stdout:write("^C\n")
			return nil, "interrupted"
		end
		answer = edit.feed()
	end
	return answer.text
end

-- Anything else: the same, without a prompt.
local function read_line(self)
	while true do
		local line, rest = self.ahead:match("^([^\n]*)\n(.*)$")
		if line then
			self.ahead = rest
			return line
		elseif self.at_end then
			line, self.ahead = self.ahead, ""
			return line ~= "" and line or nil
		elseif not wait_for_input(self) then
			return nil, "interrupted"
		end
		C.ml_console_read(piece)
		self.ahead = self.ahead .. ffi.string(piece.p, piece.n)
		self.at_end = piece.n == 0
	end
end

-- Compiling.

-- A function; nil and what is wrong, or nil, nil: it goes on in the next line.
local function compile(text)
	local expression = text:match("^%s*=(.*)$") or text
	local fn, why = loadstring("return " .. expression, "=stdin")
	if fn then -- not as a tail call, which has no line to be named in an error
		return assert(loadstring("return (...)(" .. expression .. "\n)", "=stdin"))
	end
	local statement, statement_why = loadstring(text, "=stdin")
	if statement then
		return statement
	elseif statement_why:find("'<eof>'$") or why:find("'<eof>'$") then
		return nil, nil
	end
	return nil, text:find("^%s*=") and why or statement_why
end

-- A chunk of one line or more; nil at the end; nil, text: nothing to run.
local function read_chunk(self)
	local lines = {}
	while true do
		local line, why = self.read(self, lines[1] and MORE or PROMPT)
		if line == nil then
			local unfinished = not why and lines[1] and not self.terminal
			return nil, unfinished and "the last input has no end" or why
		end
		lines[#lines + 1] = line
		local text = table.concat(lines, "\n")
		if text:find("^%s*$") then
			return nil, "empty"
		end
		local fn, wrong = compile(text)
		if fn or wrong then
			return fn, wrong, text
		end
	end
end

-- Running.

local function pack(...)
	return { n = select("#", ...), ... }
end

local function identity(...)
	return ...
end

-- What xpcall returned, but for the first.
local function show(results)
	local parts = {}
	for i = 2, results.n do
		parts[i - 1] = pretty.show(results[i])
	end
	if results.n > 1 then
		rawset(_G, "_", results[2])
		print(table.concat(parts, "\t"))
	end
end

-- What an input started goes on after it, until the prompt is left.
local function hand_over_children(main)
	local own = state.current()
	local child = own[state.CHILD]
	while child do
		local following = child[state.NEXT]
		state.orphan(child)
		state.adopt(main, child)
		child = following
	end
end

local function evaluate(fn, main, outcome)
	task.cpu_budget(0) -- there is Ctrl-C
	local results = pack(xpcall(fn, errors.note, identity))
	outcome.ok = results[1]
	if results[1] then
		hand_over_children(main)
		show(results)
	elseif C.ml_task_stopped() ~= 0 then
		C.ml_console_interrupted() -- this was it
		outcome.text = "interrupted"
	elseif task.is_cancelled(results[2]) then
		outcome.text = "interrupted"
	else
		outcome.text = errors.text(results[2])
	end
end

local function run_chunk(self, fn)
	local outcome = { ok = false, text = nil }
	local job = task.spawn(evaluate, fn, state.current(), outcome)
	self.job = job:name("input")
	C.ml_console_job(job[state.ID])
	local ok, err = pcall(job.join, job)
	C.ml_console_job(0)
	self.job, self.interrupted = nil, false
	if not outcome.ok then
		self.failed = true
		io.stdout:flush()
		io.stderr:write(outcome.text or not ok and errors.describe(err) or "interrupted", "\n")
	end
end

-- Ctrl-C: for the input that runs, else for the line that is written.
local function listen(self, main)
	while true do
		if C.ml_console_interrupted() == AGAIN then
			core.wait()
		elseif self.job then
			self.job:cancel()
		else
			self.interrupted = true
			C.ml_task_wake(main)
		end
	end
end

local function loop(self)
	local listener = task.spawn(listen, self, core.self())
	while true do
		self.interrupted = false
		local fn, why, text = read_chunk(self)
		if text and self.read == edit_line then
			edit.remember(text)
		end
		if fn then
			run_chunk(self, fn)
		elseif why == nil then
			break
		elseif why ~= "empty" and why ~= "interrupted" then
			self.failed = true
			io.stderr:write(why, "\n")
		end
	end
	listener:cancel()
	if self.terminal then
		print()
	end
end

-- Begin and end.

-- Where the history is kept, or nil. XDG base directory specification.
local function history_file()
	local home = os.getenv("HOME")
	local base = os.getenv("XDG_STATE_HOME")
	if not base or base:sub(1, 1) ~= "/" then
		base = home and home .. "/.local/state"
	end
	if base and fs.mkdir(base .. "/moonloop", { parents = true, mode = 448 }) then -- 0700
		return base .. "/moonloop/history"
	end
end

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

local function greet(config)
	print(("moonloop %s, %s. Ctrl-C stops an input, Ctrl-D leaves."):format(version, jit.version))
	if config.file or config.module then
		print(("app is %s; request(\"GET\", \"/\") calls it."):format(config.file or config.module))
	end
end

return function(words, config)
	local found, wrong = args.read(words, {})
	if not found or found[1] then
		return args.complain("repl: " .. (wrong or "unexpected \"" .. found[1] .. "\""))
	end
	local has_app = config.file or config.module
	if has_app then
		local ok, why = start_app(config)
		if not ok then
			return args.complain(("repl: %s did not start: %s"):format(has_app, why), EXIT_APP)
		end
	end
	local self = {
		terminal = C.ml_console_open() == 1,
		read = read_line,
		ahead = "", -- read from what is no terminal, and not yet taken
		at_end = false,
		job = nil, -- the input that runs
		interrupted = false, -- while a line is written
		failed = false, -- an input did
	}
	if self.terminal then
		if edit.open(complete.words, history_file()) then
			self.read = edit_line
		end
		greet(config)
	end
	loop(self)
	if has_app then
		lifespan.stop()
	end
	return not self.terminal and self.failed and 1 or 0
end
