"""200 clients come, stay, leave half-way, reset and send garbage; afterwards nothing may be left.

    python3 tests/e2e/soak.py            for SOAK_S seconds (default 10) with SOAK_CLIENTS clients (200)

The random choices are printed as a seed, and SOAK_SEED repeats them. At the end the worker must
have no connection and no task but the asking one, its memory must not have grown in the second
half, and it must end well. Requests that a client did not spoil itself must all be answered.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Callable

from client import Conn
from gateway import Gateway
from support import APPS, SANITIZER, patient, poll

SECONDS = float(os.environ.get("SOAK_S", "10"))
CLIENTS = int(os.environ.get("SOAK_CLIENTS", "200"))
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(1 << 32))))

# What the second half may add: the collector's rhythm, allocator slack.
GROWTH_KIB = 6 * 1024

Rng = random.Random


class Failed(Exception):
    """An answer that is not what was asked for."""


def expect(condition: bool, what: str) -> None:
    """As assert, but counted."""
    if not condition:
        raise Failed(what)


def keep_alive(conn: Conn, rng: Rng) -> None:
    """Some plain requests."""
    for _ in range(rng.randrange(1, 10)):
        conn.request("GET", "/hello")
        expect(conn.read_response().text == "hello\n", "/hello")


def pipelined(conn: Conn, rng: Rng) -> None:
    """Many at once, some of them slow."""
    paths = [rng.choice(("/hello", "/sleep?ms=5", "/count", "/nowhere")) for _ in range(rng.randrange(2, 30))]
    conn.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
    for path in paths:
        expect(conn.read_response().status == (404 if path == "/nowhere" else 200), path)


def upload(conn: Conn, rng: Rng) -> None:
    """A body in random pieces, counted."""
    pieces = [rng.randbytes(rng.randrange(1, 20000)) for _ in range(rng.randrange(1, 10))]
    conn.request("POST", "/count", {"Transfer-Encoding": "chunked"})
    for piece in pieces:
        conn.send_chunk(piece)
    conn.send_chunk(b"")
    expect(conn.read_response().text == f"{sum(map(len, pieces))} bytes\n", "/count")


def echo(conn: Conn, rng: Rng) -> None:
    """A body that comes back."""
    data = rng.randbytes(rng.randrange(0, 50000))
    conn.request("POST", "/echo", body=data)
    expect(conn.read_response().body == data, "/echo")


def download(conn: Conn, rng: Rng) -> None:
    """A large response, taken whole."""
    size = rng.randrange(1, 1000000)
    conn.request("GET", f"/big?bytes={size}")
    expect(len(conn.read_response().body) == size, "/big")


def half_close(conn: Conn, rng: Rng) -> None:
    """FIN behind a whole request, which is answered all the same."""
    conn.request("GET", f"/sleep?ms={rng.randrange(0, 600)}")
    conn.finish_writing()
    expect(conn.read_response().text == "slept\n", "half-closed")


def abandon(conn: Conn, rng: Rng) -> None:
    """Leaves while the handler works, or the response is under way."""
    conn.request("GET", rng.choice(("/sleep?ms=2000", "/big?bytes=100000000", "/hello")))
    time.sleep(rng.random() * 0.05)
    rng.choice((Conn.reset, Conn.close, Conn.finish_writing))(conn)


def abandon_upload(conn: Conn, rng: Rng) -> None:
    """Leaves in the middle of a body."""
    target, some = rng.choice(("/count", "/echo", "/ignore")), b"x" * rng.randrange(0, 90000)
    conn.request("POST", target, {"Content-Length": "1000000"}, some)
    rng.choice((Conn.reset, Conn.close, Conn.finish_writing))(conn)


def garbage(conn: Conn, rng: Rng) -> None:
    """Bytes that are no request, or nearly one."""
    conn.send(rng.choice((
        rng.randbytes(rng.randrange(1, 3000)),
        b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" + rng.randbytes(50),
        b"GET /hello HTTP/1.1\r\nHost: x\r\nA" + rng.randbytes(20) + b": b\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + rng.randbytes(20),
        b"GET /" + b"a" * 20000)))
    conn.sock.settimeout(0.1)
    conn.read_rest()


def nothing(conn: Conn, rng: Rng) -> None:
    """Says nothing, for a while."""
    time.sleep(rng.random() * 0.1)
    rng.choice((Conn.reset, Conn.close))(conn)


# What a client may do, whether the gateway then owes it an answer, how often.
SCENES: list[tuple[Callable[[Conn, Rng], None], bool, int]] = [
    (keep_alive, True, 6), (pipelined, True, 3), (upload, True, 3), (echo, True, 3), (download, True, 2),
    (half_close, True, 2), (abandon, False, 3), (abandon_upload, False, 3), (garbage, False, 3), (nothing, False, 1)]


class Soak(unittest.TestCase):
    """One worker, many clients."""

    def setUp(self) -> None:
        self.stopping = threading.Event()
        self.failures: list[str] = []
        self.played = 0

    def client(self, gateway: Gateway, seed: int) -> None:
        """Plays random scenes until the end."""
        rng = random.Random(seed)
        weights = [weight for _, _, weight in SCENES]
        while not self.stopping.is_set():
            scene, owed, _ = rng.choices(SCENES, weights)[0]
            try:
                with Conn(gateway.addresses[0], patient(20)) as conn:
                    scene(conn, rng)
            except Exception as failure:  # all that a client may meet
                if owed:
                    self.failures.append(f"{scene.__name__}: {type(failure).__name__}: {failure}")
            self.played += 1

    def test_soak(self) -> None:
        """See above."""
        print(f"soak: {CLIENTS} clients for {SECONDS:g} s, SOAK_SEED={SEED}", flush=True)
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "access.log"
            with Gateway(APPS / "routes.lua", "--access-log", log, "--access-log-format", "json",
                         watchdog=SECONDS * 2 + 90) as gw:
                threads = [threading.Thread(target=self.client, args=(gw, SEED + i), daemon=True)
                           for i in range(CLIENTS)]
                for thread in threads:
                    thread.start()
                time.sleep(SECONDS / 2)
                middle = gw.rss_kib()
                time.sleep(SECONDS / 2)
                end = gw.rss_kib()
                self.stopping.set()
                for thread in threads:
                    thread.join(patient(30))
                self.assertFalse(any(thread.is_alive() for thread in threads), "a client hangs")
                poll("only the asking connection is left", lambda: gw.info()["connections"] == 1)
                poll("only the asking task is left", lambda: gw.info()["tasks"] == 1)
                requests = gw.info()["requests"]
        print(f"soak: {self.played} scenes, {requests:g} requests, {middle} KiB in the middle, {end} KiB at the end")
        self.assertEqual(self.failures[:20], [])
        self.assertGreater(self.played, CLIENTS)
        if not SANITIZER:
            self.assertLess(end - middle, GROWTH_KIB)


if __name__ == "__main__":
    unittest.main()
