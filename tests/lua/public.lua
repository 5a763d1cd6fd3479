--- The public modules of the library, by their files: {["moonloop.fs"] = ".../lua/moonloop/fs.lua", ...}.

local fs = require("moonloop.fs")

local root = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/") or "."

local public = { folder = root .. "/lua/moonloop", modules = {} }

for _, entry in ipairs(assert(fs.listdir(public.folder))) do
	local name = entry.type == "file" and entry.name:match("^([%w_]+)%.lua$")
	if name then
		public.modules[name == "init" and "moonloop" or "moonloop." .. name] = public.folder .. "/" .. entry.name
	end
end

return public
