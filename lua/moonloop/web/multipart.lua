--- Reads multipart/form-data (RFC 7578, RFC 2046 5.1) while it comes. Fields and small files stay in
-- memory; a larger file goes to a temporary one, piece by piece.
-- Hot: body(). What a part holds is looked through once, by string.find.

local errors = require("moonloop.web.errors")
local parts = require("moonloop.web.parts")
local upload = require("moonloop.web.upload")

local find, sub = string.find, string.sub

local multipart = {}

--- What a form may have, unless the route or the application says otherwise in `forms`.
multipart.LIMITS = {
	fields = 1000, -- parts that are no files
	files = 100,
	field_bytes = 1024 * 1024, -- of one field
	fields_bytes = 4 * 1024 * 1024, -- of all fields
	file_bytes = math.huge, -- of one file; --body-max limits them all
	head_bytes = 8192, -- of what stands above a part's content
	memory_bytes = 256 * 1024, -- of a file before it goes to the disk
	dir = nil, -- where temporary files are made: TMPDIR or /tmp
}

local PADDING = 64 -- bytes between a boundary and the end of its line

--- Checks limits.
-- @param given some of LIMITS
-- @raise a text that names a wrong one
function multipart.check_limits(given)
	for key, value in pairs(given) do
		local kind = key == "dir" and "string" or "number"
		if key ~= "dir" and not multipart.LIMITS[key] then
			error(("forms: unknown limit %s"):format(tostring(key)), 0)
		elseif type(value) ~= kind then
			error(("forms: %s must be a %s, got %s"):format(key, kind, tostring(value)), 0)
		end
	end
end

local function malformed(what, ...)
	errors.raise(400, "the form is malformed: " .. what:format(...))
end

local function too_large(limit, what, ...)
	errors.raise(413, what:format(...), { limit = limit })
end

-- The reader. state: the method that takes what is in buf_; it answers whether it got on.

local Reader = {}
Reader.__index = Reader

-- Before the first boundary, and behind the last one.
function Reader:preamble()
	local from, to = find(self.buf_, self.delimiter, 1, true)
	if not from then
		self.buf_ = sub(self.buf_, -#self.delimiter)
		return false
	end
	self.buf_, self.state = sub(self.buf_, to + 1), self.boundary
	return true
end

function Reader:epilogue()
	self.buf_ = ""
	return false
end

-- Behind "--boundary": "--" at the end of all, else white space and a line's end.
function Reader:boundary()
	if #self.buf_ < 2 then
		return false
	elseif sub(self.buf_, 1, 2) == "--" then
		self.ended, self.state = true, self.epilogue
		return true
	end
	local _, to = find(self.buf_, "^[ \t]*\r\n")
	if to then
		-- The line's end stays: a part may have no fields, and no content either.
		self.buf_, self.state = sub(self.buf_, to - 1), self.head
		self.number = self.number + 1
		return true
	elseif #self.buf_ > PADDING or not find(self.buf_, "^[ \t]*\r?$") then
		malformed("something follows the boundary that ends part %d", self.number)
	end
	return false
end

function Reader:head()
	local from, to = find(self.buf_, "\r\n\r\n", 1, true)
	if (from or #self.buf_) - 1 > self.limits.head_bytes then
		too_large("head_bytes", "the head of part %d has more than %d bytes", self.number, self.limits.head_bytes)
	elseif not from then
		return false
	end
	local part, why = parts.parse(sub(self.buf_, 3, from + 1))
	if not part then
		malformed("part %d: %s", self.number, why)
	end
	self:begin(part)
	self.buf_, self.state = sub(self.buf_, to - 1), self.first
	return true
end

-- The empty line above a content that is not even empty belongs to the boundary.
function Reader:first()
	if #self.buf_ < #self.delimiter then
		return false
	elseif sub(self.buf_, 1, #self.delimiter) ~= self.delimiter then
		self.buf_ = sub(self.buf_, 3)
	end
	self.state = self.body
	return true
end

function Reader:body()
	local buf, delimiter = self.buf_, self.delimiter
	local from, to = find(buf, delimiter, 1, true)
	if from then
		self:take(sub(buf, 1, from - 1))
		self:finish()
		self.buf_, self.state = sub(buf, to + 1), self.boundary
		return true
	end
	-- A delimiter may begin in the last bytes.
	local safe = #buf - #delimiter + 1
	local cr = find(buf, "\r", safe > 0 and safe + 1 or 1, true)
	local keep = cr and cr - 1 or #buf
	if keep > 0 then
		self:take(sub(buf, 1, keep))
		self.buf_ = sub(buf, keep + 1)
	end
	return false
end

-- One part.

function Reader:begin(part)
	local limits = self.limits
	self.part = part
	self.got = 0
	if self.number > limits.fields + limits.files then -- inputs without a file are neither
		too_large("fields", "the form has more than %d parts", limits.fields + limits.files)
	end
	if part.filename then
		self.file = upload.new(part, limits)
		return
	end
	if #self.fields == limits.fields then
		too_large("fields", "the form has more than %d fields", limits.fields)
	end
	self.pieces = {}
end

function Reader:take(bytes)
	if bytes == "" then
		return
	end
	local limits, name = self.limits, self.part.name
	self.got = self.got + #bytes
	if self.file then
		if self.got > limits.file_bytes then
			too_large("file_bytes", "the file %q has more than %d bytes", name, limits.file_bytes)
		elseif self.file.filename ~= "" and #self.files == limits.files then
			too_large("files", "the form has more than %d files", limits.files)
		end
		return self.file:add_(bytes)
	end
	self.total = self.total + #bytes
	if self.got > limits.field_bytes then
		too_large("field_bytes", "the field %q has more than %d bytes", name, limits.field_bytes)
	elseif self.total > limits.fields_bytes then
		too_large("fields_bytes", "the fields have more than %d bytes", limits.fields_bytes)
	end
	self.pieces[#self.pieces + 1] = bytes
end

function Reader:finish()
	local file = self.file
	if not file then
		self.fields[#self.fields + 1] = { self.part.name, table.concat(self.pieces) }
		return
	end
	self.file = nil
	file:done_()
	-- An input for which nobody chose a file.
	if file.filename ~= "" or file.size > 0 then
		if #self.files == self.limits.files then
			too_large("files", "the form has more than %d files", self.limits.files)
		end
		self.files[#self.files + 1] = file
	end
end

function Reader:feed(bytes)
	self.buf_ = self.buf_ == "" and bytes or self.buf_ .. bytes
	while self:state() do end -- luacheck: ignore 542
end

local function reader(boundary, limits)
	return setmetatable({
		buf_ = "\r\n", -- as if the first boundary ended something, too
		delimiter = "\r\n--" .. boundary,
		state = Reader.preamble,
		limits = limits,
		ended = false, -- the last boundary was there
		number = 0, -- of the part
		part = nil, -- of this part: what stands in its head
		pieces = nil, -- of a field
		file = nil, -- or of a file
		got = 0, -- bytes of it
		total = 0, -- bytes of all fields
		fields = {},
		files = {},
	}, Reader)
end

local function boundary_of(req)
	local boundary = parts.parameter(req.headers["content-type"], "boundary")
	if not boundary then
		malformed("its content-type has no boundary")
	elseif #boundary > 70 or not boundary:find("^[%w'()+_,%-./:=? ]*[%w'()+_,%-./:=?]$") then
		malformed("its boundary is none: %q", boundary:sub(1, 100))
	end
	return boundary
end

local function merged(...)
	local limits = {}
	for _, given in ipairs({ multipart.LIMITS, ... }) do
		for key, value in pairs(given) do
			limits[key] = value
		end
	end
	return limits
end

--- What a request's form may have: the route says it before the application, and that before LIMITS.
function multipart.limits_of(req)
	local route, app = req.route, req.app
	local own = app and app.options.forms or {}
	if not (route and route.spec.forms) then
		return merged(own)
	end
	route.forms_ = route.forms_ or merged(own, route.spec.forms)
	return route.forms_
end

local function give_up(self)
	self.files[#self.files + 1] = self.file
	multipart.close(self.files)
end

local function read_all(self, req)
	for bytes in req:stream() do
		self:feed(bytes)
	end
	if not self.ended then
		malformed(self.number == 0 and "it has no part" or "it ends within part %d", self.number)
	end
end

--- Reads the form of a request. Suspends.
-- @return an array of {name, value}; an array of files (moonloop.web.upload)
-- @raise 400 for what is malformed, 413 for what is too large, with the member `limit`
function multipart.read(req)
	local self = reader(boundary_of(req), multipart.limits_of(req))
	local ok, err = pcall(read_all, self, req)
	if not ok then
		give_up(self)
		error(err, 0)
	end
	return self.fields, self.files
end

--- Removes what is left of files. Suspends. A cancelled task removes them all the same.
function multipart.close(files)
	for _, file in ipairs(files) do
		pcall(file.close, file)
	end
end

return multipart
