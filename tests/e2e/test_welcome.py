"""The application that `make run` serves."""

from __future__ import annotations

import json
import re
import unittest

from gateway import Gateway
from support import REPO

WELCOME = REPO / "apps" / "welcome"


class Welcome(unittest.TestCase):
    """apps/welcome"""

    def test_page(self) -> None:
        """The page is HTML that asks for nothing from elsewhere, and tells the truth."""
        with Gateway(WELCOME) as gw:
            page = gw.get("/")
            self.assertEqual((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"))
            self.assertIn("moonloop", page.text)
            self.assertTrue(page.text.rstrip().endswith("</html>"))
            self.assertEqual(re.findall(r"""(?:src|href)=["']?(https?:)?//""", page.text), [])
            self.assertEqual(re.findall(r"<link[^>]+stylesheet|<script[^>]+src", page.text), [])

    def test_facts(self) -> None:
        """/facts is JSON about the worker that answers."""
        with Gateway(WELCOME) as gw:
            gw.get("/")
            facts = json.loads(gw.get("/facts").body)
            self.assertEqual(facts["pid"], gw.worker_pids()[0])
            self.assertEqual(facts["requests"], 2)
            self.assertEqual(facts["connections"], 1)

    def test_head_404_405(self) -> None:
        """HEAD has the length and no body; an unknown path and an unknown method are said so."""
        with Gateway(WELCOME) as gw, gw.connect() as conn:
            conn.request("GET", "/nowhere?<script>")
            missing = conn.read_response()
            self.assertEqual(missing.status, 404)
            self.assertIn("/nowhere", missing.text)
            conn.request("HEAD", "/")
            head = conn.read_response()
            self.assertEqual(head.status, 200)
            self.assertGreater(int(head.header("content-length") or 0), 1000)
            conn.request("POST", "/", body=b"x")
            refused = conn.read_response()
            self.assertEqual((refused.status, refused.header("allow")), (405, "GET, HEAD"))

    def test_mounted(self) -> None:
        """Behind --root-path the links and paths still fit."""
        with Gateway(WELCOME, "--root-path", "/moon") as gw:
            self.assertEqual(gw.get("/moon/").status, 200)
            self.assertEqual(gw.get("/moon/facts").status, 200)
            self.assertEqual(gw.get("/moon/nowhere").status, 404)


if __name__ == "__main__":
    unittest.main()
