"""What the contract tests share: one gateway for each topic, and the records of its error log."""

from __future__ import annotations

import json
import re
import sys
import unittest
from pathlib import Path
from typing import Any, Mapping, Optional

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"
sys.path.insert(0, str(HERE.parent / "e2e"))

from client import Closed, Conn, Response  # noqa: E402
from gateway import Gateway  # noqa: E402
from support import line_of, patient, poll  # noqa: E402

__all__ = ["APPS", "Closed", "Conn", "Gateway", "Response", "Topic", "line_of", "patient", "poll", "records"]


def records(gw: Gateway, event: str) -> list[str]:
    """The records of that event in the error log, each with the indented lines behind it."""
    return re.findall(rf"^\S+ \w+ {re.escape(event)}(?: .*)?\n(?:\t.*\n)*", gw.log(), re.M)


class Topic(unittest.TestCase):
    """The tests of one application, all on one gateway, which must be left empty."""

    app = ""
    options: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    gw: Gateway

    @classmethod
    def setUpClass(cls) -> None:
        cls.gw = Gateway(APPS / cls.app, *cls.options, errors=cls.errors).__enter__()

    @classmethod
    def tearDownClass(cls) -> None:
        try:
            poll("no task but the asking one is left", cls._nothing_left)
        finally:
            cls.gw.__exit__(None, None, None)

    @classmethod
    def _nothing_left(cls) -> bool:
        info = cls.gw.info()
        return info["tasks"] == 1 and info["connections"] == 1 and info["thread_queue"] == 0

    @property
    def source(self) -> Path:
        """The application's file."""
        return APPS / self.app

    def ask(self, target: str, method: str = "GET", headers: Optional[Mapping[str, str]] = None,
            body: Optional[bytes] = None, version: str = "1.1") -> Response:
        """One request on a connection of its own."""
        with self.gw.connect() as conn:
            conn.request(method, target, headers, body, version)
            return conn.read_response()

    def value(self, target: str, **more: Any) -> Any:
        """The JSON of an answer."""
        answer = self.ask(target, **more)
        self.assertEqual(answer.status, 200, answer.text)
        return json.loads(answer.body)

    def record(self, event: str, part: str, count: int = 1) -> str:
        """The last of exactly so many records of an event with that text in them."""
        def found() -> list[str]:
            return [record for record in records(self.gw, event) if part in record]
        poll(f"{event} of {part} is logged", lambda: len(found()) >= count)
        self.assertEqual(len(found()), count, found())
        return found()[-1]
