"""What is measured, and what has to come out: rows to which others can be added.

A load scenario needs a row here and a route in each application below peers/; what only moonloop
has is measured by alone.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Callable, Optional, Union

EVERYBODY = ("moonloop", "bare", "nginx", "node", "uvicorn")
WITH_ROUTES = ("moonloop", "nginx", "node", "uvicorn")  # bare answers one fixed string


def http_request(target: str, headers: str = "", body: bytes = b"", method: str = "GET") -> bytes:
    """The bytes of one request; `headers` is whole lines that end in CRLF."""
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode() + body


def is_json_like(expected: object) -> Callable[[bytes], bool]:
    """A check that a body is JSON of this value, in any order of keys."""

    def check(body: bytes) -> bool:
        try:
            return json.loads(body) == expected
        except ValueError:
            return False

    return check


@dataclass(frozen=True)
class Scenario:
    """One thing to measure: a request, the right answer, and how it is put to the servers."""

    name: str
    title: str
    request: bytes = b""
    answer: Union[bytes, Callable[[bytes], bool]] = b""  # the body, or a check of it
    connections: int = 0
    depth: int = 1  # requests sent in one write
    kind: str = "load"  # requests as fast as answered; "idle": memory of open connections; alone.py
    peers: tuple[str, ...] = EVERYBODY
    note: str = ""
    beside: bytes = b""  # a request that one more client repeats while the load runs

    def is_right(self, body: bytes) -> bool:
        """Whether a body is the answer."""
        return self.answer(body) if callable(self.answer) else body == self.answer


@dataclass(frozen=True)
class Target:
    """A figure of moonloop to live up to, absolute or as a multiple of a peer's."""

    title: str
    scenario: str
    metric: str  # a key of measure.summary(), measure.idle() or what alone.py measures
    limit: float
    peer: Optional[str] = None
    at_least: bool = False  # else at most


HELLO = http_request("/")
GREETING = b"Hello, World!"
REQUEST_ID = "7f3c2a90-1d54-4e0b-9a57-c0ffee123456"
BROWSER_HEADERS = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    f"X-Request-Id: {REQUEST_ID}\r\n"
    "Cookie: session=0123456789abcdef; theme=dark\r\n"
)
KIBIBYTE = bytes(ord("a") + i % 26 for i in range(1024))
ECHO_HEADERS = "Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n"
JSON_VALUE = {
    "message": "Hello, World!",
    "id": 42,
    "ok": True,
    "price": 9.5,
    "tags": ["a", "b", "c"],
}

SCENARIOS = (
    Scenario("plaintext", "hello, keep-alive", HELLO, GREETING, 64),
    Scenario("pipelined", "hello, pipelined 16 deep", HELLO, GREETING, 64, depth=16),
    Scenario(
        "json",
        "a small table made and encoded",
        http_request("/json"),
        is_json_like(JSON_VALUE),
        64,
        peers=WITH_ROUTES,
        note="Each with the JSON encoder that it has, named in the list of servers above; "
        "one that has none puts the string together by hand.",
    ),
    Scenario(
        "headers",
        "three of eight request headers read, one answered",
        http_request("/headers", BROWSER_HEADERS),
        REQUEST_ID.encode(),
        64,
        peers=WITH_ROUTES,
    ),
    Scenario(
        "echo",
        "POST of 1 KiB, read whole and sent back",
        http_request("/echo", ECHO_HEADERS, KIBIBYTE, "POST"),
        KIBIBYTE,
        64,
        peers=WITH_ROUTES,
    ),
    Scenario(
        "sleep",
        "10 ms sleep in the handler",
        http_request("/sleep"),
        GREETING,
        1000,
        peers=WITH_ROUTES,
    ),
    Scenario(
        "blocking",
        "hello, while a handler keeps a pool thread busy for 2 s",
        HELLO,
        GREETING,
        16,
        peers=("moonloop",),
        beside=http_request("/block"),
        note="The thread's work shares the one core with the loop: what counts here is p99.",
    ),
    Scenario(
        "socket",
        "100 round trips of 64 bytes with an echo server, in the handler",
        http_request("/socket"),
        b"6400",
        16,
        peers=("moonloop", "nginx"),
        note="A connection per request. One round trip is a hundredth of the CPU shown.",
    ),
    Scenario(
        "idle",
        "memory of idle keep-alive connections, one request each",
        HELLO,
        GREETING,
        10000,
        kind="idle",
        note="Anonymous and shared memory of all the server's processes, just started. What is set "
        "aside for connections at the start is in `before` (nginx: 20,000 worker_connections).",
    ),
    Scenario(
        "unguarded",
        "hello, with the guard as it is by default and without",
        HELLO,
        GREETING,
        64,
        peers=("moonloop", "unguarded"),
    ),
    Scenario(
        "guard",
        "functions that would never end, while another client asks for hello",
        kind="guard",
        note="Server's CPU time and the other client's slowest answer, both beyond the budget; "
        "medians of five.",
    ),
    Scenario("tasks", "what a task costs", kind="tasks"),
)

TARGETS = (
    Target("hello, CPU per request", "plaintext", "cpu_us", 0.9, peer="nginx"),
    Target("pipelined, CPU per request", "pipelined", "cpu_us", 0.35, peer="nginx"),
    Target("idle connection, bytes", "idle", "bytes_per_connection", 1024),
    Target("hello beside a busy thread, p99 ms", "blocking", "p99_ms", 20),
    Target("100 round trips, CPU per request", "socket", "cpu_us", 1.15, peer="nginx"),
    Target("sleep, CPU per request", "sleep", "cpu_us", 1.1, peer="nginx"),
    Target("the guard's cost, CPU per request", "unguarded", "cpu_us", 1.03, peer="unguarded"),
    Target("worst runaway, ms CPU over its budget", "guard", "overrun_ms", 50),
    Target("hello beside it, ms over that budget", "guard", "hello_over_ms", 100),
    Target("spawn and join a task, µs", "tasks", "spawn_join_us", 1),
    Target("thread.run of an empty function, µs", "tasks", "thread_run_us", 15),
    Target("sleeping task of 100,000, bytes", "tasks", "sleeper_bytes", 1536),
    Target("sleep, requests/s", "sleep", "requests_per_s", 0.9, peer="nginx", at_least=True),
)
