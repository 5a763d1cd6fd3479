"""Clients that leave: at once, half, or in the middle; and what that does to the task."""

from __future__ import annotations

import socket
import tempfile
import time
import unittest
from pathlib import Path

from client import Conn
from gateway import Gateway
from support import APPS, patient, poll

CANCEL = APPS / "cancel.lua"


class Disconnect(unittest.TestCase):
    """One gateway for each test; the application tells at /seen what it saw."""

    def setUp(self) -> None:
        self.gw = self.enterContext(Gateway(CANCEL))

    def begin(self, target: str, sign: str) -> Conn:
        """Sends a request, and waits until its handler said that it runs."""
        conn = self.gw.connect()
        conn.request("GET", target)
        self.wait_seen(sign)
        return conn

    def wait_seen(self, last: str, seconds: float = 5.0) -> list[str]:
        """Collects what the application saw until a line is there."""
        lines: list[str] = []

        def look() -> bool:
            lines.extend(self.gw.get("/seen").text.splitlines())
            return last in "\n".join(lines)
        poll(f"the application saw {last!r} (it saw {lines})", look, seconds)
        return lines

    def assert_no_task(self) -> None:
        """Nothing runs any more but the request that asks."""
        poll("no task is left", lambda: self.gw.get("/tasks").text == "1")

    def test_reset(self) -> None:
        """A reset cancels at once: the sleep raises, and so does the next one."""
        conn = self.begin("/sleep", "sleeping")
        began = time.monotonic()
        conn.reset()
        lines = self.wait_seen("again")
        self.assertLess(time.monotonic() - began, patient(0.2))
        self.assertEqual([line.split()[0] for line in lines], ["cancelled", "cancelled"])
        self.assert_no_task()

    def test_uncaught(self) -> None:
        """A cancellation that nobody catches ends the handler, and is no error."""
        self.begin("/uncaught", "sleeping").reset()
        self.assert_no_task()
        self.assertEqual(self.gw.events("app.error"), [])
        self.assertEqual(self.gw.get("/seen").text, "")

    def test_close(self) -> None:
        """A client that closed completely is noticed within about a second."""
        conn = self.begin("/sleep", "sleeping")
        began = time.monotonic()
        conn.close()
        self.wait_seen("cancelled again")
        self.assertLess(time.monotonic() - began, patient(1.5))
        self.assert_no_task()

    def test_close_unix(self) -> None:
        """The same over a unix socket."""
        with tempfile.TemporaryDirectory() as directory:
            address = f"unix:{Path(directory) / 'sock'}"
            with Gateway(CANCEL, bind=["127.0.0.1:0", address]) as gw:
                conn = gw.connect(which=1)
                conn.request("GET", "/sleep")
                poll("the handler sleeps", lambda: gw.get("/tasks").text == "2")
                conn.close()
                poll("its client is missed", lambda: gw.get("/tasks").text == "1", 2)

    def test_half_close(self) -> None:
        """FIN behind a whole request is no disconnect: the answer arrives, 100s before it aside."""
        conn = self.gw.connect()
        conn.request("GET", "/slow")
        conn.finish_writing()
        answer = conn.read_response()
        self.assertEqual((answer.status, answer.text), (200, "slow answer\n"))
        self.assertTrue(all(i.status == 100 for i in answer.interim))
        self.assertTrue(conn.is_over())
        self.assertEqual(self.wait_seen("sent"), ["sent: true nil"])

    def test_half_close_pipelined(self) -> None:
        """All that was asked before the FIN is answered."""
        conn = self.gw.connect()
        for _ in range(3):
            conn.request("GET", "/tasks")
        conn.finish_writing()
        self.assertEqual([conn.read_response().status for _ in range(3)], [200] * 3)
        self.assertTrue(conn.is_over())

    def test_half_request(self) -> None:
        """FIN in the middle of a request is a disconnect: receive says so, every time."""
        conn = self.gw.connect()
        conn.request("POST", "/receive", {"Content-Length": "10"}, b"12345")
        self.wait_seen("piece, more true")
        conn.finish_writing()
        self.assertEqual(self.wait_seen("again"), ["http.disconnect closed", "http.disconnect again"])
        self.assert_no_task()

    def test_receive(self) -> None:
        """A handler parked in receive gets http.disconnect."""
        conn = self.begin("/receive", "piece, more false")
        conn.reset()
        self.assertEqual(self.wait_seen("again"), ["http.disconnect closed", "http.disconnect again"])

    def test_send(self) -> None:
        """A handler that streams is cancelled, and send says nil, "closed", whichever way the client left."""
        for leave in (Conn.reset, Conn.close):
            with self.subTest(leave.__name__):
                conn = self.gw.connect()
                conn.request("GET", "/stream")
                conn.read_head()
                self.assertEqual(conn.read_chunk(), b"tick\n")
                leave(conn)
                self.assertEqual(self.wait_seen("send"), ["sleep: true", "send: nil closed"])
        self.assert_no_task()

    def test_send_waiting(self) -> None:
        """A send that waits for a slow client ends when the client is gone."""
        conn = self.gw.connect(receive_buffer=4096)
        conn.request("GET", "/full")
        self.wait_seen("sending")
        conn.read_head()
        conn.reset()
        lines = self.wait_seen(" ")
        self.assertIn(lines, (["nil closed"], ["raised true"]))
        self.assert_no_task()

    def test_shield(self) -> None:
        """task.shield holds the cancellation off until its function is done."""
        self.begin("/shield", "shielded").reset()
        self.assertEqual(self.wait_seen("behind it"), ["done in the shield", "cancelled behind it"])
        self.assert_no_task()

    def test_background(self) -> None:
        """task.background outlives the request, and the client."""
        conn = self.gw.connect()
        conn.request("GET", "/background")
        self.assertEqual(conn.read_response().text, "begun\n")
        conn.reset()
        self.assertEqual(self.wait_seen("background"), ["background done"])
        self.assert_no_task()

    def test_children(self) -> None:
        """A cancelled request takes along what it spawned."""
        self.begin("/children", "waiting").reset()
        self.wait_seen("child cancelled")
        self.assert_no_task()

    def test_before_a_request(self) -> None:
        """Clients that connect and leave, with nothing, a bit or garbage, leave nothing behind."""
        for data in (b"", b"G", b"GET / HTTP/1.1\r\nHos", b"\0\xff" * 100, b"\r\n\r\n"):
            for leave in (Conn.reset, Conn.close):
                conn = self.gw.connect()
                conn.send(data)
                leave(conn)
        self.assert_no_task()

    def test_urgent_data(self) -> None:
        """Out-of-band data neither confuses nor spins the worker."""
        conn = self.gw.connect()
        conn.sock.send(b"!", socket.MSG_OOB)
        conn.request("GET", "/tasks")
        self.assertEqual(conn.read_response().status, 200)


if __name__ == "__main__":
    unittest.main()
