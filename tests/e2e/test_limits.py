"""What is refused before the application sees it, and the options that say where the limits are."""

from __future__ import annotations

import time
import unittest

from client import Conn, Response
from gateway import Gateway
from support import APPS, TIME_FACTOR, patient, poll

ROUTES = APPS / "routes.lua"
HOST = b"Host: x\r\n"


class Refused(unittest.TestCase):
    """A refusal is one line of text and the end of the connection; the application is not called."""

    def refused(self, conn: Conn, status: int) -> Response:
        """Reads the refusal."""
        answer = conn.read_response()
        self.assertEqual(answer.status, status, answer.text)
        self.assertTrue(answer.text.startswith(f"{status} "), answer.text)
        self.assertEqual(answer.text.count("\n"), 1)
        self.assertEqual(answer.header("connection"), "close")
        self.assertTrue(conn.is_over())
        return answer

    def test_malformed(self) -> None:
        """What could be read in two ways, and what no version of HTTP allows."""
        cases = [
            (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc"),
            (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n"),
            (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
            (400, b"GET / HTTP/1.1\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: x\r\nX-A : 1\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\0\r\n\r\n"),
            (400, b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n"),
            (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            (501, b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
            (417, b"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n"),
        ]
        with Gateway(ROUTES) as gw:
            for status, request in cases:
                with self.subTest(request=request), gw.connect() as conn:
                    conn.send(request)
                    self.refused(conn, status)
            self.assertEqual(gw.info()["requests"], 2)  # this one, and the one with the bad chunk

    def test_heads(self) -> None:
        """--target-max, --head-max and --fields-max."""
        with Gateway(ROUTES, "--target-max", "100", "--head-max", "2k", "--fields-max", "5") as gw:
            for status, request in ((414, b"GET /" + b"a" * 200 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
                                    (431, b"GET / HTTP/1.1\r\nX-A: " + b"a" * 3000 + b"\r\n" + HOST + b"\r\n"),
                                    (431, b"GET / HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n" * 5 + b"\r\n")):
                with self.subTest(request=request[:40]), gw.connect() as conn:
                    conn.send(request)
                    self.refused(conn, status)
            with gw.connect() as conn:
                conn.send(b"GET /hello HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n" * 4 + b"\r\n")
                self.assertEqual(conn.read_response().status, 200)

    def test_body(self) -> None:
        """--body-max by declared length, at once, and while a chunked body arrives."""
        with Gateway(ROUTES, "--body-max", "10k") as gw:
            self.assertEqual(gw.post("/count", b"x" * 10240).text, "10240 bytes\n")
            with gw.connect() as conn:
                conn.request("POST", "/count", {"Content-Length": "10241"})
                self.refused(conn, 413)
            with gw.connect() as conn:
                conn.request("POST", "/count", {"Content-Length": "99999", "Expect": "100-continue"})
                self.assertEqual(self.refused(conn, 413).interim, [])
            with gw.connect() as conn:
                conn.request("POST", "/count", {"Transfer-Encoding": "chunked"})
                for _ in range(11):
                    conn.send_chunk(b"x" * 1024)
                self.refused(conn, 413)

    def test_slow_head(self) -> None:
        """--head-timeout: a head that does not become complete is a 408, drop by drop too."""
        with Gateway(ROUTES, "--head-timeout", "300ms") as gw:
            with gw.connect() as conn:
                began = time.monotonic()
                conn.send(b"GET /hello HTTP/1.1\r\nHost")
                self.refused(conn, 408)
                self.assertGreater(time.monotonic() - began, 0.25)
            with gw.connect() as conn:
                began = time.monotonic()
                conn.send(b"GET /hello HTTP/1.1\r\n")
                conn.sock.settimeout(0.05)
                answer = b""
                while not answer and time.monotonic() - began < patient(5):
                    try:
                        conn.send(b"X: y\r\n")
                        answer = conn.sock.recv(4096)
                    except TimeoutError:
                        pass
                self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
                self.assertLess(time.monotonic() - began, 1.5 * TIME_FACTOR)

    def test_slow_body(self) -> None:
        """--body-timeout: a body that stalls while the application waits for it is a 408."""
        with Gateway(ROUTES, "--body-timeout", "300ms") as gw:
            for headers in ({"Content-Length": "10"}, {"Transfer-Encoding": "chunked"}):
                with self.subTest(headers), gw.connect() as conn:
                    conn.request("POST", "/count", headers)
                    conn.send(b"3\r\nabc\r\n")
                    self.refused(conn, 408)
            poll("no task is left", lambda: gw.info()["tasks"] <= 1)

    def test_slow_reader(self) -> None:
        """--write-timeout: a client that takes nothing is dropped, and its task ends."""
        with Gateway(ROUTES, "--write-timeout", "300ms") as gw:
            with gw.connect(receive_buffer=4096) as conn:
                conn.request("GET", "/big?bytes=50000000")
                poll("the reader is dropped", lambda: gw.info()["connections"] == 1)
                self.assertEqual(gw.info()["tasks"], 1)

    def test_unread_bodies(self) -> None:
        """A small body that nobody read is dropped, a large one closes; neither becomes a request."""
        with Gateway(ROUTES) as gw:
            hidden = b"GET /pid HTTP/1.1\r\nHost: x\r\n\r\n"
            with gw.connect() as conn:
                conn.request("POST", "/ignore", body=hidden)
                self.assertEqual(conn.read_response().text, "ignored\n")
                conn.request("GET", "/hello")
                self.assertEqual(conn.read_response().text, "hello\n")
            with gw.connect() as conn:
                conn.request("POST", "/ignore", {"Content-Length": "10000000"}, hidden * 1000)
                answer = conn.read_response()
                self.assertEqual((answer.text, answer.keeps), ("ignored\n", False))
                self.assertTrue(conn.is_over())

    def test_max_connections(self) -> None:
        """--max-connections: one more waits in the kernel's queue until another one closes."""
        with Gateway(ROUTES, "--max-connections", "2") as gw:
            first, second = gw.connect(), gw.connect()
            for conn in (first, second):
                conn.request("GET", "/hello")
                conn.read_response()
            third = gw.connect()
            third.request("GET", "/hello")
            third.sock.settimeout(0.3)
            self.assertRaises(TimeoutError, third.read_response)
            first.close()
            third.sock.settimeout(patient(5))
            self.assertEqual(third.read_response().status, 200)
            self.assertTrue(gw.events("accept.full"))


if __name__ == "__main__":
    unittest.main()
