"""An application's own sockets: a raw TCP server beside HTTP, in several workers, through reloads."""

from __future__ import annotations

import os
import signal
import socket
import unittest
from pathlib import Path
from typing import BinaryIO, Callable, Optional

from gateway import Gateway
from support import APPS, patient, poll

APP = APPS / "sockets.lua"


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def count_files(pid: int) -> int:
    """The descriptors of a process."""
    return len(os.listdir(Path("/proc") / str(pid) / "fd"))


class Line:
    """A connection that is asked lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patient(5))
        self.stream: BinaryIO = self.socket.makefile("rb")

    def ask(self, text: str) -> tuple[str, str]:
        """Who answered, as PID.GENERATION, and what."""
        self.socket.sendall(text.encode() + b"\n")
        name, answer = self.stream.readline().decode().split(" ", 1)
        return name, answer.rstrip("\n")

    def close(self) -> None:
        """Ends it."""
        self.stream.close()
        self.socket.close()


class Sockets(unittest.TestCase):
    """One port for the raw server of all workers."""

    def setUp(self) -> None:
        self.port = free_port()
        self.env = {"ECHO_PORT": str(self.port)}

    def line(self) -> Line:
        """A connection that the test closes."""
        line = Line(self.port)
        self.addCleanup(line.close)
        return line

    def try_ask(self) -> Optional[str]:
        """Who answers a new connection; None when the one it came to was just closing."""
        try:
            line = Line(self.port)
        except OSError:
            return None
        try:
            return line.ask("who")[0]
        except (OSError, ValueError):
            return None
        finally:
            line.close()

    def test_workers_share_the_port(self) -> None:
        """Connections come to all workers; each is served by the one that took it."""
        with Gateway(APP, "--workers", "2", env=self.env) as gw:
            lines = [self.line() for _ in range(40)]
            names = [line.ask("hello")[0] for line in lines]
            self.assertEqual(set(names), {f"{pid}.1" for pid in gw.worker_pids()})
            for line, name in zip(lines, names):
                self.assertEqual(line.ask("again"), (name, "again"))
            self.assertIn("from http", gw.get("/ask").text)
            for line in lines:
                line.close()

    def reload(self, signum: int, is_old: Callable[[str, set[str]], bool], gone: Callable[[Gateway, set[str]], bool]) -> None:
        """An open connection is served to its end by the old code, new ones come to the new one."""
        with Gateway(APP, "--workers", "2", env=self.env) as gw:
            held = self.line()
            pids = {str(pid) for pid in gw.worker_pids()}
            old = held.ask("before")[0]
            self.assertTrue(is_old(old, pids))
            gw.signal(signum)
            poll("new code answers", lambda: not is_old(self.try_ask() or old, pids), 10)
            gw.wait_event("reload.done", 1, 10)
            self.assertEqual(held.ask("after"), (old, "after"))
            held.close()
            poll("the old code is gone", lambda: gone(gw, pids), 10)
            self.assertFalse(is_old(self.try_ask() or "", pids))

    def test_reload(self) -> None:
        """The same workers, with new code."""
        self.reload(
            signal.SIGHUP,
            lambda name, _: name.endswith(".1"),
            lambda gw, _: len(gw.events("generation.ended")) == 2,
        )

    def test_new_workers(self) -> None:
        """New ones beside the old ones."""
        self.reload(
            signal.SIGUSR2,
            lambda name, pids: name.split(".")[0] in pids,
            lambda gw, pids: not pids & {str(pid) for pid in gw.worker_pids()},
        )

    def test_nothing_is_left(self) -> None:
        """Errors and clients that leave cost no descriptor; what is open at the end does not matter."""
        with Gateway(APP, env=self.env, errors=["socket.serve_error"]) as gw:
            pid = gw.worker_pids()[0]
            gw.get("/ask")
            before = count_files(pid)
            for n in range(30):
                line = self.line()
                if n % 3 == 0:
                    line.socket.sendall(b"fail\n")
                    self.assertEqual(line.stream.readline(), b"")
                elif n % 3 == 1:
                    line.ask("x")
                    line.socket.sendall(b"cut in the mid")
                line.close()
            poll("descriptors are back", lambda: count_files(pid) <= before)
            slow = gw.connect()
            slow.request("GET", "/slow")
            poll("the request waits for its socket", lambda: count_files(pid) >= before + 2)
            slow.close()
            poll("it was cancelled", lambda: count_files(pid) <= before)
            gw.get("/open")


if __name__ == "__main__":
    unittest.main()
