"""What only moonloop has, and so is measured without peers: the guard, and what tasks cost."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

from measure import read_answer
from scenarios import http_request
from servers import BenchError, Peer, Server, Setup, core_busy_seconds

HERE = Path(__file__).resolve().parent
RUNAWAYS = HERE.parent / "e2e" / "apps" / "guard.lua"
BUDGET_S = 0.2
GUARD_ROUNDS = 5
ANSWER_TIMEOUT_S = 10.0
POLL_PAUSE_S = 0.001
TASKS_TIMEOUT_S = 120.0


def _command_guarded(setup: Setup, port: int) -> list[str]:
    argv = [str(setup.moonloop), "run", str(RUNAWAYS), "--bind", f"127.0.0.1:{port}"]
    return [*argv, "--cpu-budget", f"{BUDGET_S}s"]


GUARDED = Peer("guarded", "moonloop with a small budget", lambda _: None, _command_guarded)


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S)
        self._stream = self._socket.makefile("rb")

    def get(self, target: str) -> tuple[int, bytes]:
        """Status and body."""
        self._socket.sendall(http_request(target))
        return read_answer(self._stream)

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()
        self._socket.close()


class Poller:
    """A client beside: asks for /hello again and again, and remembers its slowest answer."""

    def __init__(self, port: int) -> None:
        self.slowest_s = 0.0
        self.failure = ""
        self._client = Client(port)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        try:
            while not self._over.wait(POLL_PAUSE_S):
                began = time.monotonic()
                status, _ = self._client.get("/hello")
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                if status != 200:
                    self.failure = f"the client beside was answered {status}"
        except (BenchError, OSError) as e:
            self.failure = f"the client beside: {e}"


def _run_away(server: Server, form: str) -> tuple[float, float]:
    """One runaway request: the CPU time beyond its budget, and how long another one had to wait."""
    with Poller(server.port) as beside, contextlib.closing(Client(server.port)) as client:
        before = server.cpu_seconds()
        status, _ = client.get(f"/form?{form}")
        used = server.cpu_seconds() - before
    if status != 503:
        raise BenchError(f"{form}: answered {status}")
    if beside.failure:
        raise BenchError(f"{form}: {beside.failure}")
    return used - BUDGET_S, beside.slowest_s - BUDGET_S


def guard(setup: Setup) -> dict:
    """Functions that would never end: by how much each exceeds its budget, and holds others up."""
    forms = {}
    began, core_before = time.monotonic(), core_busy_seconds(setup.server_cpu)
    server = Server(GUARDED, setup)
    try:
        server.wait_ready()
        with contextlib.closing(Client(server.port)) as client:
            names = client.get("/forms")[1].decode().split()
        for form in names:
            rounds = [_run_away(server, form) for _ in range(GUARD_ROUNDS)]
            forms[form] = {
                "overrun_ms": statistics.median(cpu for cpu, _ in rounds) * 1000,
                "hello_over_ms": statistics.median(wall for _, wall in rounds) * 1000,
            }
        used = core_busy_seconds(setup.server_cpu) - core_before - server.cpu_seconds()
    finally:
        server.stop()
    worst = {key: max(f[key] for f in forms.values()) for key in ("overrun_ms", "hello_over_ms")}
    others = max(used, 0) / (time.monotonic() - began)
    return {**worst, "others": others, "budget_ms": BUDGET_S * 1000, "forms": forms}


def tasks(setup: Setup) -> dict:
    """What tasks.lua says."""
    done = subprocess.run(
        [str(setup.moonloop), "check", str(HERE / "tasks.lua"), "--log-level", "error"],
        stdout=subprocess.PIPE,
        timeout=TASKS_TIMEOUT_S,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {setup.server_cpu}),
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith(b"{")), b"")
    if done.returncode != 0 or not line:
        raise BenchError(f"tasks.lua ended with exit code {done.returncode}")
    return json.loads(line)


MEASUREMENTS = {"guard": guard, "tasks": tasks}
