"""SIGHUP: new code beside the old, without a request lost; broken code without a request noticing."""

from __future__ import annotations

import os
import signal
import time
import unittest
from pathlib import Path

from client import Closed
from gateway import Gateway, run
from load import Load
from support import SANITIZER, patient, poll
from versioned import Versioned, children, descriptors


def ended_within(gateway: Gateway, seconds: float) -> float:
    """Waits for its end; how long that took."""
    began = time.monotonic()
    gateway.wait(seconds)
    return time.monotonic() - began


class NewCode(Versioned):
    """What the new generation serves, and what the old one ends."""

    def test_new_code(self) -> None:
        """What is served after a reload is the files as they are then, by the same processes."""
        with Gateway(self.app, "--workers", "2") as gw:
            before = gw.worker_pids()
            self.assertEqual(gw.get("/").text, "v0")
            self.write("v1")
            self.assertEqual(gw.get("/").text, "v0")
            self.reload(gw)
            self.assertEqual({gw.get("/").text for _ in range(20)}, {"v1"})
            self.assertEqual(gw.worker_pids(), before)
            self.assertEqual(gw.info()["generation"], 2)

    def test_in_flight(self) -> None:
        """A request that runs is answered by the old code, and the next one of its connection by the new."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/slow")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            self.assertEqual(gw.get("/").text, "v1")
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.keeps), ("v0", True))
            conn.request("GET", "/")
            self.assertEqual(conn.read_response().text, "v1")

    def test_lifespan(self) -> None:
        """Each generation has a lifespan of its own, and the old one's ends after its last request."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/slow")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            conn.read_response()
            self.settle(gw)
            said = [line.split("lifespan.")[1].split()[0] + line.split("version=")[1][:2]
                    for line in gw.events("app.lifespan") if "version=" in line]
            self.assertEqual(said, ["startupv0", "startupv1", "shutdown.noticev0", "shutdownv0"])

    def test_pipelined(self) -> None:
        """Requests that wait behind one another are answered in order, each by the code of its turn."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            for target in ("/slow", "/", "/"):
                conn.request("GET", target)
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            self.assertEqual([conn.read_response().text for _ in range(3)], ["v0", "v1", "v1"])

    def test_stream_that_listens(self) -> None:
        """It is told of the shutdown, ends on the old code, and its connection stays."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/stream")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            lines = conn.read_response().text.split()
            self.assertEqual(set(lines), {"v0"})
            conn.request("GET", "/")
            self.assertEqual(conn.read_response().text, "v1")

    def test_stream_that_goes_on(self) -> None:
        """Within the drain time-out it goes on to its own end."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/deaf")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            self.assertEqual(gw.get("/").text, "v1")
            self.assertEqual(conn.read_response().text.split(), ["v0"] * 6)

    def test_drain_timeout(self) -> None:
        """After it a stream is cut, and a request without an answer gets 503 and keeps its connection."""
        with Gateway(self.app, "--drain-timeout", "100ms") as gw:
            stream, slow = gw.connect(), gw.connect()
            stream.request("GET", "/deaf")
            slow.request("GET", "/slow")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            with self.assertRaises((Closed, ConnectionError)):
                stream.read_response()
            self.assertEqual(slow.read_response().status, 503)
            slow.request("GET", "/")
            self.assertEqual(slow.read_response().text, "v1")
            self.settle(gw)
            self.assertIn("cancelled=2", gw.wait_event("generation.drain_timeout")[0])

    def test_background(self) -> None:
        """What a request of the old code has started comes to its end."""
        with Gateway(self.app) as gw:
            gw.get("/background")
            self.write("v1")
            self.reload(gw)
            self.assertIn("version=v0", gw.wait_event("app.background")[0])
            self.settle(gw)

    def test_threads(self) -> None:
        """A thread's state that has an old module is not used for the new code."""
        with Gateway(self.app, "--threads", "1") as gw:
            for n in range(1, 4):
                self.assertEqual(gw.get("/thread").text, f"v{n - 1}")
                self.write(f"v{n}", "thread.run(function() require('marked') end)")
                self.reload(gw)
                self.assertEqual(gw.get("/thread").text, f"v{n}")

    def test_what_it_held(self) -> None:
        """Files, watches, pipes and processes of the old code go with it; those of the new one are there."""
        start = """
            local fs, process = require "moonloop.fs", require "moonloop.process"
            held = {
                assert(fs.open("/dev/null")), assert(fs.tempfile()), assert(fs.watch("%s")),
                assert(process.spawn({ "sleep", "3600" }, { stdin = "pipe", stdout = "pipe" })),
            }""" % self.dir
        self.write("v0", start)
        with Gateway(self.app) as gw:
            pid = gw.worker_pids()[0]
            before = descriptors(pid)
            for n in range(1, 6):
                self.write(f"v{n}", start)
                self.reload(gw)
                self.settle(gw)
            poll("the same descriptors are open", lambda: descriptors(pid) == before)
            poll("one process is left", lambda: len(children(pid)) == 1)
        poll("and none at the end", lambda: not Path(f"/proc/{pid}").exists())

    def test_third_waits(self) -> None:
        """Two generations at most: a reload during a drain follows when that is over."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/deaf")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            self.write("v2")
            gw.signal(signal.SIGHUP)
            time.sleep(0.1)
            self.assertEqual(gw.get("/").text, "v1")
            self.assertEqual(conn.read_response().text.split(), ["v0"] * 6)
            poll("the third serves", lambda: gw.get("/").text == "v2")

    @unittest.skipIf(SANITIZER == "tsan", "signals do not arrive")
    def test_slow_load(self) -> None:
        """What holds up the requests while it loads is reported."""
        with Gateway(self.app, "--stall-report", "50ms") as gw:
            self.put(self.dir / "marked.lua", "local t = os.clock() + 0.3 while os.clock() < t do end\n"
                                              "return { version = 'v1' }\n")
            self.reload(gw)
            self.assertRegex(gw.wait_event("loop.stalled")[0], r"place=\S*marked\.lua:[12] ms=\d+")

    @unittest.skipIf(SANITIZER == "tsan", "signals do not arrive")
    def test_budget_while_draining(self) -> None:
        """The guard watches the old code too, and after that the new one as before."""
        with Gateway(self.app, "--cpu-budget", "300ms", errors=["task.cpu_budget"]) as gw:
            for version in ("v0", "v1"):
                conn = gw.connect()
                conn.request("GET", "/spin")
                gw.wait_event("app.spinning", 1 if version == "v0" else 2)
                if version == "v0":
                    self.write("v1")
                    self.reload(gw)
                self.assertEqual(conn.read_response().status, 503)
                self.assertEqual(gw.get("/").text, "v1")
            gw.wait_event("task.cpu_budget", 2)


class UnderLoad(Versioned):
    """Many clients, none of which may notice anything but other answers."""

    def test_under_load(self) -> None:
        """20 reloads: not one failed request, over kept and over new connections."""
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
                self.settle(gw)
            self.assertEqual(load.failures, [])


class Broken(Versioned):
    """What does not start leaves the old code serving."""

    def test_broken(self) -> None:
        """The reason is logged with its line, the old code serves on, and can be mended."""
        with Gateway(self.app, "--workers", "2", errors=("app.start_failed", "reload.failed")) as gw:
            before = gw.worker_pids()
            with Load(gw.addresses[0], "/", threads=4) as load:
                for text, said in (
                        ("local x = = 1", "app.lua:1: unexpected symbol"), ("\nerror 'no fuel'", "app.lua:2: no fuel"),
                        ("return nil", "returned nothing"), ("require 'missing'", "module 'missing' not found"),
                        ("return function(scope)\n\nerror 'no start'\nend", "app.lua:3: no start")):
                    self.put(self.app, text)
                    self.refused(gw)
                    poll(f"{said} is logged", lambda said=said: said in gw.log())
                    self.assertEqual(gw.get("/").text, "v0")
                self.app.unlink()
                self.refused(gw)
                self.write("v1")
                self.reload(gw)
                self.assertEqual(gw.get("/").text, "v1")
            self.assertEqual(load.failures, [])
            self.assertEqual(gw.worker_pids(), before)
            self.assertEqual(len(gw.wait_event("app.start_failed", 6)), 6, "the second worker was not asked")

    def test_broken_module(self) -> None:
        """The same in a file that the application requires."""
        with Gateway(self.app, errors=("app.start_failed", "reload.failed")) as gw:
            self.put(self.dir / "marked.lua", "return {\n} }")
            self.refused(gw)
            poll("the line is logged", lambda: "marked.lua:2:" in gw.log())
            self.assertEqual(gw.get("/").text, "v0")

    def test_start_hangs(self) -> None:
        """It has its time; the line says where it waits."""
        with Gateway(self.app, "--start-timeout", "300ms", errors=("app.start_failed", "reload.failed")) as gw:
            self.write("v1", "moonloop.sleep(3600)")
            gw.signal(signal.SIGHUP)
            gw.wait_event("generation.loading")
            self.assertEqual(gw.get("/").text, "v0")
            gw.wait_event("reload.failed")
            self.assertRegex(gw.wait_event("app.start_failed")[0], r"place=\S*app\.lua:\d+ ")
            self.assertEqual(gw.get("/").text, "v0")
            self.write("v2")
            self.reload(gw)
            self.assertEqual(gw.get("/").text, "v2")

    def test_first_start_hangs(self) -> None:
        """At boot it is the end."""
        self.write("v0", "moonloop.sleep(3600)")
        done = run("run", self.app, "--bind", "127.0.0.1:0", "--start-timeout", "200ms")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"app\.start_failed \S+ \S+ place=\S*app\.lua:\d+ ")

    @unittest.skipIf(SANITIZER == "tsan", "signals do not arrive")
    def test_load_spins(self) -> None:
        """Code that computes for ever while it loads, compiled or not, is stopped by the CPU budget."""
        errors = ("app.start_failed", "reload.failed", "task.cpu_budget")
        with Gateway(self.app, "--cpu-budget", "300ms", errors=errors) as gw:
            for n, text in enumerate(("while true do end", "while true do pcall(error) end",
                                      "local t = {}\nwhile true do t[#t % 100 + 1] = tostring({}) end"), 1):
                self.put(self.app, text)
                self.refused(gw)
                self.assertEqual(len(gw.wait_event("task.cpu_budget", n)), n)
                self.assertEqual(gw.get("/").text, "v0")

    def test_crash(self) -> None:
        """Code that takes the worker with it: the others are not asked, and serve."""
        errors = ("worker.died", "reload.failed", "worker.fork_failed")
        with Gateway(self.app, "--workers", "2", errors=errors) as gw:
            self.write("v1", "if os.getenv('HOME') then io.popen('kill -9 $PPID'):read('*a') end")
            survivor = gw.worker_pids()[1]
            self.refused(gw)
            self.assertIn(survivor, gw.worker_pids())
            self.write("v2")
            poll("the first one is replaced", lambda: len(gw.worker_pids()) == 2)
            poll("it serves the mended files", lambda: "v2" in {gw.get("/").text for _ in range(10)}, 10)
            self.reload(gw)
            self.assertEqual({gw.get("/").text for _ in range(20)}, {"v2"})


class Stopped(Versioned):
    """SIGTERM in the middle of it."""

    def test_while_it_loads(self) -> None:
        """The new one is given up, and the old one drains as ever."""
        with Gateway(self.app) as gw:
            self.write("v1", "moonloop.sleep(3600)")
            conn = gw.connect()
            conn.request("GET", "/slow")
            gw.get("/")
            gw.signal(signal.SIGHUP)
            gw.wait_event("generation.loading")
            gw.signal(signal.SIGTERM)
            self.assertEqual(conn.read_response().text, "v0")
            self.assertLess(ended_within(gw, 5), patient(2))
            self.assertIn("message=lifespan.shutdown version=v0", gw.log())

    def test_while_the_old_one_drains(self) -> None:
        """Both come to their end, with their requests and their lifespans."""
        with Gateway(self.app) as gw:
            old = gw.connect()
            old.request("GET", "/slow")
            gw.get("/")
            self.write("v1")
            self.reload(gw)
            new = gw.connect()
            new.request("GET", "/slow")
            gw.wait_event("generation.draining")
            time.sleep(0.1)
            gw.signal(signal.SIGTERM)
            self.assertEqual((old.read_response().text, new.read_response().text), ("v0", "v1"))
            self.assertLess(ended_within(gw, 5), patient(2))
            for version in ("v0", "v1"):
                self.assertIn(f"message=lifespan.shutdown version={version}", gw.log())

    def test_while_a_third_waits(self) -> None:
        """It is not loaded any more."""
        with Gateway(self.app) as gw:
            conn = gw.connect()
            conn.request("GET", "/deaf")
            gw.get("/")
            self.reload(gw)
            gw.signal(signal.SIGHUP)
            gw.signal(signal.SIGTERM)
            self.assertEqual(conn.read_response().text.split(), ["v0"] * 6)
            self.assertLess(ended_within(gw, 5), patient(3))
            self.assertEqual(len(gw.events("generation.loading")), 1)

    def test_deaf(self) -> None:
        """Old and new requests that do not end are bounded together."""
        with Gateway(self.app, "--drain-timeout", "200ms") as gw:
            conns = [gw.connect(), gw.connect()]
            conns[0].request("GET", "/deaf")
            gw.get("/")
            self.reload(gw)
            conns[1].request("GET", "/deaf")
            gw.get("/")
            gw.signal(signal.SIGTERM)
            self.assertLess(ended_within(gw, 5), patient(2))


class NewWorkers(Versioned):
    """SIGUSR2: new processes."""

    def renew(self, gateway: Gateway) -> None:
        """One whole round."""
        done = len(gateway.events("reload.done"))
        gateway.signal(signal.SIGUSR2)
        gateway.wait_event("reload.done", done + 1, 10)

    def test_new_workers(self) -> None:
        """They serve the files as they are; requests of the old ones are answered, and their connections end."""
        with Gateway(self.app, "--workers", "2") as gw:
            before = set(gw.worker_pids())
            conn = gw.connect()
            conn.request("GET", "/slow")
            time.sleep(0.1)  # either way the answer comes; later it would prove nothing
            self.write("v1")
            with Load(gw.addresses[0], "/", threads=4) as load:
                self.renew(gw)
                self.assertEqual(gw.get("/").text, "v1")
                answer = conn.read_response()
                self.assertEqual((answer.text, answer.keeps), ("v0", False))
                poll("the old workers are gone", lambda: not before & set(gw.worker_pids()))
            self.assertEqual(load.failures, [])
            self.assertEqual(len(gw.worker_pids()), 2)

    def test_broken(self) -> None:
        """Workers that do not start leave the old ones serving."""
        with Gateway(self.app, "--workers", "2", errors=("app.start_failed", "reload.failed", "worker.died")) as gw:
            before = gw.worker_pids()
            self.put(self.app, "error 'no fuel'")
            gw.signal(signal.SIGUSR2)
            gw.wait_event("reload.failed")
            self.assertEqual(gw.worker_pids(), before)
            self.assertEqual(gw.get("/").text, "v0")

    def test_both(self) -> None:
        """A SIGUSR2 during a reload of the application is done after it."""
        with Gateway(self.app) as gw:
            before = gw.worker_pids()
            self.write("v1", "moonloop.sleep(0.3)")
            gw.signal(signal.SIGHUP)
            gw.wait_event("generation.loading")
            gw.signal(signal.SIGUSR2)
            gw.wait_event("reload.done", 2)
            poll("the old worker is gone", lambda: before[0] not in gw.worker_pids())
            self.assertEqual(gw.get("/").text, "v1")


if __name__ == "__main__":
    unittest.main()
