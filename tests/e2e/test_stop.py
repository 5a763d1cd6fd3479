"""SIGTERM and SIGINT: what runs is answered, what idles is closed, and nothing waits for ever."""

from __future__ import annotations

import signal
import time
import unittest

from client import Closed, Conn
from gateway import Gateway
from support import APPS, patient, poll

ROUTES = APPS / "routes.lua"
LIFESPAN = APPS / "lifespan.lua"


def ended_within(gateway: Gateway, seconds: float) -> float:
    """Waits for the end; how long it took."""
    began = time.monotonic()
    gateway.wait(seconds)
    return time.monotonic() - began


class Stop(unittest.TestCase):
    """Signals to the master."""

    def in_flight(self, gateway: Gateway, target: str) -> Conn:
        """A request that its handler has begun."""
        conn = gateway.connect(20)
        before = gateway.info()["tasks"]
        conn.request("GET", target)
        poll("the handler runs", lambda: gateway.info()["tasks"] > before)
        return conn

    def test_in_flight(self) -> None:
        """A running request is answered with connection: close; then the gateway ends, with 0."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Gateway(ROUTES, "--workers", "1") as gw:
                conn = self.in_flight(gw, "/sleep?ms=700")
                gw.signal(number)
                gw.wait_event("worker.draining")
                answer = conn.read_response()
                self.assertEqual((answer.status, answer.text, answer.keeps), (200, "slept\n", False))
                self.assertTrue(conn.is_over())
                self.assertLess(ended_within(gw, 5), patient(2))

    def test_shielded(self) -> None:
        """A handler that holds cancellation off is dropped in the end; nothing is left of it."""
        with Gateway(ROUTES, "--drain-timeout", "200ms") as gw:
            conn = self.in_flight(gw, "/shielded")
            gw.signal(signal.SIGTERM)
            self.assertLess(ended_within(gw, 8), patient(4))
            self.assertEqual(gw.events("worker.died"), [])
            conn.close()

    def test_in_flight_upload(self) -> None:
        """An upload that is under way is taken to its end."""
        with Gateway(ROUTES) as gw:
            conn = gw.connect()
            conn.request("POST", "/count", {"Content-Length": "10"}, b"12345")
            poll("the handler runs", lambda: gw.info()["tasks"] > 1)
            gw.signal(signal.SIGTERM)
            gw.wait_event("worker.draining")
            conn.send(b"67890")
            self.assertEqual(conn.read_response().text, "10 bytes\n")

    def test_pipelined(self) -> None:
        """The running request of a pipeline is answered; the connection says that no more are."""
        with Gateway(ROUTES) as gw:
            conn = self.in_flight(gw, "/sleep?ms=300")
            gw.signal(signal.SIGTERM)
            gw.wait_event("worker.draining")
            conn.request("GET", "/hello")
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.keeps), ("slept\n", False))
            self.assertTrue(conn.is_over())

    def test_idle(self) -> None:
        """Idle connections close; new ones are refused."""
        with Gateway(ROUTES) as gw:
            old, fresh, silent = gw.connect(), gw.connect(), gw.connect()
            old.request("GET", "/hello")
            old.read_response()
            fresh.request("GET", "/hello")
            fresh.read_response()
            began = time.monotonic()
            gw.signal(signal.SIGTERM)
            for conn in (old, fresh, silent):
                self.assertTrue(conn.is_over())
            gw.wait()
            self.assertLess(time.monotonic() - began, patient(2))
            self.assertRaises(ConnectionRefusedError, gw.connect)

    def test_drain_timeout(self) -> None:
        """What does not end within --drain-timeout is cancelled, said so, and the exit is clean."""
        with Gateway(ROUTES, "--drain-timeout", "500ms") as gw:
            conn = self.in_flight(gw, "/sleep?ms=60000")
            gw.signal(signal.SIGTERM)
            took = ended_within(gw, 5)
            self.assertGreater(took, 0.3)
            self.assertLess(took, patient(2))
            self.assertRaises((Closed, ConnectionResetError), conn.read_response)
            self.assertEqual(len(gw.events("worker.drain_timeout")), 1)

    def test_second_signal(self) -> None:
        """A second signal ends at once; killed workers make the exit code 1."""
        with Gateway(ROUTES, exit_code=1, errors=["worker.died"]) as gw:
            self.in_flight(gw, "/sleep?ms=60000")
            gw.signal(signal.SIGTERM)
            gw.wait_event("worker.draining")
            time.sleep(0.3)  # closer together they are one wish, told twice
            gw.signal(signal.SIGTERM)
            self.assertLess(ended_within(gw, 5), patient(1))

    def test_streaming(self) -> None:
        """A stream that waits in receive hears of the shutdown and may end well."""
        with Gateway(LIFESPAN) as gw:
            conn = gw.connect(20)
            conn.request("GET", "/stream")
            conn.read_head()
            self.assertEqual(conn.read_chunk(), b"begun\n")
            gw.signal(signal.SIGTERM)
            self.assertEqual(conn.read_chunk(), b"http.disconnect shutdown\n")
            self.assertEqual(conn.read_chunk(), b"")

    def test_lifespan_order(self) -> None:
        """startup, requests, shutdown.notice, the end of the last request, shutdown."""
        with Gateway(LIFESPAN) as gw:
            conn = gw.connect(20)
            conn.request("GET", "/slow")
            gw.wait_event("app.request")
            gw.signal(signal.SIGTERM)
            self.assertEqual(conn.read_response().text, "state of the start\n")
            gw.wait()
            said = [line.split()[2] for line in gw.log().splitlines() if " app." in line]
            self.assertEqual(said, ["app.startup", "app.request", "app.notice", "app.answered", "app.shutdown"])

    def test_lifespan_hangs(self) -> None:
        """A shutdown that does not answer is waited for until the drain time-out and no longer."""
        with Gateway(LIFESPAN, "--drain-timeout", "300ms", env={"HANG": "1"}) as gw:
            gw.get("/")
            gw.signal(signal.SIGTERM)
            self.assertLess(ended_within(gw, 5), patient(3))
            self.assertEqual(len(gw.events("lifespan.timeout")), 1)

    def test_background(self) -> None:
        """A background task is waited for, as long as the drain may take."""
        with Gateway(LIFESPAN) as gw:
            self.assertEqual(gw.get("/background").status, 200)
            gw.signal(signal.SIGTERM)
            gw.wait()
            self.assertEqual(len(gw.events("app.background")), 1)

    def test_stop_during_boot(self) -> None:
        """SIGTERM while the application still starts ends the start."""
        with Gateway(LIFESPAN, env={"SLOW_START": "0.5"}) as gw:  # a first one, to see that it starts at all
            self.assertEqual(gw.get("/").status, 200)
            gw.signal(signal.SIGHUP)
            gw.wait_event("app.startup", 2)
            gw.signal(signal.SIGTERM)
            self.assertLess(ended_within(gw, 5), patient(2))


if __name__ == "__main__":
    unittest.main()
