--- moonloop types [DIR]: writes the annotations that the binary carries into DIR/.moonloop/types.

local args = require("moonloop.tools.args")
local fs = require("moonloop.fs")
local native = require("moonloop.core.native")

local types = {}

--- Suspends.
-- @return how many files; nil, code, detail
function types.write(dir)
	local target, n = dir .. "/.moonloop/types", 0
	local ok, code, detail = fs.mkdir(target .. "/web", { parents = true })
	if ok then -- it ignores itself, whatever the project's own list says
		ok, code, detail = fs.write(dir .. "/.moonloop/.gitignore", "*\n")
	end
	for _, name in ipairs(native.bundle_names()) do
		local file = name:match("^types/(.*)$")
		if ok and file then
			ok, code, detail = fs.write(target .. "/" .. file, native.bundle_text(name))
			n = n + 1
		end
	end
	if not ok then
		return nil, code, detail
	end
	return n
end

local function main(words)
	local found, why = args.read(words, {})
	if not found then
		return args.complain("types: " .. why)
	elseif #found > 1 then
		return args.complain("types: expected one directory, got also " .. found[2])
	end
	local dir = found[1] or "."
	if not fs.exists(dir) then
		return args.complain("types: " .. dir .. ": no such directory", 1)
	end
	local n, _, detail = types.write(dir)
	if not n then
		return args.complain("types: " .. detail, 1)
	end
	print(("%d files in %s/.moonloop/types"):format(n, dir))
	return 0
end

return setmetatable(types, {
	__call = function(_, words)
		return main(words)
	end,
})
