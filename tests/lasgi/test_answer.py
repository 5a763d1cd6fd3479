"""The way out: http.response.start and http.response.body, and the framing that is the gateway's."""

from __future__ import annotations

import time
import unittest

from contract import Closed, Topic, poll


class Bodies(Topic):
    """In one piece, in several, declared; under HTTP/1.1 and 1.0."""

    app = "answer.lua"

    def check(self, path: str, body: bytes, chunked: bool = False) -> None:
        """One response on a connection that is used again, if its framing allows."""
        with self.subTest(path), self.gw.connect() as conn:
            for _ in range(2):
                conn.request("GET", path)
                answer = conn.read_response()
                self.assertEqual((answer.status, answer.body), (200, body))
                self.assertEqual(answer.header("transfer-encoding"), "chunked" if chunked else None)
                self.assertEqual(answer.header("content-length"), None if chunked else str(len(body)))
                self.assertIsNone(answer.header("connection"))
        with self.subTest(path, version="1.0"), self.gw.connect() as conn:
            conn.request("GET", path, version="1.0")
            answer = conn.read_response()
            self.assertEqual((answer.status, answer.body), (200, body))
            self.assertIsNone(answer.header("transfer-encoding"))
            self.assertEqual(answer.header("content-length"), None if chunked else str(len(body)))
            self.assertEqual(answer.header("connection"), "close")
            self.assertTrue(conn.is_over())

    def test_one_piece_has_its_length_computed(self) -> None:
        for path in ("/whole", "/start-and-body"):
            self.check(path, b"hello")
        for path in ("/empty", "/start-and-end", "/empty-array"):
            self.check(path, b"")
        self.check("/array", b"one two three")

    def test_several_pieces_are_chunked(self) -> None:
        self.check("/pieces", b"one, two, three.", chunked=True)
        self.check("/start-with-first-piece", b"onetwo", chunked=True)
        self.check("/ended-by-nothing", b"one", chunked=True)

    def test_declared_length(self) -> None:
        self.check("/declared", b"onetwo")
        self.check("/declared-number", b"one")

    def test_less_than_declared_closes(self) -> None:
        with self.gw.connect() as conn:
            conn.request("GET", "/declared-less")
            with self.assertRaises(Closed):
                conn.read_response()
        self.record("response.short", "/declared-less")

    def test_flags_and_unknown_keys(self) -> None:
        self.check("/false-flags", b"x")
        self.check("/unknown-keys", b"x")

    def test_keep_alive_of_http_1_0(self) -> None:
        with self.gw.connect() as conn:
            for _ in range(2):
                conn.request("GET", "/whole", {"Connection": "keep-alive"}, version="1.0")
                answer = conn.read_response()
                self.assertEqual((answer.body, answer.header("connection")), (b"hello", "keep-alive"))

    def test_bytes(self) -> None:
        answer = self.ask("/bytes")
        self.assertEqual((answer.body, answer.header("x-b")), (b"\0\r\n\xff", "caf\xe9 \xff"))


class Headers(Topic):
    """An array of pairs, a map, a map of arrays; what the gateway adds."""

    app = "answer.lua"

    def fields(self, path: str) -> list[tuple[str, str]]:
        return [pair for pair in self.ask(path).headers if pair[0] not in ("date", "content-length")]

    def test_pairs_keep_their_order(self) -> None:
        self.assertEqual(self.fields("/pairs"), [("content-type", "text/plain"), ("set-cookie", "a=1"),
                                                 ("x-empty", ""), ("set-cookie", "b=2")])

    def test_map(self) -> None:
        self.assertEqual(sorted(self.fields("/map")), [("content-type", "text/plain"), ("x-n", "5")])

    def test_map_of_arrays(self) -> None:
        self.assertEqual(self.fields("/map-of-arrays"), [("set-cookie", "a=1"), ("set-cookie", "b=2")])

    def test_none(self) -> None:
        self.assertEqual(self.fields("/no-headers"), [])

    def test_date(self) -> None:
        self.assertRegex(str(self.ask("/whole").header("date")), r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual(self.ask("/date").header("date"), "Thu, 01 Jan 1970 00:00:00 GMT")


class Bodiless(Topic):
    """HEAD, 204 and 304: what is sent as a body is dropped."""

    app = "answer.lua"

    def test_statuses(self) -> None:
        for form in ("status", "status-pieces"):
            for status in (200, 201, 204, 205, 299, 301, 304, 404, 418, 451, 503, 599):
                with self.subTest(form, status=status), self.gw.connect() as conn:
                    conn.request("GET", f"/{form}/{status}")
                    answer = conn.read_response()
                    self.assertEqual(answer.status, status)
                    self.assertEqual(answer.body, b"" if status in (204, 304) else b"body")
                    conn.request("GET", "/whole")  # nothing of a dropped body is in between
                    self.assertEqual(conn.read_response().body, b"hello")

    def test_204_has_no_framing(self) -> None:
        for form in ("status", "status-pieces"):
            answer = self.ask(f"/{form}/204")
            self.assertIsNone(answer.header("content-length"))
            self.assertIsNone(answer.header("transfer-encoding"))

    def test_head(self) -> None:
        with self.gw.connect() as conn:
            for path, length in (("/whole", "5"), ("/declared", "6"), ("/pieces", None), ("/large", None),
                                 ("/start-and-end", None), ("/status/404", "4")):
                with self.subTest(path):
                    conn.request("HEAD", path)
                    answer = conn.read_response()
                    self.assertEqual(answer.header("content-length"), length)
            conn.request("GET", "/whole")
            self.assertEqual(conn.read_response().body, b"hello")


class Flow(Topic):
    """Back-pressure, the held head, work after the end."""

    app = "answer.lua"

    def test_large(self) -> None:
        with self.gw.connect(receive_buffer=4096) as conn:
            conn.request("GET", "/large")
            time.sleep(0.05)
            self.assertEqual(conn.read_response().body, b"x" * 2_100_000 + b"end")

    def test_two_writers(self) -> None:
        with self.gw.connect(receive_buffer=4096) as conn:
            conn.request("GET", "/two-writers")
            time.sleep(0.05)
            body = conn.read_response().body
        self.assertEqual((len(body), body.count(b"a"), body.count(b"b")), (2_000_000, 1_000_000, 1_000_000))

    def test_head_is_held(self) -> None:
        with self.gw.connect() as conn:
            began = time.monotonic()
            conn.request("GET", "/held")
            conn.read_head()
            self.assertGreater(time.monotonic() - began, 0.19)

    def test_work_after_the_end(self) -> None:
        """The response does not wait for the handler, nor does the next request."""
        with self.gw.connect() as conn:
            began = time.monotonic()
            conn.request("GET", "/works-on")
            self.assertEqual(conn.read_response().body, b"first")
            conn.request("GET", "/whole")
            self.assertEqual(conn.read_response().body, b"hello")
            self.assertLess(time.monotonic() - began, 0.19)
        poll("the handler is over", lambda: self.gw.info()["tasks"] == 1)


if __name__ == "__main__":
    unittest.main()
