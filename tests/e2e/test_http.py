"""HTTP/1.1 as a client sees it: connections, versions, methods, pipelining, addresses."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from gateway import Gateway
from support import APPS, patient, poll

ROUTES = APPS / "routes.lua"


def curl(*args: str) -> str:
    """What curl prints; a failure of curl is one of the test."""
    done = subprocess.run(["curl", "-sS", "--max-time", str(patient(30)), *args], capture_output=True,
                          timeout=patient(40), stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssertionError(f"curl {args}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


class Connections(unittest.TestCase):
    """What a connection may carry."""

    def test_keep_alive(self) -> None:
        """Many requests on one connection."""
        with Gateway(ROUTES) as gw:
            with gw.connect() as conn:
                for _ in range(100):
                    conn.request("GET", "/hello")
                    answer = conn.read_response()
                    self.assertEqual((answer.status, answer.text, answer.keeps), (200, "hello\n", True))
                    self.assertIsNotNone(answer.header("date"))
            self.assertEqual(gw.info()["requests"], 101)

    def test_connection_close(self) -> None:
        """A client that asks for it gets connection: close and the end."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.request("GET", "/hello", {"Connection": "close"})
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.header("connection")), ("hello\n", "close"))
            self.assertTrue(conn.is_over())

    def test_http_10(self) -> None:
        """HTTP/1.0: closed unless asked to stay; a streamed body ends with the connection."""
        with Gateway(ROUTES) as gw:
            with gw.connect() as conn:
                conn.send(b"GET /hello HTTP/1.0\r\n\r\n", "GET")
                answer = conn.read_response()
                self.assertEqual((answer.status, answer.text), (200, "hello\n"))
                self.assertTrue(conn.is_over())
            with gw.connect() as conn:
                for _ in range(3):
                    conn.send(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET")
                    answer = conn.read_response()
                    self.assertEqual((answer.text, answer.header("connection")), ("hello\n", "keep-alive"))
            with gw.connect() as conn:
                conn.send(b"GET /big?bytes=200000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET")
                answer = conn.read_response()
                self.assertIsNone(answer.header("transfer-encoding"))
                self.assertEqual(len(answer.body), 200000)
        self.assertEqual(curl_version(), "1.0")

    def test_pipelining(self) -> None:
        """100 requests at once are answered in their order; so are those behind a slow one."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            for i in range(100):
                conn.send(b"GET /scope/%d HTTP/1.1\r\nHost: x\r\n\r\n" % i, "GET")
            for i in range(100):
                self.assertIn(f"path=/scope/{i}\n", conn.read_response().text)
            conn.send(b"GET /sleep?ms=100 HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            self.assertEqual([conn.read_response().text for _ in range(4)], ["slept\n"] + ["hello\n"] * 3)

    def test_pipelined_bodies(self) -> None:
        """Bodies between pipelined requests are kept apart, read or not."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.send(b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                      b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 21\r\n\r\nGET /pid HTTP/1.1\r\n\r\n"
                      b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                      b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual([conn.read_response().text for _ in range(4)],
                             ["5 bytes\n", "ignored\n", "3 bytes\n", "hello\n"])

    def test_idle_timeout(self) -> None:
        """An idle connection is closed without a word, one that never asked too."""
        with Gateway(ROUTES, "--idle-timeout", "200ms", "--head-timeout", "300ms") as gw:
            with gw.connect() as conn:
                conn.request("GET", "/hello")
                conn.read_response()
                self.assertEqual(conn.read_rest(), b"")
            with gw.connect() as conn:
                conn.read_rest()
            poll("no connection is left", lambda: gw.info()["connections"] == 1)


def curl_version() -> str:
    """What curl -0 makes of a request, seen by the application."""
    with Gateway(ROUTES) as gw:
        text = curl("-0", f"{gw.url}/scope")
    return text.split("http_version=")[1].split("\n")[0]


class Methods(unittest.TestCase):
    """Methods, targets, statuses."""

    def test_head(self) -> None:
        """HEAD: the same fields, no body, and the connection goes on."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.request("HEAD", "/hello")
            answer = conn.read_response()
            self.assertEqual((answer.status, answer.header("content-length")), (200, "6"))
            conn.request("HEAD", "/big?bytes=300000")
            self.assertEqual(conn.read_response().status, 200)
            conn.request("GET", "/hello")
            self.assertEqual(conn.read_response().text, "hello\n")
            self.assertIn("HTTP/1.1 200 OK", curl("-I", f"{gw.url}/hello"))

    def test_no_body_statuses(self) -> None:
        """204 and 304 have no body, whatever the application sends."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            for code in (204, 304, 200, 404, 599):
                conn.request("GET", f"/status?code={code}")
                answer = conn.read_response()
                self.assertEqual(answer.status, code)
                self.assertEqual(answer.body, b"" if code in (204, 304) else b"body\n")

    def test_targets(self) -> None:
        """Percent escapes, the absolute form, and OPTIONS *."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.request("GET", "/scope/a%20b%2Fc?x=%31&y")
            text = conn.read_response().text
            self.assertIn("\npath=/scope/a b/c\nraw_path=/scope/a%20b%2Fc\nquery_string=x=%31&y\n", text)
            conn.request("GET", "http://other.test:81/scope?q", {"Host": "moonloop.test"})
            text = conn.read_response().text
            self.assertIn("\npath=/scope\n", text)
            self.assertIn("\nhost: other.test:81\n", text)
            conn.request("OPTIONS", "*")
            self.assertIn("method=OPTIONS\nhttp_version=1.1\nscheme=http\npath=*\n", conn.read_response().text)

    def test_header_views(self) -> None:
        """Order, duplicates and bytes of the fields reach the application."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.send(b"GET /scope HTTP/1.1\r\nHOST: x\r\nX-B: 1\r\nx-a:\t2 \r\nX-b: caf\xe9\r\n\r\n", "GET")
            text = conn.read_response().body.decode("latin-1")
            self.assertIn("\nhost: x\nx-b: 1\nx-a: 2\nx-b: caf\xe9\n", text)


class Addresses(unittest.TestCase):
    """Where it listens."""

    def test_ipv6(self) -> None:
        """[::1], with the client's address in the scope."""
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 here")
        with Gateway(ROUTES, bind=["[::1]:0"]) as gw:
            self.assertIn("\nclient=::1 ", gw.get("/scope").text)
            self.assertIn("hello", curl(f"http://[::1]:{gw.port}/hello"))

    def test_unix(self) -> None:
        """A unix socket with the mode that was asked for, removed at the end."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "http.sock"
            with Gateway(ROUTES, "--unix-mode", "0600", bind=[f"unix:{path}"]) as gw:
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
                self.assertIn(f"\nclient=nil\nserver={path}\n", gw.get("/scope").text)
                self.assertEqual(curl("--unix-socket", str(path), "http://x/hello"), "hello\n")
            self.assertFalse(path.exists())

    def test_two_binds(self) -> None:
        """Both are served by the same worker, and announced."""
        with Gateway(ROUTES, bind=["127.0.0.1:0", "127.0.0.1:0"]) as gw:
            self.assertEqual(len(gw.addresses), 2)
            answers = []
            for which in (0, 1):
                with gw.connect(which=which) as conn:
                    conn.request("GET", "/pid")
                    answers.append(conn.read_response().text)
            self.assertEqual(answers, [f"{gw.worker_pids()[0]}\n"] * 2)

    def test_every_address(self) -> None:
        """:PORT answers over IPv4, with a plain IPv4 address in the scope."""
        with Gateway(ROUTES, bind=[":0"]) as gw:
            text = curl(f"http://127.0.0.1:{gw.port}/scope")
            self.assertIn("\nclient=127.0.0.1 ", text)
            self.assertIn(f"\nserver=127.0.0.1 {gw.port}\n", text)

    def test_trusted_proxy(self) -> None:
        """X-Forwarded-For and -Proto are believed from a listed peer only."""
        headers = {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https"}
        with Gateway(ROUTES) as gw:
            text = gw.get("/scope", **headers).text
            self.assertIn("\nscheme=http\n", text)
            self.assertIn("\nclient=127.0.0.1 ", text)
        with Gateway(ROUTES, "--trusted-proxy", "127.0.0.0/8") as gw:
            text = gw.get("/scope", **headers).text
            self.assertIn("\nscheme=https\n", text)
            self.assertIn("\nclient=198.51.100.7", text)

    def test_root_path(self) -> None:
        """--root-path is handed on, and stays part of the path."""
        with Gateway(ROUTES, "--root-path", "/scope") as gw:
            self.assertIn("\npath=/scope/x\nraw_path=/scope/x\nquery_string=\nroot_path=/scope\n",
                          gw.get("/scope/x").text)


if __name__ == "__main__":
    unittest.main()
