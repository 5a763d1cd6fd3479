--- The HTML of the welcome page: text, code blocks and facts. Everything variable is escaped.
local art = require "art"
local code = require "code"
local style = require "style"

local concat = table.concat
local escape = code.escape
local format = string.format

local MIB = 1024 * 1024

local page = {}

local function duration(seconds)
	local s = math.floor(seconds)
	if s < 60 then
		return s .. " s"
	elseif s < 3600 then
		return format("%d min %d s", s / 60, s % 60)
	elseif s < 86400 then
		return format("%d h %d min", s / 3600, s % 3600 / 60)
	end
	return format("%d d %d h", s / 86400, s % 86400 / 3600)
end

--- The facts in the order of the page: key of worker.info(), label, text of a value.
-- The script at the end of the page knows the same keys.
local FACTS = {
	{ "pid", "Process id", tostring },
	{ "uptime", "Uptime", duration },
	{ "requests", "Requests served", tostring },
	{ "connections", "Connections open", tostring },
	{ "tasks", "Tasks alive", tostring },
	{ "lua_bytes", "Lua memory", function(n) return format("%.1f MiB", n / MIB) end },
}

--- Numbers of worker.info() as one JSON object.
function page.facts(info)
	local out = {}
	for _, fact in ipairs(FACTS) do
		out[#out + 1] = format('"%s":%.14g', fact[1], info[fact[1]])
	end
	return "{" .. concat(out, ",") .. "}\n"
end

local HELLO = [[
local lasgi = require "moonloop.lasgi"
return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	send { type = "http.response.start", status = 200,
		body = "Hello from " .. scope.path .. "\n" }
end
]]

local STREAM = [[
send { type = "http.response.body", body = line, more_body = true }
moonloop.sleep(0.2)  -- this request waits, the worker does not]]

local BLOCKING = [[
local count = thread.run(count_primes, 4000000)
-- goes on here, with the result, when the thread is done]]

local STEPS = concat {
	'<section class="step"><div class="say"><h2>Serve a file of your own</h2>',
	"<p>An application is a function that gets a request as <code>scope</code> and answers with ",
	"<code>send</code>. Save these six lines and run them on the next port. After an edit, send the ",
	"process <code>SIGHUP</code>: it loads the new code and refuses nobody meanwhile.</p></div>",
	'<div class="show">',
	code.file("hello.lua", HELLO, true),
	code.command("build/moonloop run hello.lua --bind 127.0.0.1:8001"),
	code.command("curl 127.0.0.1:8001/moon"),
	"</div></section>",
	'<section class="step"><div class="say"><h2>Stream a response</h2>',
	"<p>Each piece leaves as soon as it is sent. A sleeping handler costs a parked coroutine; a ",
	"client that goes away cancels it; a slow one makes <code>send</code> wait.</p></div>",
	'<div class="show">',
	code.file("examples/stream.lua", STREAM),
	code.command("build/moonloop run examples/stream.lua --bind 127.0.0.1:8002"),
	code.command("curl -N 127.0.0.1:8002/countdown"),
	"</div></section>",
	'<section class="step"><div class="say"><h2>Block, but not the worker</h2>',
	"<p>Pass a function that computes for long, or waits for a disk, to a thread of the pool. The ",
	"coroutine goes on with the results; other requests are served in between.</p></div>",
	'<div class="show">',
	code.file("examples/blocking.lua", BLOCKING),
	code.command("build/moonloop run examples/blocking.lua --bind 127.0.0.1:8003"),
	code.command("curl 127.0.0.1:8003/primes & curl 127.0.0.1:8003/ping"),
	"</div></section>",
}

-- Without a script the page is whole; with it, facts move and code can be copied.
local SCRIPT = [[
const each = (selector, fn) => document.querySelectorAll(selector).forEach(fn)
const two = (a, x, b, y) => Math.floor(a) + x + Math.floor(b) + y
const show = {
	uptime: s => s < 60 ? Math.floor(s) + " s" : s < 3600 ? two(s / 60, " min ", s % 60, " s")
		: s < 86400 ? two(s / 3600, " h ", s % 3600 / 60, " min") : two(s / 86400, " d ", s % 86400 / 3600, " h"),
	lua_bytes: n => (n / 1048576).toFixed(1) + " MiB",
}
const facts = document.getElementById("facts"), pulse = document.getElementById("pulse")
async function poll() {
	if (!document.hidden) try {
		const now = await (await fetch(facts.dataset.from)).json()
		each("[data-fact]", e => {
			const key = e.dataset.fact
			e.textContent = show[key] ? show[key](now[key]) : now[key]
		})
		pulse.className = "live", pulse.textContent = "live"
	} catch (err) {
		pulse.className = "lost", pulse.textContent = "no answer"
	}
	setTimeout(poll, 2000)
}
poll()
if (navigator.clipboard) each("[data-copy]", button => {
	button.hidden = false
	button.onclick = async () => {
		await navigator.clipboard.writeText(button.parentNode.querySelector("code").textContent)
		button.textContent = "Copied"
		setTimeout(() => { button.textContent = "Copy" }, 1500)
	}
})
]]

local function shell(title, body)
	return concat {
		'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
		'<meta name="viewport" content="width=device-width, initial-scale=1">\n',
		'<meta name="color-scheme" content="light dark">\n',
		"<title>", escape(title), "</title>\n",
		'<link rel="icon" href="data:image/svg+xml,', art.icon, '">\n',
		"<style>\n", style, "</style>\n</head>\n<body>\n", body, "</body>\n</html>\n",
	}
end

--- The page itself, for the answer of worker.info() and the prefix that the page is mounted at.
function page.welcome(info, root_path)
	local tiles = {}
	for i, fact in ipairs(FACTS) do
		local key, label, text = fact[1], fact[2], fact[3]
		local value = escape(text(info[key]))
		tiles[i] = format('<div><dt>%s</dt><dd data-fact="%s">%s</dd></div>', label, key, value)
	end
	return shell("moonloop", concat {
		'<main>\n<header class="hero"><div>', art.mark,
		"<h1>The loop is&nbsp;turning.</h1>",
		'<p class="lead">moonloop is one binary: an HTTP gateway that runs your Lua functions as coroutines, ',
		"one for each request, and sends work that would block to a thread pool.</p>",
		'<p class="made">A Lua function answered you: <code>apps/welcome/app.lua</code></p></div>',
		art.orbit, "</header>\n",
		'<section id="facts" data-from="', escape(root_path), '/facts">',
		'<h2>This worker <span id="pulse"></span></h2>',
		"<dl>", concat(tiles), "</dl></section>\n",
		'<h2 class="next">Three things to try next</h2>\n', STEPS,
		"</main>\n<footer><p>The manual starts at <code>apps/docs/index.md</code>; every file in ",
		"<code>examples/</code> says how to run it.</p><p>moonloop ", escape(info.version),
		" · worker ", escape(info.index), " · ", escape(info.threads), " threads</p></footer>\n",
		"<script>\n", SCRIPT, "</script>\n",
	})
end

--- What a path that is not there answers.
function page.missing(path, root_path)
	return shell("Not found · moonloop", concat {
		'<main class="missing">', art.mark, "<h1>Nothing at this&nbsp;path.</h1>",
		'<p class="lead"><code>', escape(path), '</code> is no page of this application. <a href="',
		escape(root_path), '/">Back to the welcome page</a></p></main>\n',
	})
end

return page
