"""The lifespan: LASGI section 5."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Optional

from contract import APPS, Gateway, line_of, patient, poll, records
from gateway import clean_env, run
from support import MOONLOOP

APP = APPS / "lifespan.lua"
NAIVE = APPS / "naive.lua"
HINT = 'an application without one begins with: if scope.type ~= "http"'


def saw(gw: Gateway) -> list[str]:
    """The messages that the lifespan has received so far."""
    return re.findall(r"info lifespan\.saw message=(\S+)", gw.log())


def lifespan(mode: str, *options: str, errors: tuple[str, ...] = ()) -> Gateway:
    """A gateway whose application has that kind of lifespan."""
    return Gateway(APP, *options, env={"MODE": mode}, errors=errors)


def value(gw: Gateway, target: str = "/") -> Any:
    return json.loads(gw.get(target).body)


class Startup(unittest.TestCase):
    """What serves, what does not, and with what words."""

    def test_complete(self) -> None:
        """state is visible, copied for each request, shared below."""
        with lifespan("complete") as gw:
            self.assertEqual(saw(gw), ["lifespan.startup", "timeout"])
            for count in (1, 2):
                self.assertEqual(value(gw)["state"], {"greeting": "hello", "shared": {"count": count - 1}})
                self.assertEqual(value(gw, "/count")["state"], {"own": True, "shared": {"count": count}})
            self.assertEqual(gw.info()["tasks"], 2)

    def test_no_request_before_complete(self) -> None:
        with self.assertRaisesRegex(AssertionError, "in vain until the gateway serves"):
            with self.short_start("never"):
                self.fail("it serves")

    def short_start(self, mode: str) -> Gateway:
        gw = lifespan(mode)
        began = time.monotonic()

        def is_serving() -> bool:
            if time.monotonic() - began > 1:
                raise AssertionError("waited in vain until the gateway serves")
            return type(gw)._is_serving(gw)
        gw._is_serving = is_serving  # type: ignore[method-assign]
        return gw

    def test_stopped_while_it_starts(self) -> None:
        """SIGTERM during a start that takes for ever."""
        process = subprocess.Popen([str(MOONLOOP), "run", str(APP), "--bind", "127.0.0.1:0"], stderr=subprocess.PIPE,
                                   env=clean_env({"MODE": "never"}), text=True)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        _, text = process.communicate(timeout=patient(10))
        self.assertEqual(process.returncode, 0, text)

    def test_none(self) -> None:
        """Unsupported, returned at once, or answered as if it were a request."""
        for mode in ("unsupported", "return", "careless"):
            with self.subTest(mode), lifespan(mode) as gw:
                self.assertEqual(value(gw), {"state": {}})
                self.assertEqual(gw.info()["tasks"], 1)

    def test_taken_for_a_request(self) -> None:
        """Raised because it looked for a request, and never at scope.type: no lifespan."""
        for mode, path, body in (("path", "/moon", b"hello /moon"), ("headers", "/", b"hello moon"),
                                 ("body", "/", b"hello ")):
            with self.subTest(mode), Gateway(NAIVE, env={"MODE": mode}) as gw:
                self.assertEqual(gw.get(path, x_name="moon").body, body)

    def test_slow(self) -> None:
        """A start that hangs is mentioned."""
        process = subprocess.Popen([str(MOONLOOP), "run", str(APP), "--bind", "127.0.0.1:0"], stderr=subprocess.PIPE,
                                   env=clean_env({"MODE": "never"}), text=True)
        assert process.stderr is not None
        line = process.stderr.readline()
        process.terminate()
        process.communicate(timeout=patient(10))
        self.assertIn("warn lifespan.slow", line)

    def test_over_after_startup(self) -> None:
        with lifespan("returns_early") as gw:
            self.assertEqual(value(gw), {"state": {}})

    def fails(self, mode: str, *said: str, app: Path = APP) -> None:
        """Exit code 3, logged once, no respawn; by check, too."""
        for verb, more in (("run", ["--bind", "127.0.0.1:0"]), ("check", [])):
            with self.subTest(mode, verb=verb):
                done = run(verb, app, *more, env={"MODE": mode})
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertEqual(len(re.findall(r" error app\.start_failed ", done.stderr)), 1, done.stderr)
                for text in said:
                    self.assertIn(text, done.stderr)
                self.assertNotIn("moonloop.core", done.stderr)
                self.assertNotIn("worker.died", done.stderr)

    def where(self, marker: str) -> str:
        return f"{APP}:{line_of(APP, f'-- {marker}')}: "

    def test_failed(self) -> None:
        self.fails("failed", "\tthe database is down\n")
        self.fails("failed_silently", "\tlifespan.startup.failed without a message\n")

    def test_raises(self) -> None:
        self.fails("raises", f"\t{self.where('RAISES')}no database\n\tstack traceback:\n")
        self.fails("raises_later", f"\t{self.where('LATER')}no database\n\tstack traceback:\n")
        self.fails("raises_after_path", f"\t{self.where('AFTER PATH')}no database\n\tstack traceback:\n")
        self.fails("asserts_type", "what is this?", HINT)
        self.fails("itself", f"\t{NAIVE}:{line_of(NAIVE, '-- ITSELF')}: attempt to concatenate", HINT, app=NAIVE)

    def test_misuse(self) -> None:
        self.fails("nonsense", f"{self.where('NONSENSE')}send: unknown message type lifespan.started in a lifespan")
        self.fails("not_a_table", f"{self.where('STRING')}send: expected a message (a table), got string")
        self.fails("no_type", f"{self.where('NO TYPE')}send: the message has no type")
        self.fails("too_early", f"{self.where('EARLY')}send: lifespan.shutdown.complete comes once, "
                                "after lifespan.shutdown")
        self.fails("bad_timeout", f"{self.where('TIMEOUT')}receive: timeout must be a number of seconds, got string")

    def test_complete_twice(self) -> None:
        """A mistake after the start: logged, and requests are served."""
        with lifespan("twice", errors=("lifespan.error",)) as gw:
            self.assertEqual(value(gw), {"state": {}})
            poll("it is logged", lambda: records(gw, "lifespan.error"))
            self.assertIn(f"{self.where('TWICE')}send: lifespan.startup.complete comes once, after lifespan.startup",
                          records(gw, "lifespan.error")[0])

    def test_check(self) -> None:
        self.assertEqual(run("check", APP, env={"MODE": "complete"}).returncode, 0)
        self.assertEqual(run("check", APP, env={"MODE": "unsupported"}).returncode, 0)


class Shutdown(unittest.TestCase):
    """From the notice to the last word."""

    def ask_slowly(self, gw: Gateway) -> tuple[threading.Thread, list[Optional[str]]]:
        """A request that is running when this returns."""
        answers: list[Optional[str]] = []
        thread = threading.Thread(target=lambda: answers.append(gw.get("/slow").text))
        thread.start()
        time.sleep(0.1)
        return thread, answers

    def test_order(self) -> None:
        with lifespan("complete") as gw:
            thread, answers = self.ask_slowly(gw)
            gw.signal(signal.SIGTERM)
            thread.join(patient(5))
            gw.wait()
            self.assertEqual(answers, ["slow"])
            told = re.findall(r"info (?:lifespan\.saw message=(\S+)|(request\.over))", gw.log())
            self.assertEqual(["".join(pair) for pair in told][2:], [
                "lifespan.shutdown.notice", "request.over", "lifespan.shutdown", "after_the_end"])

    def test_stream_hears_of_the_drain(self) -> None:
        with lifespan("complete") as gw, gw.connect() as conn:
            conn.request("GET", "/stream")
            conn.read_head()
            gw.signal(signal.SIGTERM)
            self.assertTrue(conn.read_rest().endswith(b"end\r\n0\r\n\r\n"))
            gw.wait()
            self.assertIn("stream.heard again=http.disconnect reason=shutdown type=http.disconnect", gw.log())

    def test_raises(self) -> None:
        with lifespan("raises_at_shutdown", errors=("lifespan.error",)) as gw:
            gw.signal(signal.SIGTERM)
            gw.wait()
            where = f"{APP}:{line_of(APP, '-- GOODBYE')}: "
            self.assertIn(f"\t{where}cannot say goodbye\n", records(gw, "lifespan.error")[0])

    def test_no_answer_is_bounded(self) -> None:
        with lifespan("no_goodbye", "--drain-timeout", "500ms") as gw:
            began = time.monotonic()
            gw.signal(signal.SIGTERM)
            gw.wait()
            self.assertLess(time.monotonic() - began, patient(3))
            self.assertEqual(len(gw.events("lifespan.timeout")), 1)

    def test_services_are_cancelled(self) -> None:
        with lifespan("service") as gw:
            gw.signal(signal.SIGTERM)
            gw.wait()
            self.assertIn("service.over cancelled=true", gw.log())

    def test_reload(self) -> None:
        """Each generation has a lifespan of its own."""
        with lifespan("complete") as gw:
            gw.signal(signal.SIGHUP)
            poll("the new one has started", lambda: saw(gw).count("lifespan.startup") == 2)
            poll("the old one has ended", lambda: saw(gw).count("lifespan.shutdown") == 1)
            self.assertEqual(value(gw)["state"]["greeting"], "hello")


if __name__ == "__main__":
    unittest.main()
