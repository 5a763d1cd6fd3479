"""Requests whose application raises or returns at the wrong time: what the client and the log see."""

from __future__ import annotations

import unittest

from contract import Closed, Topic, line_of, records


class Ends(Topic):
    """Before the start, with a held head, within the body, after the end."""

    app = "ends.lua"
    errors = ("app.error", "app.incomplete", "task.error")

    def ask_keeping(self, path: str) -> None:
        """A 500 that leaves the connection as it was."""
        with self.gw.connect() as conn:
            for _ in range(2):
                conn.request("GET", path)
                answer = conn.read_response()
                self.assertEqual((answer.status, answer.text), (500, "500 Internal Server Error\n"))
                self.assertIsNone(answer.header("x-held"))
                self.assertTrue(answer.keeps)

    def cut(self, path: str) -> None:
        """A response that begins and never ends."""
        with self.gw.connect() as conn:
            conn.request("GET", path)
            self.assertEqual(conn.read_head().status, 200)
            rest = conn.read_rest()
            self.assertIn(b"part", rest)
            self.assertFalse(rest.endswith(b"0\r\n\r\n"))

    def check(self, event: str, path: str, *said: str, count: int = 1) -> None:
        """The last of so many records for that path; it shows nothing of the gateway's own Lua."""
        record = self.record(event, path, count)
        for text in said:
            self.assertIn(text, record)
        self.assertNotIn("moonloop.core", record)

    def where(self, marker: str) -> str:
        return f"{self.source}:{line_of(self.source, f'-- {marker}')}: "

    def test_raises_before(self) -> None:
        for name in ("before", "held"):
            with self.subTest(name):
                self.ask_keeping(f"/raise/{name}")
                said = f"\t{self.where(f'RAISE {name.upper()}')}boom\n\tstack traceback:\n"
                self.check("app.error", f"method=GET path=/raise/{name}\n", said, count=2)

    def test_raises_within(self) -> None:
        for name in ("within", "declared"):
            with self.subTest(name):
                self.cut(f"/raise/{name}")
                self.check("app.error", f"path=/raise/{name}\n", f"{self.where(f'RAISE {name.upper()}')}boom")

    def test_raises_after(self) -> None:
        with self.gw.connect() as conn:
            for i in range(2):
                conn.request("GET", "/raise/after")
                self.assertEqual(conn.read_response().text, "whole")
                self.check("app.error", "path=/raise/after\n", f"{self.where('RAISE AFTER')}boom", count=i + 1)

    def test_traceback_of_what_waited(self) -> None:
        self.assertEqual(self.ask("/raise/waited").status, 500)
        self.check("app.error", "path=/raise/waited\n", f"{self.where('RAISE WAITED')}boom", "in function 'deeper'")

    def test_objects(self) -> None:
        for name, said in (("object", "\tan object\n"), ("unsupported", "does not support that scope type")):
            self.assertEqual(self.ask(f"/raise/{name}").status, 500)
            self.check("app.error", f"path=/raise/{name}\n", said)

    def test_error_of_a_joined_task(self) -> None:
        """Logged once, with the traceback of the task."""
        self.assertEqual(self.ask("/raise/child").status, 500)
        where = self.where("RAISE CHILD")
        self.check("app.error", "path=/raise/child\n", f"{where}boom")
        self.assertNotIn(where, "".join(records(self.gw, "task.error")))

    def test_a_joined_task_that_was_cancelled_is_an_error(self) -> None:
        self.assertEqual(self.ask("/raise/joins-cancelled").status, 500)
        line = line_of(self.source, "-- RAISE JOINS-CANCELLED")
        self.check("app.error", "path=/raise/joins-cancelled\n", "\tcancelled\n", f"{self.source.name}:{line}: in ")

    def test_error_of_an_unheard_task(self) -> None:
        for name in ("child", "background"):
            with self.subTest(name):
                self.assertEqual(self.ask(f"/unheard/{name}").status, 200)
                self.check("task.error", f"{self.where(f'UNHEARD {name.upper()}')}unheard")

    def test_returns_before(self) -> None:
        for name in ("before", "held", "value"):
            with self.subTest(name):
                self.ask_keeping(f"/return/{name}")
                self.check("app.incomplete", f"/return/{name}", "without a response", count=2)

    def test_returns_within(self) -> None:
        self.cut("/return/within")
        self.check("app.incomplete", "/return/within", "before the end of its response")


if __name__ == "__main__":
    unittest.main()
