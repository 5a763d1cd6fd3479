"""The extensions of http: trailers, early hints, files."""

from __future__ import annotations

import os
import shutil
import tempfile
import unittest
from pathlib import Path

from contract import APPS, Gateway, Topic


class Extensions(Topic):
    """What is sent, and what becomes of it where the client cannot take it."""

    app = "extensions.lua"
    dir: Path
    data = bytes(i * 7 % 251 for i in range(100_000))

    @classmethod
    def setUpClass(cls) -> None:
        cls.dir = Path(tempfile.mkdtemp(prefix="moonloop-files-"))
        (cls.dir / "data").write_bytes(cls.data)
        (cls.dir / "empty").write_bytes(b"")
        (cls.dir / "sub").mkdir()
        (cls.dir / "sub" / "inner").write_bytes(b"inner")
        (cls.dir / "sub" / "link").symlink_to(cls.dir / "data")
        cls.gw = Gateway(APPS / cls.app, env={"FILES_DIR": str(cls.dir)}).__enter__()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        shutil.rmtree(cls.dir)

    # ---- trailers ----------------------------------------------------------------------------------

    def test_trailers(self) -> None:
        for form, fields in (("pairs", [("x-sum", "1"), ("x-n", "2"), ("x-n", "3")]), ("map", [("x-sum", "1")]), ("mended", [("x-sum", "1")]),
                             ("map-of-arrays", [("x-n", "2"), ("x-n", "3")]), ("none", []), ("forgotten", [])):
            with self.subTest(form), self.gw.connect() as conn:
                for _ in range(2):
                    conn.request("GET", f"/trailers/{form}", {"TE": "trailers"})
                    answer = conn.read_response()
                    self.assertEqual((answer.body, answer.trailers), (b"body", fields))
                    self.assertEqual(answer.header("transfer-encoding"), "chunked")

    def test_trailers_that_the_client_does_not_take_are_dropped(self) -> None:
        answer = self.ask("/trailers/pairs")
        self.assertEqual((answer.body, answer.trailers), (b"body", []))
        answer = self.ask("/trailers/pairs", version="1.0", headers={"TE": "trailers"})
        self.assertEqual((answer.body, answer.trailers), (b"body", []))
        self.assertEqual(self.ask("/trailers/pairs", method="HEAD", headers={"TE": "trailers"}).trailers, [])

    # ---- early hints ---------------------------------------------------------------------------------

    def test_early_hint(self) -> None:
        answer = self.ask("/hint")
        self.assertEqual(answer.body, b"body")
        self.assertEqual([(hint.status, hint.headers) for hint in answer.interim], [
            (103, [("link", "</a.css>; rel=preload, </b.js>; rel=preload")]),
            (103, [("link", "</c.js>; rel=preload")])])

    def test_no_hint_for_http_1_0(self) -> None:
        answer = self.ask("/hint", version="1.0")
        self.assertEqual((answer.status, answer.body, answer.interim), (200, b"body", []))

    # ---- files ---------------------------------------------------------------------------------------

    def test_file(self) -> None:
        with self.gw.connect() as conn:
            for path, data in (("", self.data), ("/part", self.data[10:15]), ("/rest", self.data[99990:]),
                               ("/nothing", b""), ("/empty", b""), ("/declared", b""), ("/rooted", b"inner")):
                with self.subTest(path):
                    conn.request("GET", f"/file{path}")
                    answer = conn.read_response()
                    self.assertEqual((answer.status, answer.body), (200, data))
                    self.assertEqual(answer.header("content-length"), str(len(data)))

    def test_file_without_body(self) -> None:
        with self.gw.connect() as conn:
            conn.request("HEAD", "/file")
            self.assertEqual(conn.read_response().header("content-length"), "100000")
            conn.request("GET", "/file/304")
            self.assertEqual(conn.read_response().status, 304)
            conn.request("GET", "/file/part")
            self.assertEqual(conn.read_response().body, self.data[10:15])

    def test_file_that_cannot_be_sent(self) -> None:
        """The start is taken back: the application can still say something else."""
        for path, code in (("missing", "not_found"), ("directory", "is_dir"), ("leads-out", "denied"),
                           ("link-out", "denied"), ("absolute", "denied")):
            with self.subTest(path):
                answer = self.ask(f"/file/{path}")
                self.assertEqual((answer.status, answer.text.split(":")[0]), (404, code))

    def test_descriptors_are_closed(self) -> None:
        def count() -> int:
            return len(os.listdir(f"/proc/{self.gw.worker_pids()[0]}/fd"))
        self.test_file()
        before = count()
        for _ in range(3):
            self.test_file()
            self.test_file_without_body()
            self.test_file_that_cannot_be_sent()
        self.assertLessEqual(count(), before + 1)


if __name__ == "__main__":
    unittest.main()
