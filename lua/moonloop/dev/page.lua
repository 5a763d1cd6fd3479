--- A report as an HTML page. All that comes from outside goes through `escape`; the page carries its style
-- and needs nothing else but the script of live reload.

local html_escape = require("moonloop.web.html").escape
local json = require("moonloop.dev.json")
local style = require("moonloop.core.native").bundle_text("dev/page.css")

local page = {}

--- Text that is safe between tags and in quoted attributes. Control characters but tab and line feed
-- become pictures of themselves.
function page.escape(text)
	return (html_escape(json.utf8(tostring(text))):gsub("[%z\1-\8\11-\31\127]", function(c)
		local n = c:byte()
		return n == 127 and "\226\144\161" or "\226\144" .. string.char(0x80 + n)
	end))
end

local escape = page.escape

-- "{name}" by escaped values; a value that is markup already stands in a table {html = }.
local function fill(template, values)
	return (template:gsub("{(%a+)}", function(name)
		local value = values[name]
		if type(value) == "table" then
			return value.html
		end
		return value == nil and "" or escape(value)
	end))
end

local function markup(parts)
	return { html = type(parts) == "table" and table.concat(parts, "\n") or parts }
end

local function excerpt(lines)
	if not lines then
		return markup("")
	end
	local out = {}
	for i, line in ipairs(lines) do
		out[i] = fill('<span class="line{hit}"><i>{n}</i><code>{text}</code></span>', {
			hit = line.hit and " hit" or "",
			n = line.n,
			text = line.text == "" and " " or line.text,
		})
	end
	return markup('<div class="source">' .. table.concat(out) .. "</div>")
end

local function variables(title, list)
	if #list == 0 then
		return ""
	end
	local out = {}
	for i, variable in ipairs(list) do
		out[i] = fill("<tr><th>{name}</th><td>{value}</td></tr>", variable)
	end
	return fill('<h4>{title}</h4><table class="vars">{rows}</table>', { title = title, rows = markup(out) })
end

local function frame(f, open)
	local place = f.file and ("%s:%d"):format(f.file, f.line or 0) or "C"
	local body = excerpt(f.excerpt).html .. variables("Locals", f.locals) .. variables("Upvalues", f.upvalues)
	if body == "" then
		return fill('<div class="frame"><p class="bare"><b>{title}</b><span>{place}</span></p></div>',
			{ title = f.title, place = place })
	end
	return fill([[<details class="frame"{open}>
<summary><b>{title}</b><span>{place}</span></summary>{body}</details>]], {
		open = open and " open" or "",
		title = f.title,
		place = place,
		body = markup(body),
	})
end

local function stack(title, frames, open_first)
	if #frames == 0 then
		return ""
	end
	local out = {}
	for i, f in ipairs(frames) do
		out[i] = frame(f, open_first and i == 1)
	end
	if frames.cut then
		out[#out + 1] = '<p class="note">… and more that are not shown</p>'
	end
	return fill("<section><h3>{title}</h3>{frames}</section>", { title = title, frames = markup(out) })
end

local function request(r)
	if not r then
		return ""
	end
	local rows = {}
	local function row(name, value)
		if value and value ~= "" then
			rows[#rows + 1] = fill("<tr><th>{name}</th><td>{value}</td></tr>", { name = name, value = value })
		end
	end
	row("method", r.method)
	row("path", r.path)
	row("query", r.query)
	row("client", r.client)
	local fields = {}
	for i, field in ipairs(r.headers) do
		fields[i] = fill("<tr><th>{name}</th><td>{value}</td></tr>", field)
	end
	return fill([[<section><h3>Request</h3><table class="vars">{rows}</table>
<details class="frame"><summary><b>Headers</b><span>{count}</span></summary>
<table class="vars">{fields}</table></details></section>]],
		{ rows = markup(rows), fields = markup(fields), count = #r.headers })
end

local function chain(list)
	local out = {}
	for i, frames in ipairs(list) do
		out[i] = stack("Joined by another task", frames, false)
	end
	return markup(out)
end

local TEMPLATE = [[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{headline}</title>
<style>{style}</style>
</head>
<body>
<header><p class="kind"><b>{status}</b> {title}<span>{asked}</span></p>
<h1>{headline}</h1>
{hint}
{place}
</header>
<main>
{excerpt}
{message}
{frames}
{chain}
{request}
<section><h3>As text</h3>
<details class="frame"><summary><b>Traceback</b></summary><pre>{traceback}</pre></details></section>
</main>
<footer><p>moonloop {version} · this page is for whoever writes the application:
<code>moonloop run</code> does not have it</p></footer>
{script}
</body>
</html>
]]

--- @param version of moonloop
-- @param script markup at the end of the body
function page.html(r, version, script)
	local asked = r.request and r.request.method .. " " .. r.request.path
	return fill(TEMPLATE, {
		headline = r.headline,
		style = markup(style),
		status = r.status,
		title = r.title,
		asked = asked,
		hint = r.hint and markup(fill('<p class="hint">{hint}</p>', r)),
		message = r.message:find("\n") and markup(fill('<pre class="message">{message}</pre>', r)),
		place = r.file and markup(fill('<p class="place">{file}:<b>{line}</b></p>', r)),
		excerpt = excerpt(r.excerpt),
		frames = markup(stack("Stack, innermost first", r.frames, true)),
		chain = chain(r.chain),
		request = markup(request(r.request)),
		traceback = r.traceback,
		version = version,
		script = markup(script),
	})
end

return page
