"""Sessions and forms with curl, and responses that hostile texts must not split."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from gateway import Gateway
from support import APPS, SANITIZER, patient

APP = APPS / "session.lua"

PIECES = [b"\r\n", b"\n", b"\r", b"\0", b"\x7f", b"\x01", b" ", b";", b",", b"=", b'"', b"%0d%0a", b"\xff", b"]", b"~]",
          b"\xc4\x8d\xc4\x8a", b"Set-Cookie: evil=1", b"\r\nSet-Cookie: evil=1", b"\r\n\r\nevil", b"\nevil: 1", b"a", b"/"]

# A field, and the cookies of the application: nothing else may come.
FIELD = re.compile(rb"^[!#$%&'*+.^_`|~0-9a-z-]+: ?[\x20-\x7e\x80-\xff\t]*$", re.I)
COOKIE = re.compile(rb"^(a=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*; Path=[\x20-\x3a\x3c-\x7e]*"
                    rb"|session=[\w-]+; Path=/; Max-Age=\d+); HttpOnly; SameSite=Lax$")


class Browser:
    """curl with a jar."""

    def __init__(self, gw: Gateway, directory: str) -> None:
        self.gw = gw
        self.jar = Path(directory) / "jar"

    def curl(self, path: str, *args: str) -> str:
        """What the server answered."""
        done = subprocess.run(["curl", "-sS", "-b", str(self.jar), "-c", str(self.jar), *args,
                               f"http://{self.gw.authority}{path}"], capture_output=True, text=True,
                              timeout=patient(20), check=True)
        return done.stdout

    def cookie(self) -> str:
        """The session's."""
        lines = [line.split("\t") for line in self.jar.read_text().splitlines() if "\tsession\t" in line]
        return lines[0][6] if lines else ""


class Forms(unittest.TestCase):
    """A login by a form."""

    def test_flow(self) -> None:
        """Form, login, page, logout."""
        with tempfile.TemporaryDirectory() as directory, Gateway(APP) as gw:
            browser = Browser(gw, directory)
            self.assertEqual(browser.curl("/me"), "hello stranger\n")
            self.assertEqual(browser.cookie(), "")
            refused = browser.curl("/login", "-d", "user=ada", "-w", "%{http_code}")
            self.assertTrue(refused.endswith("403"), refused)
            form = browser.curl("/form")
            token = re.search(r'name="csrf_token" value="([\w-]+)"', form)[1]
            before = browser.cookie()
            self.assertNotEqual(before, "")
            refused = browser.curl("/login", "-d", f"user=ada&csrf_token={token}", "-H", "Origin: http://evil.example",
                                   "-w", "%{http_code}")
            self.assertTrue(refused.endswith("403"), refused)
            page = browser.curl("/login", "-L", "-d", f"user=ada&csrf_token={token}")
            self.assertEqual(page, "hello ada\n")
            self.assertNotEqual(browser.cookie(), before)
            # The old token is worth nothing behind the login.
            refused = browser.curl("/logout", "-d", f"csrf_token={token}", "-w", "%{http_code}")
            self.assertTrue(refused.endswith("403"), refused)
            token = re.search(r'value="([\w-]+)"', browser.curl("/form"))[1]
            out = browser.curl("/logout", "-L", "-i", "-d", f"csrf_token={token}")
            self.assertTrue(out.endswith("hello stranger\n"), out)
            self.assertRegex(out, "(?i)set-cookie: session=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970")

    def test_log(self) -> None:
        """Records of a request have its trace and its id, those of the next one theirs."""
        with Gateway(APP) as gw:
            trace = "0af7651916cd43dd8448eb211c80319c"
            with gw.connect() as conn:  # one connection
                conn.request("GET", "/me", {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "abc"})
                conn.read_response()
                conn.request("GET", "/me")
                second = conn.read_response()
            lines = gw.wait_event("asked", 2)
        self.assertRegex(lines[0], f" request_id=abc trace={trace}")
        self.assertIn(f"request_id={second.header('x-request-id')}", lines[1])
        self.assertNotIn(trace, lines[1])


class Splitting(unittest.TestCase):
    """Whatever an application puts into fields and cookies, a response is one response."""

    def exchange(self, gw: Gateway, path: str, body: bytes) -> bytes:
        """The bytes of the answer, to the end of the connection."""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", gw.port), timeout=patient(10)) as s:
            s.sendall(head.encode() + body)
            answer = b""
            while piece := s.recv(65536):
                answer += piece
        return answer

    def check(self, answer: bytes, what: str) -> None:
        """One head, of fields that we know, and its body."""
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertRegex(lines[0], rb"^HTTP/1\.1 (200|303|401|500) ", what)
        length = None
        for line in lines[1:]:
            self.assertRegex(line, FIELD, what)
            name, _, value = line.partition(b": ")
            self.assertNotIn(name.lower(), (b"evil",), what)
            if name.lower() == b"set-cookie":
                self.assertRegex(value, COOKIE, what)
            if name.lower() == b"content-length":
                length = int(value)
        self.assertEqual(len(body), length, what)

    def test_fuzz(self) -> None:
        """Random texts with CR, LF and NUL."""
        seed = int(time.time())
        chance = random.Random(seed)
        paths = ["header", "name", "cookie", "cookie-path", "location", "session", "error"]
        with Gateway(APP, errors=("app.error",)) as gw:
            for i in range(100 if SANITIZER else 400):
                body = b"".join(chance.choice(PIECES) for _ in range(chance.randint(0, 4)))
                path = f"/echo/{paths[i % len(paths)]}"
                self.check(self.exchange(gw, path, body), f"seed {seed}: {path} {body!r}")


if __name__ == "__main__":
    unittest.main()
