"""An application that fails: what its client sees, and what its author reads in the log."""

from __future__ import annotations

import re
import unittest

from client import Closed
from gateway import Gateway
from support import APPS, line_of

ERRORS = APPS / "errors.lua"


def traceback_of(gateway: Gateway, event: str, count: int = 1) -> str:
    """The last of so many events, with the indented lines behind it."""
    gateway.wait_event(event, count)
    found = re.findall(rf"^\S+ \w+ {re.escape(event)}(?: .*)?\n(?:\t.*\n)*", gateway.log(), re.M)
    return found[-1]


class Raising(unittest.TestCase):
    """Errors before, in and after a response."""

    def test_bare_500(self) -> None:
        """500 without a word of the reason; the log has it once, with the user's own lines."""
        with Gateway(ERRORS, errors=["app.error"]) as gw, gw.connect() as conn:
            for i, (path, said, marker) in enumerate((
                    ("/index", "attempt to index local 'crater' (a nil value)", "-- INDEX"),
                    ("/raise", "secret detail", "-- RAISE"),
                    ("/coroutine", "inside a coroutine", "-- COROUTINE"),
                    ("/spawned", "in a child", "-- CHILD"),
                    ("/held", "before the first byte", "-- HELD")), 1):
                with self.subTest(path):
                    conn.request("GET", path)
                    answer = conn.read_response()
                    self.assertEqual((answer.status, answer.header("x-first")), (500, None))
                    for word in ("secret", "lua", "stack", "crater", "first"):
                        self.assertNotIn(word, answer.text)
                    report = traceback_of(gw, "app.error", i)
                    self.assertIn(f"errors.lua:{line_of(ERRORS, marker)}: {said}", report)
                    self.assertIn("stack traceback:", report)
                    self.assertIn(f"path={path}", report)
                    self.assertNotIn("moonloop.core", report)
            self.assertEqual(len(gw.events("app.error")), 5)
            conn.request("GET", "/")
            self.assertEqual(conn.read_response().text, "still here\n")

    def test_odd_errors(self) -> None:
        """Error objects, nil, a stack overflow, an undefined global, a wait inside table.sort."""
        with Gateway(ERRORS, errors=["app.error"]) as gw:
            for i, (path, said) in enumerate((("/object", "an object"), ("/nil", "nil"),
                                              ("/overflow", "stack overflow"), ("/global", "undefined_function"),
                                              ("/yield", "table.sort")), 1):
                with self.subTest(path):
                    self.assertEqual(gw.get(path).status, 500)
                    self.assertIn(said, traceback_of(gw, "app.error", i))
            self.assertEqual(gw.get("/").text, "still here\n")

    def test_foreign_yield(self) -> None:
        """A yield that is no wait fails its request; the worker goes on."""
        with Gateway(ERRORS, errors=["task.died"]) as gw:
            self.assertEqual(gw.get("/raw-yield").status, 500)
            self.assertIn("is no wait", gw.wait_event("task.died")[0])
            self.assertEqual(gw.get("/").text, "still here\n")

    def test_finalizers(self) -> None:
        """LuaJIT raises a finalizer's error wherever memory is allocated: never fatal to the worker."""
        with Gateway(ERRORS, errors=["app.error", "task.died", "gc.error"]) as gw:
            for _ in range(20):
                self.assertIn(gw.get("/finalizers").status, (200, 500))
            for _ in range(300):
                self.assertIn(gw.get("/").status, (200, 500))
            self.assertEqual(len(gw.events("worker.started")), 1)

    def test_no_answer(self) -> None:
        """An application that returns without an answer: 500, and a line that says so."""
        with Gateway(ERRORS, errors=["app.incomplete"]) as gw:
            self.assertEqual(gw.get("/nothing").status, 500)
            self.assertIn("/nothing", gw.wait_event("app.incomplete")[0])

    def test_after_start(self) -> None:
        """Half a response cannot be taken back: the connection ends before the announced end."""
        with Gateway(ERRORS, errors=["app.error", "app.incomplete"]) as gw:
            for path in ("/late", "/late-length", "/unfinished"):
                with self.subTest(path), gw.connect() as conn:
                    conn.request("GET", path)
                    self.assertRaises(Closed, conn.read_response)
            self.assertIn(f"errors.lua:{line_of(ERRORS, '-- LATE')}: ", traceback_of(gw, "app.error"))
            self.assertIn("/unfinished", gw.wait_event("app.incomplete")[0])
            self.assertIn("/late-length", gw.wait_event("response.short")[0])

    def test_unjoined(self) -> None:
        """The error of a task that nobody joins is logged; the request that started it is fine."""
        with Gateway(ERRORS, errors=["task.error"]) as gw:
            self.assertEqual(gw.get("/unjoined").text, "fine\n")
            line = line_of(ERRORS, "-- UNJOINED")
            self.assertIn(f"errors.lua:{line}: nobody joins", traceback_of(gw, "task.error"))


class Misuse(unittest.TestCase):
    """Wrong messages."""

    def test_at_the_users_line(self) -> None:
        """Each raises at the application's line, and a right message after it still works."""
        with Gateway(ERRORS) as gw:
            names = gw.get("/misuses").text.split()
            self.assertGreater(len(names), 15)
            for name in names:
                with self.subTest(name):
                    answer = gw.get(f"/misuse/{name}")
                    self.assertEqual(answer.status, 200)
                    if name == "after_end":
                        self.assertEqual(answer.text, "")
                    else:
                        self.assertRegex(answer.text, "^at its line: ")


if __name__ == "__main__":
    unittest.main()
