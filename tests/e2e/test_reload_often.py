"""Hundreds of reloads under load, a third of them of broken code: nobody notices, and nothing is left.

RELOADS sets how many (120); the figures are printed.
"""

from __future__ import annotations

import os
import threading
import time
import unittest
from collections import Counter
from typing import Callable

from client import Conn
from gateway import Gateway
from load import Load
from support import SANITIZER, patient, poll
from versioned import Versioned, descriptors

RELOADS = int(os.environ.get("RELOADS", "120"))
FIRST = 20  # reloads before memory is looked at: what they touched stays with the process
GROWTH_KIB = 2 * 1024

BROKEN = ("local x = = 1", "error 'no fuel'", "return nil", "require 'missing'",
          "return function(scope) if scope.type == 'lifespan' then error 'no start' end end",
          "local moonloop = require 'moonloop' return function(scope, receive, send) receive()"
          " moonloop.spawn(moonloop.sleep, 3600) send { type = 'lifespan.startup.failed' } moonloop.sleep(3600) end")


class Clients(Load):
    """Load, and some that pipeline, and some whose responses are streams."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway.addresses[0], "/", threads=4)
        self.streams = 0
        for use in (self._pipeline, self._pipeline, self._stream, self._stream):
            self._threads.append(threading.Thread(target=self._again, args=(use,), daemon=True))

    def _again(self, use: Callable[[Conn], None]) -> None:
        while not self._stopping.is_set():
            try:
                with Conn(self.address, patient(10)) as conn:
                    for _ in range(20):
                        if not self._stopping.is_set():
                            use(conn)
            except Exception as failure:  # whatever it is, a client would have seen it
                with self._lock:
                    self.failures.append(f"{use.__name__}: {type(failure).__name__}: {failure}")

    def begin_to_stop(self) -> None:
        """After this no request begins; those that run are answered."""
        self._stopping.set()
        time.sleep(0.2)

    def _expect(self, condition: bool, what: str) -> None:
        if not condition:
            raise AssertionError(what)

    def _pipeline(self, conn: Conn) -> None:
        for _ in range(16):
            conn.request("GET", "/")
        versions = []
        for _ in range(16):
            answer = conn.read_response()
            self._expect(answer.status == 200, f"{answer.status} {answer.text}")
            versions.append(int(answer.text[1:]))
        self._expect(versions == sorted(versions), f"older code answered after newer: {versions}")
        with self._lock:
            self.bodies[answer.body] += 16

    def _stream(self, conn: Conn) -> None:
        """Which ends only when its generation does, or the client leaves."""
        conn.request("GET", "/stream")
        answer = conn.read_response()
        words = answer.text.split()
        self._expect(answer.status == 200 and len(set(words)) == 1, f"{answer.status}: {Counter(words)}")
        with self._lock:
            self.streams += 1


class Often(Versioned):
    """See above."""

    def rounds(self, gateway: Gateway, first: int, count: int) -> list[float]:
        """So many reloads under load; how long the good ones took until the new code answered, in s."""
        took = []
        with Clients(gateway) as clients:
            for n in range(first, first + count):
                began = time.monotonic()
                if n % 3 == 2:
                    self.put(self.app, BROKEN[n // 3 % len(BROKEN)])
                    self.refused(gateway)
                    continue
                self.write(f"v{n}")
                self.reload(gateway)
                self.assertEqual(gateway.get("/").text, f"v{n}")
                took.append(time.monotonic() - began)
            clients.begin_to_stop()
            self.write("v1000000")  # which ends the streams
            self.reload(gateway)
        self.write("v0")
        self.reload(gateway)
        self.settle(gateway)
        self.assertEqual(clients.failures[:10], [])
        self.assertGreater(clients.answered, 10 * count)
        self.assertGreater(clients.streams, count / 4)
        poll("only the asking task and lifespan are left", lambda: gateway.info()["tasks"] == 2)
        poll("only the asking connection is left", lambda: gateway.info()["connections"] == 1)
        return took

    def test_often(self) -> None:
        with Gateway(self.app, "--drain-timeout", "5s", errors=("app.start_failed", "reload.failed"),
                     watchdog=90 + RELOADS) as gw:
            pid = gw.worker_pids()[0]
            before = descriptors(pid)
            self.rounds(gw, 1, FIRST)
            memory = gw.rss_kib()
            took = sorted(self.rounds(gw, FIRST + 1, RELOADS))
            after = gw.rss_kib()
            print(f"reload: {RELOADS} reloads, new code after {took[len(took) // 2] * 1000:.0f} ms (median), "
                  f"{took[-1] * 1000:.0f} ms at most; {memory} KiB before, {after} KiB after")
            poll("the same descriptors are open", lambda: descriptors(pid) == before)
            self.assertEqual(gw.worker_pids(), [pid])
            if not SANITIZER:
                self.assertLess(after - memory, GROWTH_KIB)


if __name__ == "__main__":
    unittest.main()
