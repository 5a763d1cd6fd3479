"""The scope of a request: each key of the table in LASGI section 2."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional

from contract import APPS, Gateway, Topic, line_of, poll


class Keys(Topic):
    """Every key, what it is made of and when."""

    app = "scope.lua"

    def test_plain(self) -> None:
        with self.gw.connect() as conn:
            port = conn.sock.getsockname()[1]
            conn.request("GET", "/plain?a=1&b=%20")
            seen = json.loads(conn.read_response().body)
        self.assertEqual(seen, {
            "type": "http", "lasgi": {"version": "1.0", "spec_version": "1.0"}, "http_version": "1.1",
            "method": "GET", "scheme": "http", "path": "/plain", "raw_path": "/plain", "query_string": "a=1&b=%20",
            "root_path": "", "client": ["127.0.0.1", port], "server": ["127.0.0.1", self.gw.port], "state": {},
            "extensions": {"http.response.file": {}, "http.response.early_hint": {}},
            "headers": [["host", "moonloop.test"]],
        })

    def test_method(self) -> None:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"):
            self.assertEqual(self.value("/", method=method)["method"], method)

    def test_version(self) -> None:
        self.assertEqual(self.value("/", version="1.0")["http_version"], "1.0")

    def test_path_is_decoded_once(self) -> None:
        for target, path in (("/a%20b", "/a b"), ("/%2541", "/%41"), ("/%2F", "//"), ("/%ff%c3%a9", "/\xff\xc3\xa9"),
                             ("/a+b", "/a+b"), ("/%3Fx?y", "/?x"), ("//a/../b/./", "//a/../b/./")):
            with self.subTest(target):
                seen = self.value(target)
                self.assertEqual(seen["path"], path)
                self.assertEqual(seen["raw_path"], target.split("?")[0])

    def test_query(self) -> None:
        for target, query in (("/", ""), ("/?", ""), ("/?a", "a"), ("/?a=%41?b&c=+", "a=%41?b&c=+")):
            self.assertEqual(self.value(target)["query_string"], query, target)

    def test_bad_targets_stay_outside(self) -> None:
        before = self.gw.info()["requests"]
        for target in ("/%00", "/a%2", "/%zz", "/%"):
            self.assertEqual(self.ask(target).status, 400, target)
        self.assertEqual(self.gw.info()["requests"], before + 1)

    def test_absolute_form_and_asterisk(self) -> None:
        seen = self.value("http://other.test/x?y")
        self.assertEqual((seen["path"], seen["query_string"]), ("/x", "y"))
        self.assertEqual(dict(seen["headers"])["host"], "other.test")
        self.assertEqual(self.value("*", method="OPTIONS")["path"], "*")

    def test_extensions_are_those_that_the_client_can_use(self) -> None:
        def offered(**more: Any) -> set[str]:
            return {name.rsplit(".", 1)[1] for name in self.value("/", **more)["extensions"]}
        self.assertEqual(offered(), {"file", "early_hint"})
        self.assertEqual(offered(headers={"TE": "gzip, Trailers"}), {"file", "early_hint", "trailers"})
        self.assertEqual(offered(version="1.0", headers={"TE": "trailers"}), {"file"})

    def test_unknown_and_repeated_reads(self) -> None:
        self.assertEqual(self.value("/keys"), {"unknown": True, "same": True})

    def test_state_is_a_copy(self) -> None:
        for _ in range(2):
            self.assertEqual(self.value("/state"), {"fresh": True, "kept": True, "same": True})

    def test_first_read_after_the_end(self) -> None:
        self.ask("/outlive")
        late = poll("the background task has read", lambda: self.value("/late"))
        where = f"{self.source.name}:{line_of(self.source, '-- LATE')}: "
        for key in ("method", "headers"):
            self.assertFalse(late[key]["ok"])
            self.assertIn(f"{where}scope.{key} is first read after its request ended", late[key]["value"])
        self.assertTrue(late["read_before"]["ok"])
        self.assertEqual(late["read_before"]["value"], "/outlive")
        self.assertTrue(late["state"]["ok"])
        self.assertEqual((late["send"]["value"], late["send"]["code"]), ("nil", "closed"))
        self.assertEqual(late["receive"], ["http.disconnect"] * 2)


class Headers(Topic):
    """One table, two views."""

    app = "scope.lua"

    def fields(self, raw: bytes) -> dict[str, Any]:
        with self.gw.connect() as conn:
            conn.send(b"GET /headers HTTP/1.1\r\nHost: h\r\n" + raw + b"\r\n")
            return dict(json.loads(conn.read_response().body))

    def test_order_case_and_duplicates(self) -> None:
        seen = self.fields(b"X-B: 1\r\nx-a:  two \r\nX-B:\t3\r\nX-Empty:\r\n")
        self.assertEqual(seen["pairs"], [["host", "h"], ["x-b", "1"], ["x-a", "two"], ["x-b", "3"], ["x-empty", ""]])
        self.assertEqual(seen["names"], {"host": "h", "x-b": "1, 3", "x-a": "two", "x-empty": ""})
        self.assertTrue(seen["absent"])
        self.assertTrue(seen["same"])

    def test_cookies_are_joined_their_own_way(self) -> None:
        seen = self.fields(b"Cookie: a=1\r\nCookie: b=2\r\nAccept: x\r\nAccept: y\r\n")
        self.assertEqual(seen["names"]["cookie"], "a=1; b=2")
        self.assertEqual(seen["names"]["accept"], "x, y")

    def test_a_number_is_a_name_like_others(self) -> None:
        seen = self.fields(b"1: one\r\n")
        self.assertEqual(seen["pairs"], [["host", "h"], ["1", "one"]])
        self.assertEqual(seen["number"], "one")

    def test_bytes(self) -> None:
        seen = self.fields(b"X-Bytes: caf\xe9 \xff\r\n")
        self.assertEqual(seen["names"]["x-bytes"], "caf\xe9 \xff")

    def test_many(self) -> None:
        seen = self.fields(b"".join(b"x-%d: %d\r\n" % (i, i) for i in range(99)))
        self.assertEqual(len(seen["pairs"]), 100)
        self.assertEqual(seen["names"]["x-98"], "98")


class Mounted(Topic):
    """root_path: the option, and that path includes it."""

    app = "scope.lua"
    options = ("--root-path", "/shop")

    def test_root_path(self) -> None:
        seen = self.value("/shop/x")
        self.assertEqual((seen["root_path"], seen["path"]), ("/shop", "/shop/x"))


class Sockets(unittest.TestCase):
    """client, server and scheme by how the request came."""

    def seen(self, gw: Gateway, headers: Optional[dict[str, str]] = None) -> dict[str, Any]:
        with gw.connect() as conn:
            conn.request("GET", "/", headers)
            return dict(json.loads(conn.read_response().body))

    def test_unix(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "s")
            with Gateway(APPS / "scope.lua", bind=(f"unix:{path}",)) as gw:
                seen = self.seen(gw)
                self.assertNotIn("client", seen)
                self.assertEqual(seen["server"], [path])

    def test_v6(self) -> None:
        with Gateway(APPS / "scope.lua", bind=("[::1]:0",)) as gw:
            seen = self.seen(gw)
            self.assertEqual((seen["client"][0], seen["server"][0]), ("::1", "::1"))

    def test_trusted_proxy(self) -> None:
        told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        with Gateway(APPS / "scope.lua", "--trusted-proxy", "127.0.0.1") as gw:
            seen = self.seen(gw, told)
            self.assertEqual((seen["client"][0], seen["scheme"]), ("203.0.113.9", "https"))
        with Gateway(APPS / "scope.lua") as gw:
            seen = self.seen(gw, told)
            self.assertEqual((seen["client"][0], seen["scheme"]), ("127.0.0.1", "http"))


if __name__ == "__main__":
    unittest.main()
