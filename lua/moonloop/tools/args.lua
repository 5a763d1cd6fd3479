--- The words of a command that is written in Lua, and the one line that says what is wrong with them.

local args = {}

local SECONDS = { ms = 0.001, s = 1, m = 60, h = 3600, [""] = 1 }

--- One line on stderr.
-- @return code, the exit code; 2 when left out: called wrongly
function args.complain(text, code)
	io.stderr:write("moonloop: ", text, "\n")
	return code or 2
end

local function value_of(kind, name, word)
	if kind == "time" then
		local number, unit = word:match("^([%d.]+)(%a*)$")
		number = tonumber(number)
		if not number or not SECONDS[unit] or number <= 0 then
			return nil, ("--%s: \"%s\" is no time; 10s, 500ms, 1m"):format(name, word)
		end
		return number * SECONDS[unit]
	end
	return word
end

local function take_option(spec, found, words, i)
	local name, word = words[i]:match("^%-%-([%w-]+)=?(.*)$")
	local kind = name and spec[name]
	if not kind then
		return nil, words[i] .. ": unknown option"
	elseif kind == "flag" then
		found[name] = true
		return i
	elseif not words[i]:find("=", 1, true) then
		i = i + 1
		word = words[i]
	end
	if not word or word == "" then
		return nil, "--" .. name .. ": wants a value"
	end
	local value, why = value_of(kind, name, word)
	if value == nil then
		return nil, why
	elseif kind == "list" then
		found[name] = found[name] or {}
		table.insert(found[name], value)
	else
		found[name] = value
	end
	return i
end

--- Reads the words of a command.
-- @param spec option name → "flag", "text", "time" (seconds), "list" (repeatable)
-- @return a table: options by name, positional words by number; nil and one line when they are wrong
function args.read(words, spec)
	local found, i, only_words = {}, 1, false
	while i <= #words do
		local word = words[i]
		if word == "--" and not only_words then
			only_words = true
		elseif word:find("^%-.") and not only_words then
			local at, why = take_option(spec, found, words, i)
			if not at then
				return nil, why
			end
			i = at
		else
			found[#found + 1] = word
		end
		i = i + 1
	end
	return found
end

return args
