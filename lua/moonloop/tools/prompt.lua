--- The loop of a prompt: lines from a terminal or from anything else become inputs; Ctrl-C.

local complete = require("moonloop.tools.complete")
local core = require("moonloop.core.task")
local edit = require("moonloop.tools.line_edit")
local evaluate = require("moonloop.tools.evaluate")
local fs = require("moonloop.fs")
local native = require("moonloop.core.ffi")
local task = require("moonloop.task")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN

local PROMPT, MORE = "> ", ">> "

local prompt = {}

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
local function edit_line(self, text)
	edit.start(text)
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

-- An input of one line or more: a function and its text; nil at the end; nil, why there is nothing to run.
local function read_input(self)
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
		local fn, wrong = evaluate.compile(text)
		if fn or wrong then
			return fn, wrong, text
		end
	end
end

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

-- Ctrl-C: for the input that runs, else for the line that is written.
local function listen(self, main)
	while true do
		if C.ml_console_interrupted() == AGAIN then
			core.wait()
		elseif self.running then
			self.interrupt()
		else
			self.interrupted = true
			C.ml_task_wake(main)
		end
	end
end

local function fail(self, text)
	self.failed = true
	io.stdout:flush()
	io.stderr:write(text, "\n")
end

-- Whether to go on.
local function run_input(self, run, fn, text)
	self.running = true
	local ok, answer, lost = run(fn, text)
	self.running, self.interrupted = false, false
	if not ok then
		fail(self, answer)
	elseif answer ~= "" then
		print(answer)
	end
	return not lost
end

--- Asks, runs and shows until the input ends. Suspends.
-- @param greeting for a terminal
-- @param run function(fn, text): runs an input; true and a text to show, or false and what went wrong,
-- and a third value when there is no use in going on
-- @param interrupt function(): called by Ctrl-C while one runs
-- @return the exit code
function prompt.loop(greeting, run, interrupt)
	local self = {
		terminal = C.ml_console_open() == 1,
		read = read_line,
		interrupt = interrupt,
		ahead = "", -- read from what is no terminal, and not yet taken
		at_end = false,
		running = false,
		interrupted = false, -- while a line is written
		failed = false, -- an input did
	}
	if self.terminal then
		self.read = edit.open(complete.words, history_file()) and edit_line or read_line
		print(greeting)
	end
	local listener = task.spawn(listen, self, core.self())
	local going_on = true
	while going_on do
		self.interrupted = false
		local fn, why, text = read_input(self)
		if text and self.read == edit_line then
			edit.remember(text)
		end
		if fn then
			going_on = run_input(self, run, fn, text)
		elseif why == nil then
			break
		elseif why ~= "empty" and why ~= "interrupted" then
			fail(self, why)
		end
	end
	listener:cancel()
	if self.terminal and going_on then
		print()
	end
	return (not self.terminal or not going_on) and self.failed and 1 or 0
end

return prompt
