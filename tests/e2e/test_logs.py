"""The access log and the error log: formats, hostile bytes, reopening."""

from __future__ import annotations

import json
import re
import signal
import tempfile
import unittest
from pathlib import Path

from gateway import Gateway
from load import Load
from support import APPS, poll

ROUTES = APPS / "routes.lua"
LOGGING = APPS / "logging.lua"

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Files(unittest.TestCase):
    """A directory for logs."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        self.access = self.dir / "access.log"
        self.error = self.dir / "error.log"

    def lines(self, path: Path, count: int) -> list[str]:
        """Waits until so many lines are there; exactly so many."""
        def read() -> list[str]:
            return path.read_text().splitlines() if path.exists() else []
        poll(f"{path.name} has {count} lines", lambda: len(read()) >= count)
        self.assertEqual(len(read()), count)
        return read()


class AccessLog(Files):
    """--access-log and --access-log-format"""

    def test_off(self) -> None:
        """Nothing is written unless asked for."""
        with Gateway(ROUTES) as gw:
            gw.get("/hello")
            self.assertEqual(gw.stdout(), "")

    def test_combined(self) -> None:
        """What every tool for web logs reads; - is stdout."""
        with Gateway(ROUTES, "--access-log", "-") as gw:
            gw.get("/hello?a=b", User_Agent="probe/1.0", Referer="http://x/")
            gw.get("/nowhere")
            poll("two lines", lambda: gw.stdout().count("\n") == 2)
            first, second = gw.stdout().splitlines()
            self.assertRegex(first, r'^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                                    r'"GET /hello\?a=b HTTP/1\.1" 200 6 "http://x/" "probe/1\.0"$')
            self.assertRegex(second, r'"GET /nowhere HTTP/1\.1" 404 13 "-" "-"$')

    def test_json(self) -> None:
        """One object a line, with durations that make sense."""
        with Gateway(ROUTES, "--access-log", self.access, "--access-log-format", "json") as gw:
            gw.get("/sleep?ms=200", User_Agent='quo"te')
            gw.post("/count", b"x" * 1000)
            first, second = (json.loads(line) for line in self.lines(self.access, 2))
            self.assertEqual((first["method"], first["target"], first["status"], first["user_agent"]),
                             ("GET", "/sleep?ms=200", 200, 'quo"te'))
            self.assertGreater(first["total_ms"], 190)
            self.assertLess(first["lua_ms"], 100)
            self.assertEqual((second["request_bytes"], second["bytes"]), (1000, 11))

    def test_custom(self) -> None:
        """A format string, with fields of the request by name."""
        with Gateway(ROUTES, "--access-log", self.access, "--access-log-format",
                     "%{method} %{path} %{status} %{bytes} %{header:x-id} %{protocol} 100%%") as gw:
            gw.get("/hello", X_Id="7")
            self.assertEqual(self.lines(self.access, 1), ["GET /hello 200 6 7 HTTP/1.1 100%"])

    def test_hostile(self) -> None:
        """Bytes of a client forge neither a line nor a column, nor invalid JSON."""
        hostile = b'a" 200 0\x1b[31m\t\xff\xc3\xa9\\x'
        request = b"GET /hello?%22 HTTP/1.1\r\nHost: x\r\nUser-Agent: " + hostile + b"\r\n\r\n"
        for form in ("combined", "json", "%{user_agent} %{status}"):
            path = self.dir / f"{len(form)}.log"
            with self.subTest(form), Gateway(ROUTES, "--access-log", path, "--access-log-format", form) as gw:
                with gw.connect() as conn:
                    conn.send(request, "GET")
                    status = conn.read_response().status
                line = self.lines(path, 1)[0]
                self.assertNotRegex(line, r"[\x00-\x1f\x7f]")
                if form == "json":
                    self.assertEqual(json.loads(line)["status"], status)
                elif form == "combined":
                    self.assertEqual(len(re.findall(r'(?<!\\)"', line)), 6)
                else:
                    self.assertEqual(len(line.split(" ")), 2)

    def test_refused_and_aborted(self) -> None:
        """What the gateway refused is logged too, and what a client did not wait for."""
        options = ("--access-log", self.access, "--access-log-format", "%{status} %{method} %{target}")
        with Gateway(ROUTES, *options) as gw:
            with gw.connect() as conn:
                conn.send(b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
                conn.read_response()
            self.assertTrue(self.lines(self.access, 1)[0].startswith("400 "))
            conn = gw.connect()
            conn.request("GET", "/sleep?ms=5000")
            poll("it sleeps", lambda: gw.info()["tasks"] == 2)
            conn.reset()
            poll("it is logged", lambda: re.search(r"^\S+ GET /sleep\?ms=5000$", self.access.read_text(), re.M))

    def test_nothing_lost(self) -> None:
        """Under load there is a line for each answer, and none is torn; several workers share the file."""
        options = ("--access-log", self.access, "--access-log-format", "%{status} %{target}")
        with Gateway(ROUTES, "--workers", "2", *options) as gw:
            with Load(gw.addresses[0]) as load:
                poll("the load runs", lambda: load.answered > 2000, 10)
            self.assertEqual(load.failures, [])
            self.assertEqual(set(self.lines(self.access, load.answered)), {"200 /hello"})


class ErrorLog(Files):
    """--log, --log-format, --log-level"""

    def test_text(self) -> None:
        """time level event key=value; a traceback behind it, each line behind a tab."""
        with Gateway(LOGGING, errors=["app.error"]) as gw:
            gw.post("/tycho?probe.landed", b"two words")
            line = gw.wait_event("probe.landed")[0]
            self.assertRegex(line, rf"^{TIME} info probe\.landed ")
            for pair in ('value="two words"', "number=2.5", "flag=true", "path=/tycho"):
                self.assertIn(f" {pair}", line)
            gw.get("/raise")
            gw.wait_event("app.error")
            self.assertRegex(gw.log(), r"(?m)^\S+ error app\.error .*path=/raise.*\n"
                                       r"\t.*logging\.lua:\d+: raised for the log\n\tstack")

    def test_json(self) -> None:
        """Every line of the file is an object, tracebacks and the master's lines too."""
        with Gateway(LOGGING, "--log", self.error, "--log-format", "json") as gw:
            gw.post("/tycho?probe.landed", b'a "b"\n\xff')
            gw.get("/raise")
            poll("the error is logged", lambda: "raised for the log" in self.error.read_text())
        records = [json.loads(line) for line in self.error.read_text().splitlines()]
        found = {record["event"]: record for record in records}
        self.assertEqual(found["probe.landed"]["number"], 2.5)
        self.assertEqual(found["probe.landed"]["value"][:6], 'a "b"\n')
        self.assertEqual(found["app.error"]["level"], "error")
        self.assertIn("\n", found["app.error"]["traceback"])
        self.assertIn("worker.stopped", found)

    def test_hostile(self) -> None:
        """Values from a client cannot forge a line, nor a key; long ones are cut."""
        with Gateway(LOGGING) as gw:
            gw.post("/?probe", b"x\n2026-01-01T00:00:00.000Z error forged a=b\x1b[0m\" c=d")
            gw.post("/?long", b"x" * 30000)
            gw.get("/?not%20a word%0a" .replace(" ", "+"))
            gw.wait_event("long")
            self.assertEqual(gw.events("forged"), [])
            self.assertNotRegex(gw.log(), r"[\x00-\x08\x0b-\x1f\x7f]")
            self.assertLess(max(map(len, gw.log().splitlines())), 17000)

    def test_levels(self) -> None:
        """--log-level says what is written."""
        for level, count in (("debug", 4), ("info", 3), ("warn", 2), ("error", 1)):
            with self.subTest(level), Gateway(LOGGING, "--log-level", level, errors=["level.error"]) as gw:
                gw.get("/levels")
                gw.wait_event("level.error")
                self.assertEqual(len(re.findall(r" level\.\w+", gw.log())), count)

    def test_reopen(self) -> None:
        """Renamed, then SIGUSR1: later lines are in the new file, earlier ones in the old; none is lost."""
        with Gateway(ROUTES, "--workers", "2", "--access-log", self.access, "--access-log-format", "%{target}",
                     "--log", self.error) as gw:
            with Load(gw.addresses[0], threads=4) as load:
                for n in (1, 2, 3):
                    answered = load.answered
                    poll("the load runs", lambda: load.answered > answered + 100)
                    self.access.rename(self.dir / f"access.{n}")
                    self.error.rename(self.dir / f"error.{n}")
                    gw.signal(signal.SIGUSR1)
                    poll("there are new files", lambda: self.access.exists() and self.error.exists())
            self.assertEqual(load.failures, [])
        lines = [line for path in self.dir.glob("access*") for line in path.read_text().splitlines()]
        self.assertEqual((len(lines), set(lines)), (load.answered, {"/hello"}))
        self.assertIn("worker.stopped", self.error.read_text())
        self.assertIn("worker.started", (self.dir / "error.1").read_text())

    def test_reopen_fails(self) -> None:
        """A directory that is gone: said so, and the old file is written further."""
        logs = self.dir / "logs"
        logs.mkdir()
        with Gateway(LOGGING, "--access-log", logs / "access", "--access-log-format", "%{target}",
                     errors=["log.reopen_failed"]) as gw:
            gw.get("/one")
            logs.rename(self.dir / "moved")
            gw.signal(signal.SIGUSR1)
            gw.wait_event("log.reopen_failed")
            gw.get("/two")
            poll("the old file goes on", lambda: (self.dir / "moved" / "access").read_text() == "/one\n/two\n")


if __name__ == "__main__":
    unittest.main()
