"""moonloop dev: pages for errors, live reload, what is watched; and nothing of it in moonloop run."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Optional

from client import Closed, Conn
from gateway import Gateway, clean_env, run
from support import MOONLOOP, line_of, patient, poll

HEAD = 'local lasgi = require "moonloop.lasgi"\n'
PAGE = HEAD + """\
return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	send { type = "http.response.start", status = 200, headers = { ["content-type"] = "text/html" },
		body = "<body>%s</body>" }
end
"""
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
ROUTES = HEAD + r"""
local moonloop = require "moonloop"
local HTML = { ["content-type"] = "text/html; charset=utf-8" }

local function charge(card)
	local secret_number, amount = "4111", 12
	return card.limit - amount -- charge fails here
end

local routes = {}
function routes.error() charge(nil) end
function routes.xss() error("<script>alert(1)</script>") end
function routes.none() end
function routes.held(_, send) send { type = "http.response.start", status = 200, headers = HTML } end
function routes.spin() while true do end end
function routes.cut(_, send)
	send { type = "http.response.start", status = 200, headers = HTML, body = "<h1>half", more_body = true }
	error("cut here")
end
function routes.pieces(_, send)
	send { type = "http.response.start", status = 200, headers = HTML }
	for _, piece in ipairs({ "<bo", "dy>one</b", "ody", "></ht", "ml>" }) do
		send { type = "http.response.body", body = piece, more_body = true }
	end
	send { type = "http.response.body" }
end
function routes.length(_, send)
	local body = "<p>whole"
	send { type = "http.response.start", status = 200, headers = { ["content-type"] = "text/html",
		["content-length"] = #body }, body = body }
end
function routes.json(_, send)
	send { type = "http.response.start", status = 200, headers = { ["content-type"] = "application/json" }, body = "{}" }
end
function routes.file(_, send, here)
	send { type = "http.response.start", status = 200, headers = HTML }
	send { type = "http.response.file", path = here .. "/page.html" }
end
function routes.missing(_, send, here)
	send { type = "http.response.start", status = 200, headers = HTML }
	local ok, code = send { type = "http.response.file", path = here .. "/no.html" }
	assert(not ok)
	send { type = "http.response.start", status = 404, headers = { ["content-type"] = "text/plain" }, body = code }
end
function routes.join(_, send)
	local t = moonloop.spawn(function() error("in a task") end)
	local answer = t:join()
	send { type = "http.response.start", status = 200, body = answer }
end

local here = debug.getinfo(1, "S").source:match("^@(.*)/")
return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local route = routes[scope.path:sub(2)]
	if not route then
		send { type = "http.response.start", status = 404, headers = HTML, body = "<p>the application has no " .. scope.path }
		return
	end
	route(scope, send, here)
end
"""
SCRIPT = re.compile(r'<script src="/\.moonloop/live\.js" data-id="[0-9a-f-]+" defer></script>')


class Events:
    """The stream of /.moonloop/live."""

    def __init__(self, gateway: Gateway) -> None:
        self.conn: Conn = gateway.connect()
        self.conn.request("GET", "/.moonloop/live")
        self.head = self.conn.read_head()
        self._text = b""

    def next(self) -> tuple[str, Any]:
        """Name and data of the next event."""
        while b"\n\n" not in self._text:
            data = self.conn.read_chunk()
            if not data:
                raise Closed("the stream ended")
            self._text += data
        event, self._text = self._text.split(b"\n\n", 1)
        name, data = re.fullmatch(r"event: (\w+)\ndata: (.*)", event.decode()).groups()  # type: ignore[union-attr]
        return name, json.loads(data)


class Directory(unittest.TestCase):
    """Tests whose application is in a directory of its own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name).resolve()
        self.app = self.dir / "app.lua"

    def write(self, name: str, text: str) -> None:
        """A save as many editors do it: a new file takes the place of the old one."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + "~")
        new.write_text(text)
        new.replace(path)

    def wait_body(self, gateway: Gateway, text: str) -> None:
        """Until the page has that text."""
        poll(f"{text!r} is served", lambda: text in self.body(gateway), 10)

    @staticmethod
    def body(gateway: Gateway) -> str:
        """The front page; "" while a worker that ends has the connection."""
        try:
            return gateway.get("/").text
        except (Closed, ConnectionError):
            return ""


class Pages(Directory):
    """What is shown instead of a response."""

    def setUp(self) -> None:
        super().setUp()
        self.app.write_text(ROUTES)
        (self.dir / "page.html").write_text("<body>file</body>")
        self.line = line_of(self.app, "-- charge fails here")

    def test_forms(self) -> None:
        """HTML for browsers, JSON for who asks for it, text for the rest; all with the place."""
        with Gateway(self.dir, command="dev", errors=["app.error"]) as gw:
            for accept, kind in (
                    (BROWSER, "text/html"), ("application/json", "application/json"), ("*/*", "text/plain")):
                r = gw.get("/error?token=abc&x=1", accept=accept, cookie="a=b", x_note="</script><b>")
                self.assertEqual(r.status, 500)
                self.assertIn(kind, r.header("content-type") or "")
                self.assertIn("attempt to index local", r.text)
                self.assertIn("charge fails here", r.text)
                self.assertNotIn("4111", r.text.split("secret_number")[-1].split("\n")[0])
                self.assertNotIn("abc", r.text)
            report = json.loads(gw.get("/error", accept="application/json").text)
            self.assertEqual((report["file"], report["line"]), (str(self.app), self.line))
            self.assertEqual(report["frames"][0]["title"], "function 'charge'")
            self.assertIn({"name": "secret_number", "value": "•••"}, report["frames"][0]["locals"])
            gw.wait_event("app.error", 4)

    def test_escapes(self) -> None:
        """What is hostile stays text; the page forbids what it does not need."""
        with Gateway(self.dir, command="dev", errors=["app.error"]) as gw:
            r = gw.get("/xss?<script>", accept=BROWSER, x_header="<img src=x onerror=y>")
            self.assertEqual(len(re.findall("<script", r.text)), 1)
            self.assertRegex(r.text, SCRIPT)
            self.assertNotIn("<img", r.text)
            self.assertIn("default-src 'none'", r.header("content-security-policy") or "")

    def test_other_failures(self) -> None:
        """No response, a response of which nothing went out, too much CPU, a failed task."""
        errors = ["app.error", "app.incomplete", "task.cpu_budget"]
        with Gateway(self.dir, "--cpu-budget", "200ms", command="dev", errors=errors) as gw:
            for path in ("/none", "/held"):
                r = gw.get(path, accept=BROWSER)
                self.assertEqual(r.status, 500)
                self.assertIn("returned without a response", r.text)
            r = gw.get("/spin", accept=BROWSER)
            self.assertEqual(r.status, 503)
            self.assertIn("CPU budget", r.text)
            self.assertIn("moonloop.thread", r.text)
            gw.wait_event("loop.stalled")
            r = gw.get("/join", accept=BROWSER)
            self.assertIn("in a task", r.text)
            self.assertIn("Joined by another task", r.text)
            self.assertEqual(gw.get("/json").status, 200)

    def test_cut(self) -> None:
        """After the start there is no page: the connection ends early, open pages hear of it."""
        with Gateway(self.dir, command="dev", errors=["app.error"]) as gw:
            events = Events(gw)
            self.assertEqual(events.next()[0], "hello")
            with gw.connect() as conn:
                conn.request("GET", "/cut")
                conn.read_head()
                self.assertEqual(conn.read_chunk(), b"<h1>half")
                self.assertTrue(conn.is_over())
            name, report = events.next()
            self.assertEqual(name, "raised")
            self.assertEqual(report["at"], "GET /cut")
            self.assertEqual(report["line"], line_of(self.app, "cut here"))

    def test_injection(self) -> None:
        """Pages get the script, whole and in pieces and from files; nothing else does."""
        with Gateway(self.dir, command="dev") as gw:
            r = gw.get("/pieces")
            self.assertRegex(r.text, re.compile("^<body>one" + SCRIPT.pattern + "</body></html>$"))
            r = gw.get("/length")
            self.assertRegex(r.text, re.compile("^<p>whole" + SCRIPT.pattern + "$"))
            length = r.header("content-length")
            with gw.connect() as conn:
                conn.request("HEAD", "/length")
                self.assertEqual(conn.read_response().header("content-length"), length)
            self.assertRegex(gw.get("/file").text, re.compile("^<body>file" + SCRIPT.pattern + "</body>$"))
            r = gw.get("/missing")
            self.assertEqual((r.status, r.text), (404, "not_found"))
            self.assertEqual(gw.get("/json").text, "{}")
            self.assertEqual(gw.get("/length", sec_fetch_dest="empty").text, "<p>whole")

    def test_mounted(self) -> None:
        """Below a prefix the script is below it, too."""
        self.write("app.lua", PAGE % "mounted")
        with Gateway(self.dir, "--root-path", "/shop", command="dev") as gw:
            self.assertIn('src="/shop/.moonloop/live.js"', gw.get("/shop/").text)
            self.assertEqual(gw.get("/shop/.moonloop/live.js").status, 200)

    def test_not_in_run(self) -> None:
        """moonloop run has no page, no script and no path of its own, whatever it is asked with."""
        with Gateway(self.dir, "--reload", "--log-format", "pretty", errors=["app.error"],
                     env={"MOONLOOP_DEV": "yes"}) as gw:
            r = gw.get("/error", accept=BROWSER)
            self.assertEqual((r.status, r.text), (500, "500 Internal Server Error\n"))
            self.assertEqual(gw.get("/length").text, "<p>whole")
            for path in ("/.moonloop/live", "/.moonloop/live.js"):
                self.assertEqual(gw.get(path).text, "<p>the application has no " + path)
        self.assertIn("unknown option", run("run", self.dir, "--dev").stderr)
        self.app.write_text("return return")
        self.assertEqual(run("run", self.dir, "--bind", "127.0.0.1:0").returncode, 3)


class Broken(Directory):
    """Code that does not start."""

    def test_start(self) -> None:
        """The reason is a page, whatever is asked for; mended, the application serves."""
        self.app.write_text("local x = 1\nlocal y = = 2\n")
        with Gateway(self.dir, command="dev", errors=["app.start_failed"]) as gw:
            for path in ("/", "/any/other"):
                r = gw.get(path, accept=BROWSER)
                self.assertEqual(r.status, 500)
                self.assertIn("unexpected symbol near", r.text)
                self.assertRegex(r.text, r'data-broken="[^"]*unexpected symbol')
            report = json.loads(gw.get("/", accept="application/json").text)
            self.assertEqual((report["file"], report["line"]), (str(self.app), 2))
            name, hello = Events(gw).next()
            self.assertEqual((name, hello["broken"]["line"]), ("hello", 2))
            self.write("app.lua", PAGE % "mended")
            self.wait_body(gw, "mended")
            self.assertIsNone(Events(gw).next()[1]["broken"])

    def test_missing_module(self) -> None:
        """A module that is not there is waited for, also in a directory that is not there either."""
        self.app.write_text('local word = require "parts.words"\n' + PAGE.replace('"<body>%s', '"<body>" .. word .. "'))
        with Gateway(self.dir, command="dev", errors=["app.start_failed"]) as gw:
            self.assertIn("module 'parts.words' not found", gw.get("/").text)
            self.write("parts/words.lua", 'return "found"')
            self.wait_body(gw, "found")

    def test_failed_lifespan(self) -> None:
        """A start that the application itself refuses is shown as well."""
        self.app.write_text('return function(scope, receive, send)\n\tif scope.type ~= "lifespan" then return end\n'
                            '\treceive()\n\tsend { type = "lifespan.startup.failed", message = "no database" }\nend\n')
        with Gateway(self.dir, command="dev", errors=["app.start_failed"]) as gw:
            self.assertIn("no database", gw.get("/", accept=BROWSER).text)


class Watch(Directory):
    """Which changes count."""

    def setUp(self) -> None:
        super().setUp()
        self.write("lib/word.lua", 'return "first"')
        self.write("app.lua", 'local word = require "lib.word"\n' + PAGE.replace('"<body>%s', '"<body>" .. word .. "'))

    def wanted(self, gateway: Gateway, count: int) -> str:
        """The last of so many requests for a reload."""
        return gateway.wait_event("reload.wanted", count, 10)[-1]

    def settle(self, gateway: Gateway) -> int:
        """How many there were, once nothing happens any more."""
        count = -1
        while count != len(gateway.events("reload.wanted")):
            count = len(gateway.events("reload.wanted"))
            time.sleep(0.3)
        return count

    def test_saves(self) -> None:
        """In place, by rename, of a module and of the application."""
        with Gateway(self.dir, command="dev", cwd=self.dir) as gw:
            self.assertIn("first", gw.get("/").text)
            self.write("lib/word.lua", 'return "second"')
            self.wait_body(gw, "second")
            self.assertIn("files=lib/word.lua", self.wanted(gw, 1))
            (self.dir / "lib/word.lua").write_text('return "third"')
            self.wait_body(gw, "third")
            self.write("app.lua", PAGE % "fourth")
            self.wait_body(gw, "fourth")

    def test_broken_and_mended(self) -> None:
        """What served goes on, pages hear of the line that broke, and the mending is seen."""
        with Gateway(self.dir, command="dev", errors=["app.start_failed"]) as gw:
            events = Events(gw)
            self.assertIsNone(events.next()[1]["broken"])
            self.write("lib/word.lua", 'return "sec\n')
            name, report = events.next()
            self.assertEqual((name, report["file"], report["line"]), ("broken", str(self.dir / "lib/word.lua"), 1))
            self.assertIn("first", gw.get("/").text)
            self.assertEqual(Events(gw).next()[1]["broken"]["line"], 1)
            self.write("lib/word.lua", 'return "mended"')
            self.wait_body(gw, "mended")
            self.assertEqual(events.next()[0], "swapped")

    def test_noise(self) -> None:
        """What editors leave, and files that nobody asked for, are no reason."""
        with Gateway(self.dir, "--reload-ignore", "*.log", "--reload-dir", self.dir / "views", command="dev") as gw:
            gw.wait_event("reload.no_dir")
        (self.dir / "views").mkdir()
        with Gateway(self.dir, "--reload-ignore", "*.log", "--reload-dir", self.dir / "views", command="dev") as gw:
            self.assertIn("first", gw.get("/").text)
            time.sleep(0.3)
            for name in ("notes.txt", "app.lua~", ".app.lua.swp", "4913", "views/x.log", "views/.x.html.swp",
                         "views/.git/HEAD"):
                (self.dir / name).parent.mkdir(exist_ok=True)
                (self.dir / name).write_text("noise")
            self.assertEqual(self.settle(gw), 0)
            (self.dir / "views/deep").mkdir()
            (self.dir / "views/deep/x.html").write_text("counts")
            self.assertIn("views/deep", self.wanted(gw, 1))
            before = self.settle(gw)
            (self.dir / "views/deep/x.html").write_text("counts again")
            self.assertIn("views/deep/x.html", self.wanted(gw, before + 1))

    def test_named(self) -> None:
        """moonloop.watch adds files and directories."""
        self.write("texts/a/hello.txt", "hi")
        self.write("motd", "today")
        self.write("app.lua", 'local moonloop = require "moonloop"\n'
                   'local here = debug.getinfo(1, "S").source:match("^@(.*)/")\n'
                   'moonloop.watch(here .. "/texts")\nmoonloop.watch(here .. "/motd")\n' + PAGE % "page")
        with Gateway(self.dir, command="dev") as gw:
            self.assertIn("page", gw.get("/").text)
            time.sleep(0.3)
            self.write("texts/a/hello.txt", "hello")
            self.assertIn("texts/a/hello.txt", self.wanted(gw, 1))
            before = self.settle(gw)
            self.write("motd", "tomorrow")
            self.assertIn("motd", self.wanted(gw, before + 1))

    def test_checkout(self) -> None:
        """Hundreds of files at once are one reload, or few."""
        with Gateway(self.dir, "--reload-dir", self.dir, command="dev") as gw:
            self.assertIn("first", gw.get("/").text)
            time.sleep(0.3)
            for i in range(300):
                (self.dir / f"lib/file{i}.lua").write_text("return 1")
            self.assertIn("more", self.wanted(gw, 1))
            self.assertLess(self.settle(gw), 10)

    def test_in_run(self) -> None:
        """--reload watches for moonloop run as well; broken code does not replace what serves."""
        errors = ("app.start_failed", "reload.failed", "worker.died")
        with Gateway(self.dir, "--reload", "--workers", "2", errors=errors) as gw:
            self.assertIn("first", gw.get("/").text)
            time.sleep(0.3)
            self.write("lib/word.lua", 'return "sec\n')
            gw.wait_event("reload.failed", 1, 10)
            self.assertIn("first", gw.get("/").text)
            self.write("lib/word.lua", 'return "second"')
            gw.wait_event("reload.done", 1, 10)
            self.wait_body(gw, "second")

    def test_off(self) -> None:
        """--no-reload keeps the pages and watches nothing."""
        with Gateway(self.dir, "--no-reload", command="dev") as gw:
            self.assertIn("/.moonloop/live.js", gw.get("/").text)
            self.write("lib/word.lua", 'return "second"')
            self.assertEqual(self.settle(gw), 0)


class Life(Directory):
    """The stream that pages listen to, and the log."""

    def setUp(self) -> None:
        super().setUp()
        self.app.write_text(PAGE % "page")

    def test_stream(self) -> None:
        """It ends when other code serves; the next one tells of it. It does not hold up a stop."""
        with Gateway(self.dir, command="dev") as gw:
            events = Events(gw)
            self.assertEqual(events.head.header("content-type"), "text/event-stream")
            name, first = events.next()
            self.assertEqual(name, "hello")
            self.assertIn(f'data-id="{first["id"]}"', gw.get("/").text)
            self.write("app.lua", PAGE % "other")
            self.assertEqual(events.next()[0], "swapped")
            with self.assertRaises(Closed):
                events.next()
            poll("another one says hello", lambda: self.hello(gw) not in (None, first["id"]))
            Events(gw)
            began = time.monotonic()
            gw.signal(signal.SIGTERM)
            gw.wait()
            self.assertLess(time.monotonic() - began, patient(5))

    @staticmethod
    def hello(gateway: Gateway) -> Optional[str]:
        """The generation that answers."""
        try:
            return Events(gateway).next()[1]["id"]
        except (Closed, ConnectionError):
            return None

    def test_log(self) -> None:
        """Requests stand among the events, without colours where no terminal is."""
        with Gateway(self.dir, command="dev") as gw:
            gw.get("/some/path?x=1")
            poll("it is logged", lambda: "/some/path?x=1" in gw.log())
            self.assertRegex(gw.log(), r"(?m)^\d\d:\d\d:\d\d GET    200 .* ms  /some/path\?x=1$")
            self.assertRegex(gw.log(), r"(?m)^\d\d:\d\d:\d\d info  worker\.started slot=0")
            self.assertNotIn("\033", gw.log())
            self.assertEqual(gw.stdout(), "")

    def terminal_output(self, **env: str) -> bytes:
        """What it writes to a terminal at its start."""
        master, slave = pty.openpty()
        process = subprocess.Popen([str(MOONLOOP), "dev", str(self.dir), "--bind", "127.0.0.1:0"], stdout=slave,
                                   stderr=slave, stdin=subprocess.DEVNULL, start_new_session=True,
                                   env=clean_env({"TERM": "xterm", **env}))
        os.close(slave)
        try:
            text = b""
            while b"serving" not in text:
                text += os.read(master, 4096)
            return text
        finally:
            process.terminate()
            process.wait(patient(10))
            os.close(master)

    def test_colors(self) -> None:
        """On a terminal it has colours, unless NO_COLOR is set."""
        self.assertIn(b"\033[", self.terminal_output(NO_COLOR=""))
        self.assertNotIn(b"\033[", self.terminal_output(NO_COLOR="1"))


if __name__ == "__main__":
    unittest.main()
