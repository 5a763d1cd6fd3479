"""Several workers, workers that die, and too few descriptors."""

from __future__ import annotations

import os
import signal
import threading
import time
import unittest
from collections import Counter

from client import Closed, Conn
from gateway import Gateway
from load import Load
from support import APPS, patient, poll

ROUTES = APPS / "routes.lua"


class Workers(unittest.TestCase):
    """--workers"""

    def test_share(self) -> None:
        """All workers take connections, and each of them counts its own requests."""
        with Gateway(ROUTES, "--workers", "3") as gw:
            self.assertEqual(len(gw.worker_pids()), 3)
            served = Counter(int(gw.get("/pid").text) for _ in range(150))
            self.assertEqual(sorted(served), sorted(gw.worker_pids()))
            self.assertGreater(min(served.values()), 15)

    def test_share_unix(self) -> None:
        """Over a unix socket every worker takes part, too, when many clients come at once."""
        path = f"/tmp/moonloop-e2e-{os.getpid()}.sock"
        with Gateway(ROUTES, "--workers", "2", bind=[f"unix:{path}"]) as gw:
            with Load(path, "/pid", threads=12, per_connection=3) as load:
                poll("both have answered", lambda: len(load.bodies) == 2, 10)
            self.assertEqual(load.failures, [])
            self.assertEqual({int(body) for body in load.bodies}, set(gw.worker_pids()))

    def test_killed_idle(self) -> None:
        """An idle worker that is killed is replaced, which nobody notices."""
        with Gateway(ROUTES, errors=["worker.died"]) as gw:
            old = gw.worker_pids()[0]
            os.kill(old, signal.SIGKILL)
            self.assertEqual(gw.get("/hello").status, 200)
            self.assertNotEqual(gw.worker_pids(), [old])
            self.assertIn("SIGKILL", gw.wait_event("worker.died")[0])

    def test_killed_under_load(self) -> None:
        """A worker killed under load: only the requests that it was serving fail."""
        for workers, threads in (("1", 8), ("2", 8)):
            with self.subTest(workers=workers), Gateway(ROUTES, "--workers", workers, errors=["worker.died"]) as gw:
                with Load(gw.addresses[0], threads=threads) as load:
                    poll("the load runs", lambda: load.answered > 200)
                    for kill in (1, 2):
                        os.kill(int(gw.get("/pid").text), signal.SIGKILL)
                        gw.wait_event("worker.died", kill)
                        gw.wait_event("worker.started", int(workers) + kill)
                        answered = load.answered
                        poll("the load goes on", lambda: load.answered > answered + 200)
                # Each client has at most one request under way at the moment of a kill.
                self.assertLessEqual(len(load.failures), 2 * threads, load.failures)
                for failure in load.failures:
                    self.assertRegex(failure, "^(Closed|ConnectionResetError|BrokenPipeError)")
                poll("all slots are filled", lambda: len(gw.worker_pids()) == int(workers))

    def test_killed_master(self) -> None:
        """Workers do not outlive their master."""
        with Gateway(ROUTES, "--workers", "2", exit_code=-signal.SIGKILL) as gw:
            workers = gw.worker_pids()
            gw.signal(signal.SIGKILL)
            gw.wait()
            poll("they end", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))

    def test_dying_again_and_again(self) -> None:
        """A worker that dies at once after its start is replaced more and more slowly."""
        with Gateway(ROUTES, errors=["worker.died"]) as gw:
            began = time.monotonic()
            for n in range(1, 5):
                os.kill(poll("a worker is there", gw.worker_pids)[0], signal.SIGKILL)
                gw.wait_event("worker.started", n + 1)
            self.assertGreater(time.monotonic() - began, 0.1 + 0.2 + 0.4)
            self.assertEqual(gw.get("/hello").status, 200)


class Descriptors(unittest.TestCase):
    """ulimit -n"""

    def test_emfile(self) -> None:
        """Out of descriptors: said once, no spinning, those who are there are served; then it recovers."""
        with Gateway(ROUTES, nofile=40, errors=["accept.paused"]) as gw:
            served: list[Conn] = []
            first = gw.connect()
            first.request("GET", "/hello")
            first.read_response()
            for _ in range(60):
                conn = gw.connect(0.2)
                try:
                    conn.request("GET", "/hello")
                    conn.read_response()
                    served.append(conn)
                except (Closed, TimeoutError, ConnectionResetError, BrokenPipeError):
                    conn.close()
                    if len(served) > 10 and gw.events("accept.paused"):
                        break
            self.assertGreater(len(served), 10)
            gw.wait_event("accept.paused")
            waiting = threading.Thread(target=lambda: [knock(gw) for _ in range(5)])
            used = cpu_seconds(gw.worker_pids()[0])
            began = time.monotonic()
            waiting.start()
            waiting.join()
            passed = time.monotonic() - began
            self.assertLess(cpu_seconds(gw.worker_pids()[0]) - used, max(0.5 * passed, 0.1))
            first.request("GET", "/hello")
            self.assertEqual(first.read_response().status, 200)
            self.assertLessEqual(len(gw.events("accept.paused")), 2)
            for conn in served:
                conn.close()
            poll("it accepts again", lambda: knock(gw) == 200)


def knock(gateway: Gateway) -> int:
    """The status that a newcomer gets; 0 if none."""
    try:
        with gateway.connect(0.3) as conn:
            conn.request("GET", "/hello")
            return conn.read_response().status
    except (Closed, OSError):
        return 0


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
