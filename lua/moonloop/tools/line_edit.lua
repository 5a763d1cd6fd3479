--- Line editing by libedit (BSD licence; readline's is the GPL), by its callback interface: it is given
-- a character at a time, when there is one. Loaded when it is first needed, so a gateway that serves
-- does without it. There is one line editor in a process.

local native = require("moonloop.core.ffi")

local ffi = native.ffi

local HISTORY_MAX = 1000 -- lines
local LC_CTYPE = 0
local NOW_FOR_GOOD = 4098 -- RTLD_NOW + RTLD_NODELETE: the end of the Lua state does not unload it
local LIBRARIES = { "libedit.so.2", "libedit.so.0", "libedit.so" } -- on Debian, elsewhere, with its headers

ffi.cdef([[
typedef void ml_edit_line(char *);
typedef char *ml_edit_next(const char *, int);
typedef char **ml_edit_matches(const char *, int, int);
extern ml_edit_matches *rl_attempted_completion_function;
extern int rl_attempted_completion_over, rl_completion_append_character, rl_catch_signals;
extern const char *rl_basic_word_break_characters;
extern const char *rl_readline_name;
extern char *rl_line_buffer;
void rl_callback_handler_install(const char *, ml_edit_line *);
void rl_callback_handler_remove(void);
void rl_callback_read_char(void);
char **rl_completion_matches(const char *, ml_edit_next *);
int add_history(const char *);
int read_history(const char *);
int write_history(const char *);
void stifle_history(int);
void *dlopen(const char *, int);
char *setlocale(int, const char *);
char *strdup(const char *);
void free(void *);
]])

local edit = {}

local library -- nil until it was opened
local answer -- false while a line is edited; then {text =} or {} at the end of the input
local history_file
local words_of -- function(text, before) → array
-- C keeps them: they must not be collected.
local on_line, on_complete, on_next
local breaks = " \t\n\"\\'`@$><=;|&{}()#+-*/%^~,[]!?"
local name = "moonloop"

local function open_library()
	for _, file in ipairs(LIBRARIES) do
		if ffi.C.dlopen(file, NOW_FOR_GOOD) ~= nil then
			return ffi.load(file)
		end
	end
end

local function take_line(line)
	if line == nil then
		answer = {}
	else
		answer = { text = ffi.string(line) }
		ffi.C.free(line)
	end
end

local candidates, at = {}, 0

local function next_candidate(_, state)
	at = state == 0 and 1 or at + 1
	return candidates[at] and ffi.C.strdup(candidates[at]) or nil
end

-- An error must not go through libedit.
local function matches(text, from)
	library.rl_attempted_completion_over = 1
	library.rl_completion_append_character = 0
	local ok, found = pcall(words_of, ffi.string(text), ffi.string(library.rl_line_buffer, from))
	if not ok or #found == 0 then
		return nil
	end
	candidates = found
	return library.rl_completion_matches(text, on_next)
end

--- Begins. May block for a moment: it reads the history.
-- @param complete function(text, before) → array of words
-- @return true; nil: there is no library
function edit.open(complete, file)
	library = open_library()
	library = open_library()
	if not library then
		return nil
	end
	words_of, history_file = complete, file
	on_line = ffi.cast("ml_edit_line *", take_line)
	on_complete = ffi.cast("ml_edit_matches *", matches)
	on_next = ffi.cast("ml_edit_next *", next_candidate)
	ffi.C.setlocale(LC_CTYPE, "")
	library.rl_catch_signals = 0
	library.rl_readline_name = name
	library.rl_basic_word_break_characters = breaks
	library.rl_attempted_completion_function = on_complete
	library.stifle_history(HISTORY_MAX)
	if history_file then
		library.read_history(history_file)
	end
	return true
end

--- Shows the prompt, and takes the terminal until edit.stop.
function edit.start(prompt)
	answer = false
	library.rl_callback_handler_install(prompt, on_line)
end

--- Gives the terminal back; what was typed is dropped.
function edit.stop()
	library.rl_callback_handler_remove()
end

--- Takes a character; there is one, so this does not block.
-- @return false; or {text =}, {} at the end: the terminal is given back then
function edit.feed()
	library.rl_callback_read_char()
	if answer then
		library.rl_callback_handler_remove()
	end
	return answer
end
jit.off(edit.feed) -- it calls back

--- Notes an input for the history.
function edit.remember(text)
	library.add_history((text:gsub("%s*\n%s*", " ")))
	if history_file then
		library.write_history(history_file)
	end
end

return edit
