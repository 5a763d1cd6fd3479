--- Media types by the ending of a name: those that matter on the web stand here, the others come from
-- the system's table.

local mime = {}

local SYSTEM = "/etc/mime.types"
local UNKNOWN = "application/octet-stream"

local TYPES = {
	html = "text/html", htm = "text/html", css = "text/css", js = "text/javascript", mjs = "text/javascript",
	txt = "text/plain", md = "text/markdown", csv = "text/csv", vtt = "text/vtt", ics = "text/calendar",
	json = "application/json", map = "application/json", jsonld = "application/ld+json",
	webmanifest = "application/manifest+json", xml = "application/xml", xhtml = "application/xhtml+xml",
	rss = "application/rss+xml", atom = "application/atom+xml", wasm = "application/wasm",
	pdf = "application/pdf", zip = "application/zip", gz = "application/gzip", br = "application/x-brotli",
	zst = "application/zstd", tar = "application/x-tar",
	svg = "image/svg+xml", png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", gif = "image/gif",
	webp = "image/webp", avif = "image/avif", ico = "image/x-icon", bmp = "image/bmp",
	woff = "font/woff", woff2 = "font/woff2", ttf = "font/ttf", otf = "font/otf",
	mp3 = "audio/mpeg", ogg = "audio/ogg", opus = "audio/ogg", wav = "audio/wav", flac = "audio/flac",
	mp4 = "video/mp4", webm = "video/webm",
}

local system -- ending → type, when first needed

local function read_system()
	local found = {}
	local file = io.open(SYSTEM)
	if not file then
		return found
	end
	for line in file:lines() do
		local kind, endings = line:match("^([%w.+-]+/[%w.+-]+)%s+(.+)$")
		for ending in (endings or ""):gsub("#.*", ""):gmatch("%S+") do
			found[ending:lower()] = found[ending:lower()] or kind
		end
	end
	file:close()
	return found
end

--- Reads the system's table now rather than when a name first needs it.
function mime.load()
	system = system or read_system()
end

--- The media type of a file with that name, with "; charset=utf-8" for text.
function mime.of(name)
	local ending = name:match("%.([%w_-]+)$")
	ending = ending and ending:lower()
	local kind = TYPES[ending]
	if not kind and ending then
		mime.load()
		kind = system[ending]
	end
	kind = kind or UNKNOWN
	return kind:sub(1, 5) == "text/" and kind .. "; charset=utf-8" or kind
end

-- Beside text/* and what ends with +json, +xml or +text.
local COMPRESSIBLE = {
	["application/json"] = true, ["application/javascript"] = true, ["application/xml"] = true,
	["application/wasm"] = true, ["application/x-ndjson"] = true, ["application/yaml"] = true,
	["application/graphql"] = true, ["application/rtf"] = true, ["application/x-tar"] = true,
	["font/ttf"] = true, ["font/otf"] = true, ["image/bmp"] = true, ["image/x-icon"] = true,
}

--- Whether it is worth while to compress content of that type.
function mime.compressible(content_type)
	local kind = content_type:match("^%s*([^;%s]*)"):lower()
	return kind:sub(1, 5) == "text/" or COMPRESSIBLE[kind] or kind:find("%+json$") ~= nil
		or kind:find("%+xml$") ~= nil or kind:find("%+text$") ~= nil
end

return mime
