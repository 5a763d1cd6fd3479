--- Which changes of files mean nothing: what editors and version control leave while they work, and
-- patterns of the user. `*` and `?` stand for anything but a slash, `**` for anything, `[a-z]` for one of
-- these. A pattern without a slash is compared with each part of a path, one with a slash with the path
-- from its beginning; what is below an ignored directory is ignored.

local ignore = {}

local BUILT_IN = { "*~", ".#*", "#*#", "*.swp", "*.swo", "*.swx", "*.tmp", "*.part", "*.orig", "*.rej",
	"4913", ".goutputstream-*", "*___jb_tmp___", "*___jb_old___", ".nfs*", ".DS_Store", ".git", ".hg", ".svn",
	".jj", ".idea", ".vscode", "node_modules", "__pycache__" }

local MAGIC = { ["**"] = ".*", ["*"] = "[^/]*", ["?"] = "[^/]" }

-- A glob as a Lua pattern for the whole of a text.
local function compile(glob)
	local out, i = { "^" }, 1
	while i <= #glob do
		local set = glob:match("^%[!?[^%]/]+%]", i)
		local star = glob:match("^%*%*", i) or glob:match("^[*?]", i)
		if set then
			out[#out + 1] = (set:gsub("^%[!", "[^"):gsub("%%", "%%%%"))
		else
			out[#out + 1] = star and MAGIC[star] or (glob:sub(i, i):gsub("%W", "%%%0"))
		end
		i = i + #(set or star or " ")
	end
	out[#out + 1] = "$"
	return table.concat(out)
end

-- Into those for parts and those for paths.
local function sort(globs)
	local parts, paths = {}, {}
	for _, glob in ipairs(globs) do
		glob = glob:gsub("^%./", ""):gsub("/+$", "")
		local anchored = glob:find("/", 1, true)
		local list = anchored and paths or parts
		list[#list + 1] = compile((glob:gsub("^/", "")))
		if anchored and glob:sub(-3) == "/**" then
			list[#list + 1] = compile((glob:sub(1, -4):gsub("^/", "")))
		end
	end
	return parts, paths
end

local function matches(text, patterns)
	for i = 1, #patterns do
		if text:find(patterns[i]) then
			return true
		end
	end
	return false
end

--- @param globs the user's
-- @return ignored(path, known): whether a relative path does not count; of a file that is known to be
-- the application's only the user's patterns are asked
function ignore.rules(globs)
	local built_in = sort(BUILT_IN)
	local parts, paths = sort(globs)
	return function(path, known)
		for part in path:gmatch("[^/]+") do
			if matches(part, parts) or not known and matches(part, built_in) then
				return true
			end
		end
		for stop in (path .. "/"):gmatch("()/") do
			if #paths > 0 and matches(path:sub(1, stop - 1), paths) then
				return true
			end
		end
		return false
	end
end

return ignore
