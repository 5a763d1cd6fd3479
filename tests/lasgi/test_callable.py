"""The callable and its middleware: LASGI section 1."""

from __future__ import annotations

import json
import unittest

from contract import Topic


class Callable(Topic):
    """A table that is called, a middleware that derives a scope and wraps send."""

    app = "callable.lua"

    def test_table(self) -> None:
        self.assertEqual(self.value("/x", method="POST", body=b"abc"), {
            "root_path": "", "path": "/x", "method": "POST", "host": "moonloop.test", "state": True, "body": "abc"})

    def test_middleware(self) -> None:
        answer = self.ask("/api/x", method="PUT", body=b"abc")
        self.assertEqual(answer.header("x-mounted"), "/api")
        self.assertEqual(json.loads(answer.body), {
            "root_path": "/api", "path": "/api/x", "method": "PUT", "host": "moonloop.test", "state": True,
            "body": "abc", "user": "ada"})


if __name__ == "__main__":
    unittest.main()
