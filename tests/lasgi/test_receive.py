"""The way in: http.request, http.disconnect, time-outs, 100-continue, bodies that nobody reads."""

from __future__ import annotations

import json
import socket
import time
import unittest
from typing import Any

from contract import Closed, Topic, poll
from support import SANITIZER

DISCONNECT = {"type": "http.disconnect", "reason": "closed"}
PIECE = 64 * 1024


class Receive(Topic):
    """What receive returns."""

    app = "receive.lua"
    options = ("--body-max", "2M")

    def seen(self, name: str) -> Any:
        """What the request of that name saw after its answer."""
        return poll(f"{name} has seen", lambda: self.value(f"/seen?{name}"))

    # ---- http.request ------------------------------------------------------------------------------

    def test_no_body(self) -> None:
        got = self.value("/pieces")
        self.assertEqual(got, {"total": 0, "pieces": [{"type": "http.request", "body": 0, "more": False}]})

    def test_one_piece(self) -> None:
        for body in (b"", b"x", b"hello" * 100):
            got = self.value("/pieces", method="POST", body=body)
            self.assertEqual(got["total"], len(body))
            self.assertFalse(got["pieces"][-1]["more"])

    def test_pieces_are_bounded(self) -> None:
        got = self.value("/pieces", method="POST", body=b"x" * 1_000_000)
        self.assertEqual(got["total"], 1_000_000)
        self.assertLessEqual(max(piece["body"] for piece in got["pieces"]), PIECE)
        self.assertTrue(all(piece["more"] for piece in got["pieces"][:-1]))
        self.assertFalse(got["pieces"][-1]["more"])

    def test_chunked(self) -> None:
        with self.gw.connect() as conn:
            conn.send(b"POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "POST")
            for size in (1, 10, 100_000):
                conn.send_chunk(b"x" * size)
                time.sleep(0.01)
            conn.send(b"0\r\nX-Trailer: ignored\r\n\r\n")
            got = json.loads(conn.read_response().body)
            self.assertEqual(got["total"], 100_011)

    # ---- time-outs -----------------------------------------------------------------------------------

    def test_timeout(self) -> None:
        with self.gw.connect() as conn:
            conn.send(b"POST /timeouts HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", "POST")
            time.sleep(0.15)
            conn.send(b"body")
            got = json.loads(conn.read_response().body)
        none, short, whole = got["answers"]
        self.assertEqual((none["code"], short["code"]), ("timeout", "timeout"))
        self.assertLess(none["took"], 0.03)
        self.assertGreaterEqual(short["took"], 0.03)
        self.assertEqual((whole["type"], whole["body"]), ("http.request", 4))
        self.assertLess(whole["took"], 2)
        self.assertGreaterEqual(got["slept"], 0.05)

    # ---- http.disconnect -----------------------------------------------------------------------------

    def test_after_the_response(self) -> None:
        """A disconnect at once, and again, while the connection serves the next request."""
        with self.gw.connect() as conn:
            for name in ("kept-1", "kept-2"):
                conn.request("GET", f"/after?{name}")
                self.assertEqual(conn.read_response().status, 200)
                got = self.seen(name)
                self.assertEqual(got["first"]["type"], "http.request")
                self.assertEqual(got["rest"], [DISCONNECT] * 3)

    def test_peer_leaves(self) -> None:
        for name, leave in (("leaves", "close"), ("resets", "reset"), ("stream", "reset")):
            with self.subTest(name), self.gw.connect() as conn:
                conn.request("GET", f"/wait?{name}")
                if name == "stream":
                    conn.read_head()
                time.sleep(0.05)
                getattr(conn, leave)()
                got = self.seen(name)
                self.assertEqual(got, {"got": [DISCONNECT] * 2, "sent": "nil", "code": "closed"})

    def test_watcher_in_a_task(self) -> None:
        with self.gw.connect() as conn:
            conn.request("GET", "/watcher")
            conn.read_head()
            time.sleep(0.05)
            conn.reset()
        self.assertEqual(self.seen("watcher"), [DISCONNECT])

    def test_child_takes_the_body(self) -> None:
        with self.gw.connect() as conn:
            conn.send(b"POST /by-child HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n", "POST")
            for _ in range(3):
                time.sleep(0.02)
                conn.send(b"x" * 100_000)
            self.assertEqual(json.loads(conn.read_response().body), {"total": 300_000})

    def test_watcher_is_cancelled(self) -> None:
        self.assertEqual(self.value("/cancelled-watcher"), {"ok": False, "err": "cancelled"})

    # ---- 100-continue --------------------------------------------------------------------------------

    def expect(self, path: str, length: int) -> Any:
        conn = self.gw.connect()
        conn.send(b"POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
                  % (path.encode(), length), "POST")
        return conn

    def test_continue_at_the_first_receive(self) -> None:
        with self.expect("/late", 4) as conn:
            conn.sock.settimeout(0.05)
            with self.assertRaises(TimeoutError):
                conn.read_head()
            conn.sock.settimeout(10)
            self.assertEqual(conn.read_head().status, 100)
            conn.send(b"body")
            answer = conn.read_response()
            self.assertEqual((answer.status, answer.interim), (200, []))

    def test_no_continue_without_receive(self) -> None:
        with self.expect("/never", 4) as conn:
            answer = conn.read_response()
            self.assertEqual((answer.status, answer.interim, answer.header("connection")), (200, [], "close"))
            self.assertTrue(conn.is_over())

    def test_no_continue_when_the_body_is_there(self) -> None:
        with self.gw.connect() as conn:
            conn.send(b"POST /late HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
                      b"body", "POST")
            answer = conn.read_response()
            self.assertEqual((answer.status, [i.status for i in answer.interim]), (200, []))

    # ---- bodies that nobody reads ----------------------------------------------------------------------

    def test_small_rest_is_dropped(self) -> None:
        with self.gw.connect() as conn:
            for _ in range(2):
                conn.request("POST", "/never", {}, b"GET /seen HTTP/1.1\r\nHost: h\r\n\r\n")
                self.assertEqual(conn.read_response().body, b"{}")
            conn.request("GET", "/pieces")
            self.assertEqual(conn.read_response().status, 200)

    def test_small_rest_that_comes_late(self) -> None:
        with self.gw.connect() as conn:
            conn.send(b"POST /never HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nfirst", "POST")
            self.assertEqual(conn.read_response().status, 200)
            time.sleep(0.05)
            conn.send(b"after")
            conn.request("GET", "/pieces")
            self.assertEqual(conn.read_response().status, 200)

    def test_large_rest_closes(self) -> None:
        """It is never taken for a request."""
        before = self.gw.info()["requests"]
        with self.gw.connect() as conn:
            conn.send(b"POST /never HTTP/1.1\r\nHost: h\r\nContent-Length: 1900000\r\n\r\n", "POST")
            answer = conn.read_response()
            self.assertEqual((answer.status, answer.header("connection")), (200, "close"))
            try:
                conn.send(b"GET /pieces HTTP/1.1\r\nHost: h\r\n\r\n" * 1000)
                conn.read_head()
            except (Closed, ConnectionError):
                pass
            else:
                self.fail("a body was taken for a request")
        self.assertEqual(self.gw.info()["requests"], before + 2)


class Limits(Topic):
    """Bodies that are too slow, too large, or wanted by nobody yet."""

    app = "receive.lua"
    options = ("--body-max", "1M", "--body-timeout", "300ms")

    def refused(self, name: str, body: bytes) -> tuple[int, Any]:
        """The status that the client gets and what the application has seen."""
        with self.gw.connect() as conn:
            conn.send(b"POST /wait?%s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
                      % name.encode(), "POST")
            time.sleep(0.1)
            conn.send(body)
            status = conn.read_response().status
        return status, poll(f"{name} has seen", lambda: self.value(f"/seen?{name}"))

    def check(self, name: str, body: bytes, status: int) -> None:
        got_status, got = self.refused(name, body)
        self.assertEqual(got_status, status)
        disconnect = {"type": "http.disconnect", "reason": name}
        self.assertEqual(got, {"got": [disconnect] * 2, "sent": "nil", "code": "closed"})

    def test_slow_body(self) -> None:
        self.check("timeout", b"", 408)

    def test_large_body(self) -> None:
        self.check("too_large", b"200000\r\n", 413)


class BackPressure(Topic):
    """Nothing is read beyond the high-water mark until the application takes it."""

    app = "receive.lua"
    options = ("--body-max", "1G")

    def test_upload(self) -> None:
        self.value("/pieces", method="POST", body=b"x" * 1_000_000)
        before = self.gw.rss_kib()
        with self.gw.connect() as conn:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            conn.send(b"POST /late?1 HTTP/1.1\r\nHost: h\r\nContent-Length: 500000000\r\n\r\n", "POST")
            conn.sock.settimeout(0.05)
            sent = 0
            with self.assertRaises(TimeoutError):
                while sent < 500_000_000:
                    sent += conn.sock.send(b"x" * 65536)
            self.assertLess(sent, 50_000_000)
            if SANITIZER is None:
                self.assertLess(self.gw.rss_kib() - before, 4096)
            conn.reset()


if __name__ == "__main__":
    unittest.main()
