"""SIGHUP: new code without a request lost, and broken code without a request noticing."""

from __future__ import annotations

import signal
import tempfile
import time
import unittest
from pathlib import Path

from gateway import Gateway
from load import Load
from support import patient, poll

VERSIONED = """\
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"
return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	if scope.path == "/slow" then moonloop.sleep(0.6) end
	send { type = "http.response.start", status = 200, body = "%s" }
end
"""


class Reload(unittest.TestCase):
    """An application in a file that the tests write anew."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.app = Path(directory.name) / "app.lua"
        self.write("v0")

    def write(self, version: str) -> None:
        """The application that answers with this word; replaced at once, as a worker may be reading it."""
        new = self.app.with_suffix(".new")
        new.write_text(VERSIONED % version)
        new.replace(self.app)

    def reload(self, gateway: Gateway) -> None:
        """One whole reload."""
        done = len(gateway.events("reload.done"))
        gateway.signal(signal.SIGHUP)
        gateway.wait_event("reload.done", done + 1, 10)

    def test_new_code(self) -> None:
        """What is served after a reload is the file as it is then, by new processes."""
        with Gateway(self.app, "--workers", "2") as gw:
            before = set(gw.worker_pids())
            self.assertEqual(gw.get("/").text, "v0")
            self.write("v1")
            self.assertEqual(gw.get("/").text, "v0")
            self.reload(gw)
            self.assertEqual({gw.get("/").text for _ in range(20)}, {"v1"})
            poll("the old workers are gone", lambda: not before & set(gw.worker_pids()))
            self.assertEqual(len(gw.worker_pids()), 2)

    def test_in_flight(self) -> None:
        """A request that runs in the old worker is answered by the old code."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/slow")
            time.sleep(0.1)  # either way the answer comes; later it would prove nothing
            self.write("v1")
            self.reload(gw)
            self.assertEqual(gw.get("/").text, "v1")
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.keeps), ("v0", False))

    def test_under_load(self) -> None:
        """20 reloads under load: not one failed request, over kept and over new connections."""
        for workers in ("1", "2"):
            with self.subTest(workers=workers), Gateway(self.app, "--workers", workers) as gw:
                with Load(gw.addresses[0], "/") as load:
                    for n in range(1, 21):
                        self.write(f"v{n}")
                        self.reload(gw)
                        answered = load.answered
                        poll("clients are served on", lambda: load.answered > answered + 20)
                self.assertEqual(load.failures, [])
                self.assertGreater(load.answered, 500)
                self.assertEqual(gw.get("/").text, "v20")
                self.assertGreater(load.bodies[b"v20"], 0)

    def test_hasty_signals(self) -> None:
        """SIGHUPs without a pause become a few reloads, the last of which sees the last file."""
        with Gateway(self.app, "--workers", "2") as gw:
            with Load(gw.addresses[0], "/", threads=4) as load:
                for n in range(1, 31):
                    self.write(f"v{n}")
                    gw.signal(signal.SIGHUP)
                    time.sleep(0.01)
                poll("the last code is served", lambda: {gw.get("/").text for _ in range(10)} == {"v30"}, 10)
                poll("the old workers are gone", lambda: len(gw.worker_pids()) == 2, 10)
            self.assertEqual(load.failures, [])

    def test_broken(self) -> None:
        """Broken code: the reason is logged with its line, the old code serves on, and can be mended."""
        errors = ("app.start_failed", "app.not_found", "reload.failed", "worker.died")
        with Gateway(self.app, "--workers", "2", errors=errors) as gw:
            before = sorted(gw.worker_pids())
            with Load(gw.addresses[0], "/", threads=4) as load:
                for i, (text, said) in enumerate((
                        ("local x = = 1", "app.lua:1: unexpected symbol"), ("\nerror 'no fuel'", "app.lua:2: no fuel"),
                        ("return nil", "returned nothing"),
                        ("return function(scope)\n\nerror 'no start'\nend", "app.lua:3: no start")), 1):
                    self.app.write_text(text)
                    gw.signal(signal.SIGHUP)
                    gw.wait_event("reload.failed", i)
                    self.assertIn(said, gw.log())
                    self.assertEqual(sorted(gw.worker_pids()), before)
                    self.assertEqual(gw.get("/").text, "v0")
                self.app.unlink()
                gw.signal(signal.SIGHUP)
                gw.wait_event("reload.failed", 5)
                self.write("v1")
                self.reload(gw)
                self.assertEqual(gw.get("/").text, "v1")
            self.assertEqual(load.failures, [])

    def test_never_ready(self) -> None:
        """A start that hangs does not stop the old code from serving, nor the gateway from stopping."""
        with Gateway(self.app) as gw:
            self.app.write_text('return function() require("moonloop").sleep(3600) end')
            gw.signal(signal.SIGHUP)
            poll("a second worker starts", lambda: len(gw.worker_pids()) == 2)
            self.assertEqual(gw.get("/").text, "v0")
            began = time.monotonic()
            gw.signal(signal.SIGTERM)
            gw.wait(5)
            self.assertLess(time.monotonic() - began, patient(2))


if __name__ == "__main__":
    unittest.main()
