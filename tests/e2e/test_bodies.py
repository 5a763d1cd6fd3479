"""Bodies both ways: streamed, bounded, interrupted; and what the extensions do to a response."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from gateway import Gateway
from support import APPS, SANITIZER, patient, poll

ROUTES = APPS / "routes.lua"
EXTENSIONS = APPS / "extensions.lua"
MIB = 1024 * 1024
LARGE = (20 if SANITIZER else 100) * MIB

# A worker may grow by this much while it streams: buffers, and what the garbage collector has not
# collected yet. Without back-pressure the growth would be that of the body.
GROWTH_KIB = 8 * 1024


def feed(digest: "hashlib._Hash", n: int, block: bytes) -> bytes:
    """The next n bytes of an endless body, put into the digest too."""
    piece = (block * (n // len(block) + 1))[:n]
    digest.update(piece)
    return piece


class Streaming(unittest.TestCase):
    """Large bodies need no more memory than small ones."""

    def assert_small(self, gw: Gateway, before: int) -> None:
        """The worker has not grown with what went through it."""
        if not SANITIZER:
            self.assertLess(gw.rss_kib() - before, GROWTH_KIB)

    def test_echo(self) -> None:
        """100 MiB up and down at the same time, unchanged."""
        with Gateway(ROUTES, "--body-max", "1G") as gw, gw.connect(60) as conn:
            gw.post("/echo", b"x" * MIB)
            before = gw.rss_kib()
            sent, received = hashlib.sha256(), hashlib.sha256()

            def upload() -> None:
                for i in range(LARGE // MIB):
                    conn.sock.sendall(feed(sent, MIB, b"%d moon " % i))

            conn.request("POST", "/echo", {"Content-Length": str(LARGE)})
            sender = threading.Thread(target=upload, daemon=True)
            sender.start()
            head = conn.read_head()
            self.assertEqual((head.status, head.header("transfer-encoding")), (200, "chunked"))
            bytes_back = 0
            while piece := conn.read_chunk():
                self.assertLessEqual(len(piece), 65536)
                received.update(piece)
                bytes_back += len(piece)
            sender.join(patient(10))
            self.assertEqual((bytes_back, received.hexdigest()), (LARGE, sent.hexdigest()))
            self.assert_small(gw, before)

    def test_echo_chunked(self) -> None:
        """curl uploads from a pipe in chunks with Expect, and gets it all back."""
        with tempfile.TemporaryDirectory() as directory, Gateway(ROUTES, "--body-max", "1G") as gw:
            given, got = Path(directory) / "given", Path(directory) / "got"
            given.write_bytes(b"one small step\n" * 700000)
            with given.open("rb") as pipe:
                done = subprocess.run(["curl", "-sS", "-T", "-", "-H", "Expect: 100-continue", "-o", got,
                                       f"{gw.url}/echo"], stdin=pipe, timeout=patient(30), check=False)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(given.read_bytes() == got.read_bytes())

    def test_slow_reader(self) -> None:
        """A download that nobody reads costs the water marks and not the body; read late, it is whole."""
        with Gateway(ROUTES) as gw, gw.connect(60, receive_buffer=65536) as conn:
            gw.get(f"/big?bytes={MIB}")
            before = gw.rss_kib()
            conn.request("GET", f"/big?bytes={LARGE}&length")
            head = conn.read_head()
            self.assertEqual(head.header("content-length"), str(LARGE))
            settled = 0
            while settled < 5:  # nothing moves any more: the worker sleeps in back-pressure
                used = cpu_ticks(gw)
                time.sleep(0.1)
                settled = settled + 1 if cpu_ticks(gw) == used else 0
            self.assert_small(gw, before)
            self.assertEqual(len(conn.read_exactly(LARGE)), LARGE)
            conn.request("GET", "/hello")
            self.assertEqual(conn.read_response().text, "hello\n")

    def test_slow_handler(self) -> None:
        """An upload that the application does not take stops the client, and costs no memory."""
        with Gateway(EXTENSIONS, "--body-max", "1G", "--drain-timeout", "100ms") as gw, gw.connect(0.5) as conn:
            before = gw.rss_kib()
            conn.request("POST", "/later", {"Content-Length": str(LARGE)})
            block, sent = b"x" * MIB, 0
            with self.assertRaises(TimeoutError):
                while sent < LARGE:
                    conn.sock.send(block)
                    sent += MIB
            self.assert_small(gw, before)

    def test_one_message(self) -> None:
        """A response larger than the water mark may still be one message."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            for size in (10, 65530, 65540, 200000, 3000000):
                for query, times in ((f"bytes={size}", 1), (f"bytes={size}&array", 2)):
                    conn.request("GET", f"/whole?{query}")
                    self.assertTrue(conn.read_response().body == b"0123456789" * (size // 10 * times), query)

    def test_many_readers(self) -> None:
        """50 slow readers at once are bounded too."""
        if SANITIZER:
            self.skipTest("memory figures mean nothing here")
        with Gateway(ROUTES) as gw:
            before = gw.rss_kib()
            conns = [gw.connect(receive_buffer=4096) for _ in range(50)]
            for conn in conns:
                conn.request("GET", "/big?bytes=10000000")
            for conn in conns:
                conn.read_head()
            self.assertLess(gw.rss_kib() - before, 50 * 4 * 64 + GROWTH_KIB)
            for conn in conns:
                conn.reset()
            poll("their tasks end", lambda: gw.info()["tasks"] == 1)


def cpu_ticks(gw: Gateway) -> int:
    """CPU time that the workers have used."""
    total = 0
    for pid in gw.worker_pids():
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total


class Expect(unittest.TestCase):
    """Expect: 100-continue"""

    def test_continue(self) -> None:
        """100 goes out at the first receive, before a byte of the body."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.request("POST", "/count", {"Content-Length": "5", "Expect": "100-continue"})
            self.assertEqual(conn.read_head().status, 100)
            conn.sock.sendall(b"hello")
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.interim), ("5 bytes\n", []))

    def test_not_wanted(self) -> None:
        """An application that does not read gets no 100 sent in its name."""
        with Gateway(ROUTES) as gw, gw.connect() as conn:
            conn.request("POST", "/ignore", {"Content-Length": "5", "Expect": "100-continue"})
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.interim, answer.keeps), ("ignored\n", [], False))


class Extensions(unittest.TestCase):
    """Files, trailers, early hints."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        self.root = self.dir / "root"
        self.root.mkdir()
        (self.root / "a.txt").write_text("0123456789")
        (self.dir / "secret.txt").write_text("secret")
        (self.root / "link").symlink_to(self.dir / "secret.txt")

    def test_file(self) -> None:
        """Whole, by parts, empty, for HEAD, and behind other requests of the connection."""
        (self.root / "empty").write_bytes(b"")
        with Gateway(EXTENSIONS, env={"ROOT": str(self.root)}) as gw, gw.connect() as conn:
            for query, body in (("a.txt", "0123456789"), ("a.txt?offset=3", "3456789"), ("empty", ""),
                                ("a.txt?offset=3&length=4", "3456"), ("a.txt?offset=10", "")):
                conn.request("GET", f"/file/{query}")
                answer = conn.read_response()
                self.assertEqual((answer.status, answer.text), (200, body))
                self.assertEqual(answer.header("content-length"), str(len(body)))
            conn.request("HEAD", "/file/a.txt")
            self.assertEqual(conn.read_response().header("content-length"), "10")
            for _ in range(5):
                conn.request("GET", "/file/a.txt?offset=9")
                conn.request("GET", "/hello")
            self.assertEqual([conn.read_response().text for _ in range(10)], ["9", "hello\n"] * 5)

    def test_large_file(self) -> None:
        """100 MiB by sendfile: unchanged, and without passing through the worker's memory."""
        digest = hashlib.sha256()
        with (self.root / "large").open("wb") as file:
            for i in range(LARGE // MIB):
                file.write(feed(digest, MIB, b"%d crater " % i))
        with Gateway(EXTENSIONS, env={"ROOT": str(self.root)}) as gw, gw.connect(60) as conn:
            conn.request("GET", "/file/a.txt")
            conn.read_response()
            before = gw.rss_kib()
            conn.request("GET", "/file/large")
            answer = conn.read_response()
            self.assertEqual(hashlib.sha256(answer.body).hexdigest(), digest.hexdigest())
            if not SANITIZER:
                self.assertLess(gw.rss_kib() - before, 1024)

    def test_file_refused(self) -> None:
        """A missing file, a directory, and every way out of the root are told to the application."""
        with Gateway(EXTENSIONS, env={"ROOT": str(self.root)}) as gw:
            for path, code in (("gone", "not_found"), ("../secret.txt", "denied"), ("link", "denied"),
                               ("/etc/passwd", "denied"), ("a.txt/x", "not_found")):
                with self.subTest(path), gw.connect() as conn:
                    conn.request("GET", f"/file/{path}")
                    answer = conn.read_response()
                    self.assertEqual(answer.status, 404)
                    self.assertNotIn("secret", answer.text.replace("secret.txt", ""))
                    self.assertEqual(answer.text.split()[0], code)
            self.assertEqual(gw.get("/file/.").status, 404)

    def test_trailers(self) -> None:
        """Trailers come behind the last chunk, for a client that said te: trailers."""
        with Gateway(EXTENSIONS) as gw, gw.connect() as conn:
            conn.request("GET", "/trailers", {"TE": "trailers"})
            answer = conn.read_response()
            self.assertEqual((answer.text, answer.trailers), ("body", [("x-sum", "42"), ("x-more", "yes")]))
            conn.request("GET", "/offered")
            self.assertNotIn("trailers", conn.read_response().text)

    def test_early_hints(self) -> None:
        """103 with link fields, then the answer; none to HTTP/1.0."""
        with Gateway(EXTENSIONS) as gw, gw.connect() as conn:
            conn.request("GET", "/hints")
            answer = conn.read_response()
            self.assertEqual([(hint.status, hint.header("link")) for hint in answer.interim],
                             [(103, "</a.css>; rel=preload, </b.js>")])
            self.assertEqual(answer.text, "hinted\n")
            conn.send(b"GET /hints HTTP/1.0\r\n\r\n", "GET")
            self.assertEqual(conn.read_response().interim, [])


if __name__ == "__main__":
    unittest.main()
