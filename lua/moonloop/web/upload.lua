--- A file that came with a form: in memory while it is small, then in a temporary file, which is gone
-- when the request has ended, or Lua collects the object. file:move() keeps it.
--
-- name       of the form's field
-- filename   what the client says; never use it as a path
-- safe_name  made from that: one component of a path, without anything odd
-- type       what the client says that it is; "application/octet-stream" if it says nothing
-- size       in bytes
-- headers    of the part, by name in lower case

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")
local fs = require("moonloop.fs")
local log = require("moonloop.log")

local upload = {}

local BATCH = 256 * 1024 -- bytes that are written, and read, at once
local NAME_MAX = 128
local MODE = 420 -- 0644

local methods = {}
local Upload = { __name = "moonloop.upload", __index = methods }

-- What Windows takes for a device, whatever follows the first point.
local DEVICES = { con = true, prn = true, aux = true, nul = true }

local function is_device(stem)
	stem = stem:lower()
	return DEVICES[stem] or stem:find("^com%d$") or stem:find("^lpt%d$")
end

-- Overlong forms and surrogates pass: they do no harm in a name.
local function is_utf8(text)
	local rest = text:gsub("[\194-\223][\128-\191]", "."):gsub("[\224-\239][\128-\191][\128-\191]", ".")
		:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", ".")
	return not rest:find("[\128-\255]")
end

--- A name that is safe as one component of a path: letters, digits, ". _ -" and UTF-8's others.
function upload.safe_name(filename)
	local name = filename:match("[^/\\]*$"):gsub("[%c%s]+", "_"):gsub("[^%w._\128-\255-]", "_")
	if not is_utf8(name) then
		name = name:gsub("[\128-\255]", "_")
	end
	name = name:gsub("^[.%-]+", ""):gsub("%.+$", "")
	if #name > NAME_MAX then
		local ending = name:match("%.[%w_-]+$") or ""
		ending = #ending <= 16 and ending or ""
		name = name:sub(1, NAME_MAX - #ending):gsub("[\192-\255]?[\128-\191]*$", "") .. ending
	end
	if name == "" or is_device(name:match("^[^.]*")) then
		name = "file" .. (name ~= "" and "_" .. name or "")
	end
	return name
end

-- What cannot be kept is not the client's fault.
local function storage(output, code, detail)
	if output == nil then
		log.error("web.upload_not_stored", { code = code, detail = detail })
		errors.raise(code == "no_space" and 507 or 503, "the upload cannot be stored")
	end
	return output
end

--- @param part what moonloop.web.parts made of its head
-- @param limits memory_bytes, dir
function upload.new(part, limits)
	return setmetatable({
		name = part.name,
		filename = part.filename,
		safe_name = upload.safe_name(part.filename),
		type = part.type or "application/octet-stream",
		size = 0,
		headers = part.headers,
		limits_ = limits,
		pieces_ = {}, -- what is in memory
		held_ = 0, -- bytes of that
		file_ = nil, -- the temporary file
		closed_ = false,
	}, Upload)
end

local function spill(self)
	if not self.file_ then
		self.file_ = storage(fs.tempfile({ dir = self.limits_.dir, prefix = "moonloop-upload-" }))
	end
	storage(self.file_:write(table.concat(self.pieces_)))
	self.pieces_, self.held_ = {}, 0
end

-- The reader adds bytes. Suspends.
function methods:add_(bytes)
	self.pieces_[#self.pieces_ + 1] = bytes
	self.held_ = self.held_ + #bytes
	self.size = self.size + #bytes
	if self.held_ > (self.file_ and BATCH or self.limits_.memory_bytes) then
		spill(self)
	end
end

-- The reader is at the end.
function methods:done_()
	if self.file_ and self.held_ > 0 then
		spill(self)
	elseif not self.file_ then
		self.pieces_ = { table.concat(self.pieces_) }
	end
end

local function check(self, name)
	if getmetatable(self) ~= Upload then
		blame(("file:%s: expected a file of a form, got a %s; call it as file:%s()"):format(name, type(self), name))
	elseif self.closed_ then
		blame(("file:%s: %q is gone: the request has ended, or it was moved or closed"):format(name, self.name))
	end
end

local function read_from(self, from, n)
	if not self.file_ then
		return self.pieces_[1]:sub(from + 1, from + n)
	end
	self.file_:seek("set", from)
	local bytes, code, detail = self.file_:read(n)
	if code then
		return nil, code, detail
	end
	return bytes or ""
end

--- All of it. Suspends.
-- @return a string; nil, code, detail
function methods:read()
	check(self, "read")
	return read_from(self, 0, self.size)
end

--- An iterator over its bytes in pieces. Each step suspends.
-- @param n bytes of a piece, 256 KiB by default
-- @raise what went wrong, at the line of the loop
function methods:pieces(n)
	check(self, "pieces")
	n = n or BATCH
	if type(n) ~= "number" or n < 1 or n % 1 ~= 0 then
		blame("file:pieces: expected a number of bytes, got " .. tostring(n))
	end
	local at = 0
	return function()
		check(self, "pieces")
		local bytes, code, detail = read_from(self, at, n)
		if bytes == nil then
			blame(("file:pieces: %s (%s)"):format(detail, code))
		end
		at = at + #bytes
		return bytes ~= "" and bytes or nil
	end
end

--- An iterator over its lines, without their ends. Each step suspends.
-- @raise what went wrong, at the line of the loop
function methods:lines()
	check(self, "lines")
	local next_piece, text, at = self:pieces(), "", 1
	return function()
		while text do
			local stop = text:find("\n", at, true)
			if stop then
				local line = text:sub(at, stop - 1)
				at = stop + 1
				return line
			end
			local rest, more = text:sub(at), next_piece()
			text, at = more and rest .. more, 1
			if not more then
				return rest ~= "" and rest or nil
			end
		end
	end
end

-- Onto another file system a file cannot be renamed.
local function move_file(self, path)
	local ok, code, detail = fs.rename(self.file_.path, path)
	if not ok and code == "io" then
		ok, code, detail = fs.copy(self.file_.path, path)
	end
	return ok, code, detail
end

--- Keeps it as the file `path`, in place of what was there. It is closed then. Suspends.
-- @param options {mode = permissions, 0644}
-- @return true; nil, code, detail
function methods:move(path, options)
	check(self, "move")
	local ok, code, detail
	if self.file_ then
		ok, code, detail = move_file(self, path)
	else
		ok, code, detail = fs.write(path, self.pieces_[1])
	end
	if ok then
		if self.file_ or options and options.mode then
			ok, code, detail = fs.chmod(path, options and options.mode or MODE)
		end
		self:close()
	end
	return ok, code, detail
end

--- Removes it. Closing twice does nothing. Suspends.
function methods:close()
	self.closed_, self.pieces_ = true, {}
	if self.file_ then
		self.file_:close()
	end
end

return upload
