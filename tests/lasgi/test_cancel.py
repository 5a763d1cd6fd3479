"""The peer goes away: the task is cancelled wherever it waits, and nothing is left of it."""

from __future__ import annotations

import time
import unittest
from typing import Any

from contract import Topic, poll, records

CANCELLED = {"ok": False, "cancelled": True, "text": "cancelled"}


class Cancel(Topic):
    """Each kind of wait, then what follows it."""

    app = "cancel.lua"

    def leave(self, name: str) -> Any:
        """Resets the connection in the middle of a response; what the application saw."""
        with self.gw.connect(receive_buffer=4096) as conn:
            conn.request("GET", f"/{name}")
            conn.read_head()
            time.sleep(0.1)
            conn.reset()
        return poll(f"{name} has seen", lambda: self.value(f"/seen?{name}"))

    def check(self, name: str, first: dict[str, Any]) -> None:
        with self.subTest(name):
            self.assertEqual(self.leave(name), {
                "first": first,
                "again": CANCELLED,
                "message": "http.disconnect",
                "sent": "nil", "code": "closed",
            })

    def test_waits(self) -> None:
        for name in ("sleep", "join", "thread", "file", "coroutine", "send"):
            self.check(name, CANCELLED)

    def test_receive_and_send_tell_it(self) -> None:
        self.check("receive", {"ok": True, "value": "http.disconnect", "code": "closed"})
        self.check("send_slowly", {"ok": True, "value": "answer", "code": "closed"})

    def test_uncaught_is_no_error(self) -> None:
        with self.gw.connect() as conn:
            conn.request("GET", "/uncaught")
            conn.read_head()
            conn.reset()
        poll("the request is over", lambda: self.gw.info()["tasks"] == 1)
        for event in ("app.error", "app.incomplete", "task.error"):
            self.assertEqual(records(self.gw, event), [])

    def test_children(self) -> None:
        self.assertEqual(self.leave("children"), {"a": CANCELLED, "b": CANCELLED})

    def test_shield(self) -> None:
        self.assertEqual(self.leave("shield"), {
            "shielded": {"ok": True, "value": "saved"}, "sent": "nil", "code": "closed", "after": CANCELLED})

    def test_background(self) -> None:
        self.assertEqual(self.leave("background"), {"done": True})

    def test_half_closed_is_not_gone(self) -> None:
        with self.gw.connect() as conn:
            conn.request("GET", "/half-closed")
            conn.finish_writing()
            self.assertEqual(conn.read_response().text, "still there")
            self.assertTrue(conn.is_over())


if __name__ == "__main__":
    unittest.main()
