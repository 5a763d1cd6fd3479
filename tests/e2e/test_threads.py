"""The thread pool: long work beside short requests, its bounds, its errors, files."""

from __future__ import annotations

import signal
import tempfile
import time
import unittest
from pathlib import Path

from client import Conn
from gateway import Gateway
from load import Load
from support import APPS, SANITIZER, TIME_FACTOR, line_of, patient, poll

THREADS = APPS / "threads.lua"


class Pool(unittest.TestCase):
    """thread.run"""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.mark = Path(directory.name) / "mark"

    def block(self, gateway: Gateway, seconds: float) -> Conn:
        """A request that keeps a thread for so long, and leaves a line in the mark when it ran."""
        conn = gateway.connect(20)
        conn.request("GET", f"/block?s={seconds}", {"X-Path": str(self.mark)})
        return conn

    def wait_running(self, gateway: Gateway) -> None:
        """A job runs: its request's task is there, and nothing waits in the queue."""
        poll("the job runs", lambda: gateway.get("/tasks").text == "2" and gateway.get("/queue").text == "0")

    def fill(self, gateway: Gateway, seconds: float) -> tuple[Conn, Conn]:
        """With one thread and a queue of one: the first request runs, the second waits."""
        first = self.block(gateway, seconds)
        self.wait_running(gateway)
        second = self.block(gateway, 0)
        poll("the second job waits", lambda: gateway.get("/queue").text == "1")
        return first, second

    def test_others_are_served(self) -> None:
        """2 s of computing in a thread: meanwhile no /hello waits for it."""
        with Gateway(THREADS) as gw:
            conn = gw.connect(30)
            conn.request("GET", "/busy?s=2")
            began = time.monotonic()
            with Load(gw.addresses[0], threads=3) as load:
                self.assertEqual(conn.read_response().text, "true")
            self.assertGreater(time.monotonic() - began, 1)
            self.assertEqual(load.failures, [])
            self.assertGreater(load.answered, 50)
            self.assertLess(load.slowest, 1.0 * TIME_FACTOR)

    def test_values(self) -> None:
        """Arguments, upvalues and results cross as copies; a large string too."""
        with Gateway(THREADS) as gw:
            self.assertEqual(gw.get("/values").text, "7 two.. 3.5 true nil")
            self.assertEqual([gw.get("/state").text for _ in range(3)], ["1 nil"] * 3)
            self.assertEqual(gw.get("/large").text, "true")
            self.assertEqual(gw.get("/parallel").text, str(sum(i * i for i in range(1, 21))))

    def test_crossing(self) -> None:
        """What cannot cross is an error that names the variable."""
        with Gateway(THREADS) as gw:
            self.assertEqual(gw.get("/crossing").text, "co false true\nfalse\nfile false true")

    def test_error(self) -> None:
        """An error in a thread is logged with the lines of both sides."""
        with Gateway(THREADS, errors=["app.error"]) as gw:
            self.assertEqual(gw.get("/error").status, 500)
            gw.wait_event("app.error")
            log = gw.log()
            self.assertIn(f"threads.lua:{line_of(THREADS, '-- THREAD')}: no fuel", log)
            self.assertIn(f"threads.lua:{line_of(THREADS, '-- CALLER')}: ", log)
            self.assertIn("in the thread", log)
            self.assertNotIn("moonloop.core", log)

    def test_waiting_function(self) -> None:
        """A function that waits says so when it is used in a thread."""
        with Gateway(THREADS) as gw:
            self.assertRegex(gw.get("/waits").text, "^false .*(pool )?thread")

    def test_queue_full(self) -> None:
        """One job more than may wait is refused at once; those that wait are done."""
        with Gateway(THREADS, "--threads", "1", "--thread-queue", "1") as gw:
            first, second = self.fill(gw, 1)
            self.assertEqual(gw.get("/block?s=0").text, "refused: queue_full")
            self.assertEqual([first.read_response().text, second.read_response().text], ["done", "done"])
            self.assertEqual(self.mark.read_text(), "ran\n" * 2)

    def test_cancelled_while_waiting(self) -> None:
        """A job that waits is dropped when its request is cancelled."""
        with Gateway(THREADS, "--threads", "1", "--thread-queue", "1") as gw:
            first, second = self.fill(gw, 1)
            second.reset()
            poll("it waits no more", lambda: gw.get("/queue").text == "0")
            poll("its task is gone", lambda: gw.get("/tasks").text == "2")
            self.assertEqual(first.read_response().text, "done")
            self.assertEqual(gw.get("/block?s=0").text, "done")
            self.assertEqual(self.mark.read_text(), "ran\n")

    def test_cancelled_while_running(self) -> None:
        """A job that runs is stopped, behind the C function that it is in, and the thread is there for the next."""
        with Gateway(THREADS, "--threads", "1") as gw:
            conn = self.block(gw, 0.5)
            self.wait_running(gw)
            conn.reset()
            poll("its task is gone", lambda: gw.get("/tasks").text == "1")
            self.assertEqual(gw.get("/block?s=0").text, "done")
            if SANITIZER != "tsan":
                self.assertFalse(self.mark.exists())

    def test_stop(self) -> None:
        """SIGTERM: the job of a running request is waited for; --drain-timeout bounds that."""
        with Gateway(THREADS) as gw:
            conn = self.block(gw, 0.5)
            self.wait_running(gw)
            gw.signal(signal.SIGTERM)
            self.assertEqual(conn.read_response().text, "done")
        with Gateway(THREADS, "--drain-timeout", "200ms") as gw:
            self.block(gw, 1.5)
            self.wait_running(gw)
            began = time.monotonic()
            gw.signal(signal.SIGTERM)
            gw.wait(10)
            self.assertLess(time.monotonic() - began, patient(3))


class Stopping(unittest.TestCase):
    """Jobs that are cancelled, too late, or ahead of who reads."""

    def wait_idle(self, gateway: Gateway) -> None:
        poll("no job is left", lambda: gateway.get("/jobs").text == "0 0")

    @unittest.skipIf(SANITIZER == "tsan", "it holds signals back from a thread that calls nothing")
    def test_endless(self) -> None:
        """A loop without end is stopped when its client leaves, or its time is over; the thread goes on."""
        with Gateway(THREADS, "--threads", "1") as gw:
            conn = gw.connect(20)
            conn.request("GET", "/endless")
            poll("it runs", lambda: gw.get("/jobs").text == "1 0")
            conn.reset()
            self.wait_idle(gw)
            self.assertEqual(gw.get("/endless?s=0.1").text, "nil timeout")
            self.wait_idle(gw)
            self.assertEqual(gw.get("/values").text, "7 two.. 3.5 true nil")

    @unittest.skipIf(SANITIZER == "tsan", "it holds signals back from a thread that calls nothing")
    def test_endless_at_the_end(self) -> None:
        """Nor does it hold up the end of the worker."""
        with Gateway(THREADS, "--drain-timeout", "100ms") as gw:
            conn = gw.connect(20)
            conn.request("GET", "/endless")
            poll("it runs", lambda: gw.get("/jobs").text == "1 0")
            gw.signal(signal.SIGTERM)
            gw.wait(20)
            self.assertNotIn("worker.thread_left", gw.log())

    def test_stuck(self) -> None:
        """A C function that does not return keeps its thread, and the log says so."""
        with Gateway(THREADS) as gw:
            conn = gw.connect(20)
            conn.request("GET", "/block?s=4")
            poll("it runs", lambda: gw.get("/jobs").text == "1 0")
            conn.reset()
            gw.wait_event("thread.stuck")
            self.assertEqual(gw.get("/jobs").text, "1 0")
            poll("it ends", lambda: gw.get("/jobs").text == "0 0", 15)

    def test_progress(self) -> None:
        """Partial results become a response, in order and without loss."""
        with Gateway(THREADS) as gw:
            expected = "".join(f"{i} {i % 100}\n" for i in range(1, 2001)) + "done\n"
            self.assertEqual(gw.get("/progress?n=2000").text, expected)

    def test_progress_nobody_reads(self) -> None:
        """A client that leaves in the middle: the job, which waits for room, ends."""
        with Gateway(THREADS, "--threads", "1") as gw:
            conn = gw.connect(20)
            conn.request("GET", "/progress?n=1000000000")
            poll("it runs", lambda: gw.get("/jobs").text == "1 0")
            conn.reset()
            self.wait_idle(gw)


class Blocking(unittest.TestCase):
    """Lua's own functions that block the loop."""

    def test_moved(self) -> None:
        """os.execute in a handler: another request is answered meanwhile."""
        with Gateway(THREADS) as gw:
            conn = gw.connect(20)
            conn.request("GET", "/execute?s=2")
            poll("it runs", lambda: gw.get("/jobs").text == "1 0")
            self.assertEqual(gw.get("/hello").text, "hello")
            self.assertEqual(gw.get("/jobs").text, "1 0")
            self.assertEqual(conn.read_response().text, "0")
            self.assertNotIn("blocking.call", gw.log())

    def test_warned(self) -> None:
        """io.open in a handler warns, once for the place; never when that is off."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "file"
            path.write_text("content")
            for option, lines in (("on", 1), ("off", 0)):
                with self.subTest(option), Gateway(THREADS, "--blocking-warnings", option) as gw:
                    for _ in range(3):
                        with gw.connect() as conn:
                            conn.request("GET", "/open", {"X-Path": str(path)})
                            self.assertEqual(conn.read_response().text, "content")
                    gw.signal(signal.SIGTERM)
                    gw.wait(20)
                    said = [line for line in gw.log().splitlines() if " blocking.call " in line]
                    self.assertEqual(len(said), lines, said)
                    for line in said:
                        self.assertIn(f"threads.lua:{line_of(THREADS, '-- OPEN')} ", line)
                        self.assertIn("call=io.open", line)


class Files(unittest.TestCase):
    """moonloop.fs"""

    def test_read_and_write(self) -> None:
        """What was written is read back, bytes and all; failures have their codes."""
        with tempfile.TemporaryDirectory() as directory, Gateway(THREADS) as gw, gw.connect() as conn:
            path = Path(directory) / "file"
            for data in (b"magnificent \0 desolation \xff", b"", b"x" * 300000):
                conn.request("POST", "/write", {"X-Path": str(path)}, data)
                self.assertEqual(conn.read_response().text, "written")
                self.assertEqual(path.read_bytes(), data)
                conn.request("GET", "/read", {"X-Path": str(path)})
                self.assertEqual(conn.read_response().body, data)
            for target, bad, code in (("/read", f"{path}x", "not_found"), ("/write", f"{path}/x", "not_found"),
                                      ("/read", "/dev/zero", "invalid"), ("/write", directory, "is_dir")):
                conn.request("POST", target, {"X-Path": bad}, b"data")
                self.assertEqual(conn.read_response().text.split()[0], code, bad)


if __name__ == "__main__":
    unittest.main()
