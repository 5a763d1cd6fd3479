"""The measurements: is the answer right, rounds of load, the memory of idle connections."""

from __future__ import annotations

import json
import os
import select
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import BinaryIO

from scenarios import Scenario
from servers import BenchError, Server, Setup, core_busy_seconds

OPEN_TIMEOUT_S = 30.0  # for all connections to be open and answered once
DRAIN_TIMEOUT_S = 15.0  # beyond the seconds of a round
SETTLE_S = 1.0  # between the last answer and reading the memory
WARM_S = 0.8

Figures = dict[str, float]


def read_answer(stream: BinaryIO) -> tuple[int, bytes]:
    """Status and body of one answer framed by Content-Length."""
    status_line = stream.readline()
    length = None
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.partition(b":")
        if not line:
            raise BenchError("closed the connection within the head of an answer")
        if name.lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
    status = status_line[9:12]
    if not status_line.startswith(b"HTTP/1.1 ") or not status.isdigit() or length is None:
        raise BenchError(f"an answer without status or Content-Length: {status_line!r}")
    return int(status), stream.read(length)


def verify(scenario: Scenario, port: int) -> int:
    """Sends what the load will send, once; the body's length, or BenchError on a wrong answer."""
    body = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(scenario.request * scenario.depth)
        with s.makefile("rb") as stream:
            for _ in range(scenario.depth):
                status, body = read_answer(stream)
                if status != 200 or not scenario.is_right(body):
                    raise BenchError(f"wrong answer: {status} {body[:80]!r}")
    return len(body)


def ask_about(port: int) -> str:
    """What a server says of itself at /about: versions, and which JSON encoder it has."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(b"GET /about HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with s.makefile("rb") as stream:
            status, body = read_answer(stream)
    return body.decode() if status == 200 else ""


class Load:
    """One run of the load generator: its connections are open and at rest once entered."""

    def __init__(
        self, setup: Setup, scenario: Scenario, port: int, body_bytes: int, **options: float
    ) -> None:
        request = setup.work_dir / f"{scenario.name}.request"
        request.write_bytes(scenario.request)
        self._wanted = int(options.get("connections", scenario.connections))
        self._seconds = options.get("seconds", 0)
        argv = [str(setup.build_dir / "load"), "--port", str(port), "--request", str(request)]
        argv += ["--connections", str(self._wanted), "--depth", str(scenario.depth)]
        argv += ["--seconds", str(self._seconds), "--body-bytes", str(body_bytes)]
        if setup.load_cpu != setup.server_cpu:
            argv.append("--spin")
        self._process = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {setup.load_cpu}),
        )

    def __enter__(self) -> Load:
        try:
            got = int(self._read_line(OPEN_TIMEOUT_S).split()[1])
            if got != self._wanted:
                raise BenchError(f"{got} of {self._wanted} connections were answered")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self) -> Figures:
        """Runs for its seconds; what the generator counted."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"g")
        return json.loads(self._read_line(self._seconds + DRAIN_TIMEOUT_S))

    def _read_line(self, timeout_s: float) -> str:
        """A line of the generator's, which writes each with one call."""
        out = self._process.stdout
        assert out is not None
        line = out.readline() if select.select([out], [], [], timeout_s)[0] else b""
        if not line:
            raise BenchError("the load generator gave up or took too long")
        return line.decode()

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class Beside:
    """One more client, which has one slow request in progress while the load runs."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request

    def __enter__(self) -> Beside:
        if self._request:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=5)
            self._socket.sendall(self._request)
        return self

    def __exit__(self, *_: object) -> None:
        if self._request:
            with self._socket, self._socket.makefile("rb") as stream:
                status, _ = read_answer(stream)
            if status != 200:
                raise BenchError(f"the request beside the load was answered {status}")


class LoadRun:
    """One server under one load scenario: its rounds so far, or why there are no more of them."""

    def __init__(self, setup: Setup, scenario: Scenario, server: Server) -> None:
        self._setup = setup
        self._scenario = scenario
        self._server = server
        self._body_bytes = 0
        self._rounds: list[Figures] = []
        self._failure = ""

    def prepare(self) -> None:
        """Looks at one answer, then warms the server up."""
        try:
            self._body_bytes = verify(self._scenario, self._server.port)
            self._measure(WARM_S)
        except (BenchError, OSError) as e:
            self._failure = str(e)

    def round(self, seconds: float) -> None:
        """One more round, unless something failed before."""
        if self._failure:
            return
        try:
            self._rounds.append(self._measure(seconds))
        except (BenchError, OSError) as e:
            self._failure = str(e)

    def outcome(self) -> dict:
        """Medians over the rounds and the rounds themselves, or what failed."""
        if self._failure:
            return {"failed": self._failure}
        return {**summary(self._rounds), "rounds": self._rounds}

    def _measure(self, seconds: float) -> Figures:
        """What the generator counted, and the server's CPU time for exactly that."""
        server = self._server
        with Beside(server.port, self._scenario.beside), Load(
            self._setup, self._scenario, server.port, self._body_bytes, seconds=seconds
        ) as load:
            core_before = core_busy_seconds(self._setup.server_cpu)
            cpu_before = server.cpu_seconds()
            result = load.run()
            cpu_seconds = server.cpu_seconds() - cpu_before
            core_seconds = core_busy_seconds(self._setup.server_cpu) - core_before
        for fault in ("bad_status", "bad_length", "closed", "stalled"):
            if result[fault]:
                raise BenchError(f"{fault.replace('_', ' ')}: {result[fault]}")
        result["requests_per_s"] = result["requests"] / result["seconds"]
        result["cpu_us"] = cpu_seconds / result["requests"] * 1e6
        result["busy"] = cpu_seconds / result["seconds"]
        result["others"] = max(core_seconds - cpu_seconds, 0) / result["seconds"]
        return result


def summary(rounds: list[Figures]) -> Figures:
    """Medians over the rounds, and how far apart the rounds' CPU times per request were."""
    keys = ("requests_per_s", "cpu_us", "busy", "others", "p50_ms", "p99_ms")
    medians = {key: statistics.median(r[key] for r in rounds) for key in keys}
    cpu = [r["cpu_us"] for r in rounds]
    medians["spread"] = (max(cpu) - min(cpu)) / max(medians["cpu_us"], 1e-9)
    return medians


def idle(setup: Setup, scenario: Scenario, server: Server) -> Figures:
    """Memory of connections that were answered once and stay open, on a server without a past."""
    body_bytes = verify(scenario, server.port)
    with Load(setup, scenario, server.port, body_bytes, connections=1, seconds=WARM_S) as warm:
        warm.run()
    time.sleep(SETTLE_S)
    before = server.memory_bytes()
    with Load(setup, scenario, server.port, body_bytes):
        time.sleep(SETTLE_S)
        after = server.memory_bytes()
    return {
        "before_bytes": before,
        "after_bytes": after,
        "connections": scenario.connections,
        "bytes_per_connection": (after - before) / scenario.connections,
    }


def compile_helpers(build_dir: Path) -> None:
    """Builds load, bare and echo unless they are newer than their sources."""
    here = Path(__file__).resolve().parent
    build_dir.mkdir(parents=True, exist_ok=True)
    for name in ("load", "bare", "echo"):
        source, binary = here / f"{name}.c", build_dir / name
        if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
            flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE"]
            compiler = os.environ.get("CC", "cc").split()
            subprocess.run([*compiler, *flags, "-o", str(binary), str(source)], check=True)
