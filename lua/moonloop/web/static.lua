--- A directory over HTTP: `app:mount("/static", web.static("public"))`. It is a LASGI application of
-- its own, too. Nothing leads out of the directory: the kernel looks (openat2, RESOLVE_BENEATH).

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")
local file = require("moonloop.web.file")
local lasgi = require("moonloop.lasgi")
local mime = require("moonloop.web.mime")
local negotiate = require("moonloop.web.negotiate")
local opened = require("moonloop.web.opened")
local path = require("moonloop.web.path")
local response = require("moonloop.web.response")

local static = {}

local methods = {}
local Static = { __name = "moonloop.static", __index = methods }

local OPTIONS = {
	index = true, listing = "boolean", hidden = "boolean", cache = true, immutable = true, types = "table",
	precompressed = "boolean",
}

-- name.3f2a9c1b.js, name-3f2a9c1b.css: a hash in the name, so the content never changes.
local FINGERPRINT = "[.%-_]%x%x%x%x%x%x%x%x+%.[%w.]+$"

local CODINGS = { "br", "zstd", "gzip" }
local ENDINGS = { br = ".br", zstd = ".zst", gzip = ".gz" }

-- Of the path's components: nothing hidden, nothing empty, so that no link begins with two slashes.
local function is_good(self, rest)
	if rest:find("%z") or rest:find("//", 1, true) or rest:sub(1, 1) == "/" then
		return false
	end
	for part in rest:gmatch("[^/]+") do
		if part == "." or part == ".." or part:sub(1, 1) == "." and not self.options.hidden
			and part ~= ".well-known" then
			return false
		end
	end
	return true
end

local function open(self, rest)
	return opened.open(rest == "" and "." or rest, self.dir)
end

-- The compressed sibling that the client would rather have.
local function open_sibling(self, req, rest)
	local header = req.headers["accept-encoding"]
	local left = { unpack(CODINGS) }
	while #left > 0 do
		local coding = negotiate.encoding(header, left)
		if coding == "identity" then
			return nil
		end
		local source = open(self, rest .. ENDINGS[coding])
		if source then
			return source, coding
		end
		for i, one in ipairs(left) do
			if one == coding then
				table.remove(left, i)
			end
		end
	end
end

local function headers_of(self, rest, res)
	local options = self.options
	local ending = rest:match("%.([%w_-]+)$")
	res.headers["content-type"] = options.types and ending and options.types[ending:lower()] or mime.of(rest)
	local never_changes = options.immutable and rest:find(options.immutable == true and FINGERPRINT
		or options.immutable)
	res.headers["cache-control"] = file.cache_control(never_changes and "immutable" or options.cache)
end

local function answer_file(self, req, rest)
	local res = response.make(200)
	headers_of(self, rest, res)
	local source, code, coding
	local may_be_smaller = self.options.precompressed and mime.compressible(res.headers["content-type"])
	if may_be_smaller then
		res:vary("accept-encoding")
		source, coding = open_sibling(self, req, rest)
		res.headers["content-encoding"] = coding
	end
	if not source then
		source, code = open(self, rest)
	end
	if not source then
		return nil, code
	end
	return file.fill(res, req, source)
end

local function redirect(req)
	local query = req.scope.query_string
	local target = path.escape(req.scope.root_path .. req.path, "/") .. "/"
	return response.redirect(query ~= "" and target .. "?" .. query or target, 308)
end

-- A path that ends with a slash, or is empty.
local function answer_directory(self, req, rest)
	local res, code
	if self.options.index then
		res, code = answer_file(self, req, rest .. self.options.index)
	end
	if not res and self.options.listing and (code == "not_found" or code == nil) then
		res, code = require("moonloop.web.listing")(self.dir, rest, self.options.hidden)
	end
	return res, code
end

--- The response to a request, for the rest of its path behind the mount. Suspends.
-- @param rest without a slash in front; nil: the request's path is the mount's own, without a slash
function methods:respond(req, rest)
	if req.method ~= "GET" and req.method ~= "HEAD" then
		errors.raise(405, nil, { headers = { allow = "GET, HEAD" } })
	elseif not is_good(self, rest or "") then
		errors.raise(404)
	end
	local res, code, detail
	if rest == nil then
		return redirect(req)
	elseif rest == "" or rest:sub(-1) == "/" then
		res, code, detail = answer_directory(self, req, rest)
	else
		res, code, detail = answer_file(self, req, rest)
		if code == "is_dir" then
			return redirect(req)
		end
	end
	return res or file.refuse(rest, code, detail)
end

function Static:__call(scope, receive, send)
	if scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	if not self.app_ then
		self.app_ = require("moonloop.web.app").new({ slash = "strict" })
		self.app_:mount("/", self)
	end
	return self.app_(scope, receive, send)
end

local function check(dir, options)
	if type(dir) ~= "string" or dir == "" or dir:find("%z") then
		blame("web.static: the directory must be a string, got " .. tostring(dir))
	end
	for key, value in pairs(options) do
		if OPTIONS[key] == nil then
			blame("web.static: unknown option " .. tostring(key))
		elseif OPTIONS[key] ~= true and type(value) ~= OPTIONS[key] then
			blame(("web.static: %s must be a %s, got a %s"):format(key, OPTIONS[key], type(value)))
		end
	end
end

--- @param dir the directory
-- @param options {index = "index.html", or false; listing = true: a page for a directory without
-- index; hidden = true: names that begin with a point, too (.well-known always is); cache = seconds,
-- "immutable" or a Cache-Control; immutable = true, or a Lua pattern: names that have a hash never
-- change; types = ending → media type; precompressed = true: NAME.br, NAME.zst and NAME.gz beside NAME
-- are sent to who takes them}
function static.new(dir, options)
	options = options or {}
	check(dir, options)
	local own = { index = "index.html" }
	for key, value in pairs(options) do
		own[key] = value
	end
	mime.load()
	return setmetatable({
		dir = dir,
		options = own,
		app_ = false, -- when it is called as an application
	}, Static)
end

return setmetatable(static, {
	__call = function(_, dir, options)
		return static.new(dir, options)
	end,
})
