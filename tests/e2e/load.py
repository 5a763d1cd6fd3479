"""Clients that ask without a pause, and remember everything that went wrong."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Optional

from client import Address, Conn
from support import patient


class Load:
    """So many threads; each keeps a connection for some requests, then opens a new one.

    A client honours `connection: close` and never retries, so that each request that a server
    takes and does not answer counts as a failure.
    """

    def __init__(self, address: Address, target: str = "/hello", threads: int = 8, per_connection: int = 20) -> None:
        self.address = address
        self.target = target
        self.per_connection = per_connection
        self.failures: list[str] = []
        self.bodies: Counter[bytes] = Counter()
        self.slowest = 0.0
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        # One thread opens a connection for each request, another one keeps its connection for good.
        counts = [1, 1 << 30] + [per_connection] * (threads - 2)
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in counts]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: Optional[type[BaseException]], _err: Optional[BaseException],
                 _tb: Optional[TracebackType]) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(patient(20))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("a client hangs")

    @property
    def answered(self) -> int:
        """Good answers so far."""
        with self._lock:
            return sum(self.bodies.values())

    def _run(self, per_connection: int) -> None:
        while not self._stopping.is_set():
            try:
                with Conn(self.address, patient(10)) as conn:
                    self._use(conn, per_connection)
            except Exception as failure:  # whatever it is, a client would have seen it
                with self._lock:
                    self.failures.append(f"{type(failure).__name__}: {failure}")

    def _use(self, conn: Conn, per_connection: int) -> None:
        for _ in range(per_connection):
            if self._stopping.is_set():
                return
            began = time.monotonic()
            conn.request("GET", self.target)
            answer = conn.read_response()
            took = time.monotonic() - began
            with self._lock:
                self.slowest = max(self.slowest, took)
                if answer.status == 200:
                    self.bodies[answer.body] += 1
                else:
                    self.failures.append(f"status {answer.status}: {answer.text}")
            if not answer.keeps:
                return
