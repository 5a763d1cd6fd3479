"""Forms, files, ranges and compression of moonloop.web, with curl."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from gateway import Gateway
from support import APPS, SANITIZER, patient, poll

APP = APPS / "webbodies.lua"
MIB = 1024 * 1024
LARGE = 50 * MIB

# What a worker may grow by while 50 MiB go through it: pieces, and garbage that is not collected yet.
GROWTH_KIB = 16 * 1024


def digest(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Web(unittest.TestCase):
    """One gateway for all; a directory that it serves and stores uploads in."""

    @classmethod
    def setUpClass(cls) -> None:
        """Makes the files."""
        cls.tmp = tempfile.TemporaryDirectory()
        cls.dir = Path(cls.tmp.name)
        (cls.dir / "big.bin").write_bytes(os.urandom(3 * MIB))
        (cls.dir / "a.txt").write_text("magnificent desolation\n" * 1000)
        (cls.dir / "empty").write_bytes(b"")
        (cls.dir / "app.js").write_text("js " * 1000)
        (cls.dir / "app.js.gz").write_bytes(gzip.compress(b"js " * 1000))
        (cls.dir / "out").symlink_to("/etc")
        cls.gw = Gateway(APP, "--body-max", "100M", env={"WEB_DIR": str(cls.dir), "TMPDIR": str(cls.dir)})
        cls.gw.__enter__()

    @classmethod
    def tearDownClass(cls) -> None:
        """The gateway must end well."""
        cls.gw.__exit__(None, None, None)
        cls.tmp.cleanup()

    def curl(self, target: str, *options: str) -> tuple[int, dict[str, str], bytes]:
        """Status, header fields, body."""
        with tempfile.NamedTemporaryFile() as head:
            done = subprocess.run(["curl", "-sS", "--max-time", str(int(patient(60))), "--path-as-is", "-D", head.name,
                                   *options, self.gw.url + target], capture_output=True, check=True)
            lines = Path(head.name).read_bytes().decode().strip().split("\r\n\r\n")[-1].split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        return int(lines[0].split()[1]), fields, done.stdout

    def test_upload(self) -> None:
        """50 MiB go to the disk, and the worker stays small."""
        source = self.dir / "source"
        source.write_bytes(os.urandom(MIB) * (LARGE // MIB))
        before = self.gw.rss_kib()
        status, _, body = self.curl("/upload", "-F", f"f=@{source};filename=../../large file.bin", "-F", "title=Moon")
        self.assertEqual(status, 200, body)
        self.assertIn(b'"title":"Moon"', body)
        self.assertIn(b'"size":%d' % LARGE, body)
        if not SANITIZER:
            self.assertLess(self.gw.rss_kib() - before, GROWTH_KIB)
        self.assertEqual(digest(self.dir / "up-large_file.bin"), digest(source))

    def test_upload_is_gone(self) -> None:
        """A file that nobody keeps is removed when the request has ended."""
        status, _, body = self.curl("/look", "-F", f"f=@{self.dir}/big.bin")
        self.assertEqual((status, json.loads(body)), (200, {"n": 3 * MIB, "in_memory": False}))
        self.assertEqual(self.left_over(), [])

    def left_over(self) -> list[str]:
        """Temporary files of uploads."""
        return [name for name in os.listdir(self.dir) if name.startswith("moonloop-upload-")]

    def test_upload_cut(self) -> None:
        """The client leaves in the midst: its file is removed."""
        head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        with self.gw.connect() as conn:
            conn.request("POST", "/look", {"Content-Type": "multipart/form-data; boundary=b",
                                           "Content-Length": str(LARGE)})
            conn.sock.sendall(head + b"x" * MIB)
            poll("the upload is on the disk", self.left_over)
        poll("it is gone", lambda: not self.left_over())

    def test_upload_limits(self) -> None:
        """Too many files: 413, which says so, and nothing stays."""
        four = [word for i in range(4) for word in ("-F", f"f{i}=@{self.dir}/big.bin")]
        status, _, body = self.curl("/upload", *four)
        self.assertEqual(status, 413)
        self.assertIn(b'"limit":"files"', body)
        self.assertEqual(self.left_over(), [])

    def test_file(self) -> None:
        """sendfile, ranges, conditions, HEAD."""
        status, head, body = self.curl("/s/big.bin")
        self.assertEqual((status, hashlib.sha256(body).hexdigest()), (200, digest(self.dir / "big.bin")))
        self.assertEqual(head["content-length"], str(3 * MIB))
        self.assertEqual(self.curl("/s/big.bin", "-r", "1000-1999")[2], body[1000:2000])
        self.assertEqual(self.curl("/s/big.bin", "-r", "-5")[2], body[-5:])
        status, part, several = self.curl("/s/big.bin", "-r", "0-9,20-29")
        self.assertEqual(status, 206)
        self.assertIn("multipart/byteranges", part["content-type"])
        self.assertEqual(int(part["content-length"]), len(several))
        self.assertIn(body[20:30], several)
        self.assertEqual(self.curl("/s/big.bin", "-r", f"{3 * MIB}-")[0], 416)
        self.assertEqual(self.curl("/s/big.bin", "-H", f"If-None-Match: {head['etag']}")[0], 304)
        self.assertEqual(self.curl("/s/big.bin", "-H", f"If-Modified-Since: {head['last-modified']}")[0], 304)
        self.assertEqual(self.curl("/s/big.bin", "-H", 'If-Match: "x"')[0], 412)
        status, head, nothing = self.curl("/s/big.bin", "-I")
        self.assertEqual((status, head["content-length"]), (200, str(3 * MIB)))
        self.assertEqual(self.curl("/s/empty")[2], b"")

    def test_resume(self) -> None:
        """curl goes on where it was cut."""
        with tempfile.NamedTemporaryFile() as out:
            Path(out.name).write_bytes((self.dir / "big.bin").read_bytes()[:MIB])
            self.curl("/s/big.bin", "-C", "-", "-o", out.name)
            self.assertEqual(digest(Path(out.name)), digest(self.dir / "big.bin"))

    def test_no_way_out(self) -> None:
        """Nothing above the directory is sent."""
        for path in ("/s/../../etc/passwd", "/s/%2e%2e/%2e%2e/etc/passwd", "/s/out/passwd", "/s//etc/passwd",
                     "/s/..%2f..%2fetc/passwd", "/s/out/"):
            status, _, body = self.curl(path)
            self.assertIn(status, (400, 404), path)
            self.assertNotIn(b"root:", body)

    def test_siblings_and_listing(self) -> None:
        """A compressed file beside the other is sent to who takes it."""
        status, head, body = self.curl("/s/app.js", "-H", "Accept-Encoding: gzip")
        self.assertEqual((status, head["content-encoding"], head["vary"]), (200, "gzip", "accept-encoding"))
        self.assertEqual(body, (self.dir / "app.js.gz").read_bytes())
        self.assertEqual(self.curl("/s/app.js")[2], b"js " * 1000)
        self.assertIn(b'href="./app.js"', self.curl("/s/")[2])

    def test_compression(self) -> None:
        """curl reads what each coding makes: a text, a large one, a file, a stream."""
        plain = {target: self.curl(target)[2] for target in ("/text", "/s/a.txt", "/stream")}
        for coding in ("gzip", "br", "zstd"):
            for target, expected in plain.items():
                with self.subTest(coding=coding, target=target):
                    status, head, body = self.curl(target, "--compressed", "-H", f"Accept-Encoding: {coding}")
                    self.assertEqual((status, head["content-encoding"]), (200, coding))
                    self.assertEqual(body, expected)
        self.assertEqual(self.curl("/text", "-I", "-H", "Accept-Encoding: br")[1]["content-encoding"], "br")

    def test_compressed_requests(self) -> None:
        """What comes compressed is decompressed, as far as allowed."""
        options = ("-H", "Content-Encoding: gzip", "-H", "Expect:", "--data-binary", "@-")
        for body, expected in ((b"x" * 1000, 200), (b"x" * (2 * MIB), 413)):
            done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", *options, self.gw.url + "/echo"],
                                  input=gzip.compress(body), capture_output=True, check=True, timeout=patient(30))
            answer, status = done.stdout.rsplit(b"\n", 1)
            self.assertEqual(int(status), expected)
            if expected == 200:
                self.assertEqual(answer, body)


if __name__ == "__main__":
    unittest.main()
