"""A gateway that runs for the length of a `with`, and must end well.

    with Gateway(APPS / "routes.lua", "--workers", "2") as gw:
        assert gw.get("/hello").status == 200

The kernel chooses the port, the line that the gateway prints when it serves tells which. At the
end of the block the gateway gets SIGTERM (unless the test has stopped it) and must exit with the
expected code, leave no worker behind, and have written neither a report of a sanitizer, nor a
panic, nor an error that the test does not expect. Whatever happens, a watchdog bounds its life.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Optional, Sequence, Union

from client import Address, Conn, Response
from support import MOONLOOP, REPO, patient, poll

WATCHDOG_S = 90.0
START_S = 10.0
STOP_S = 15.0

# What no process of ours may ever write.
FORBIDDEN = ("panic:", "AddressSanitizer", "runtime error:", "LeakSanitizer", "ThreadSanitizer", "core dumped")

SERVING = re.compile(r"^moonloop \S+ serving .* on (.*) \(\d+ workers?, pid \d+\)$", re.M)
ERROR_LINE = re.compile(r"^\S+ error (\S+)", re.M)


def run(*args: Union[str, Path], env: Optional[dict[str, str]] = None, cwd: Path = REPO,
        seconds: float = 20.0) -> subprocess.CompletedProcess[str]:
    """Runs a command of moonloop that ends by itself."""
    done = subprocess.run([str(MOONLOOP), *map(str, args)], env=clean_env(env), cwd=cwd, text=True,
                          capture_output=True, timeout=patient(seconds), stdin=subprocess.DEVNULL)
    check_forbidden(done.stderr)
    return done


def clean_env(extra: Optional[dict[str, str]]) -> dict[str, str]:
    """The environment without what would configure a gateway."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MOONLOOP_", "LUA_"))}
    env.update(extra or {})
    # ThreadSanitizer sleeps a second at an exit that leaves a thread behind: the master would kill it.
    env["TSAN_OPTIONS"] = "atexit_sleep_ms=0 " + env.get("TSAN_OPTIONS", "")
    return env


def check_forbidden(text: str) -> None:
    """Fails when a process reported that it is broken."""
    for word in FORBIDDEN:
        if word in text:
            raise AssertionError(f"{word!r} in what the gateway wrote:\n{text}")


def parse_address(url: str) -> Address:
    """http://127.0.0.1:8000, http://[::1]:8000 or unix:PATH as a socket's address."""
    if url.startswith("unix:"):
        return url[len("unix:"):]
    host, port = url.removeprefix("http://").rsplit(":", 1)
    return host.strip("[]"), int(port)


class Gateway:
    """One master process and its workers."""

    def __init__(self, app: Union[str, Path], *options: Union[str, Path], bind: Sequence[str] = ("127.0.0.1:0",),
                 env: Optional[dict[str, str]] = None, cwd: Path = REPO, nofile: Optional[int] = None,
                 exit_code: int = 0, errors: Sequence[str] = (), watchdog: float = WATCHDOG_S,
                 command: str = "run") -> None:
        """errors: the events of level "error" that the test provokes; any other one fails it."""
        self.command = command
        self.app = app
        self.options = [str(o) for o in options]
        self.bind = bind
        self.env = env
        self.cwd = cwd
        self.nofile = nofile
        self.exit_code = exit_code
        self.errors = set(errors)
        self.watchdog = watchdog
        self.addresses: list[Address] = []
        self.dir = Path(tempfile.mkdtemp(prefix="moonloop-e2e-"))
        self.stderr_path = self.dir / "stderr"
        self.stdout_path = self.dir / "stdout"
        self._process: subprocess.Popen[bytes]
        self._watchdog: threading.Timer
        self._barked = False
        self._stopping = False  # it was told to
        self._conns: list[Conn] = []

    # ---- life ----------------------------------------------------------------------------------

    def __enter__(self) -> Gateway:
        argv = [str(MOONLOOP), self.command, str(self.app), *self.options]
        for address in self.bind:
            argv += ["--bind", address]
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self._process = subprocess.Popen(argv, stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=self.cwd,
                                             env=clean_env(self.env), preexec_fn=self._limit_files)
        self._watchdog = threading.Timer(patient(self.watchdog), self._bark)
        self._watchdog.daemon = True
        self._watchdog.start()
        try:
            poll("the gateway serves", self._is_serving, START_S)
        except BaseException as failure:
            self._give_up(failure)
            raise
        return self

    def __exit__(self, kind: Optional[type[BaseException]], failure: Optional[BaseException],
                 _: Optional[TracebackType]) -> None:
        if failure is not None:
            self._give_up(failure)
            return
        try:
            self._end()
        except BaseException as late:
            self._give_up(late)
            raise
        self._clean_up()

    def _limit_files(self) -> None:
        if self.nofile is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.nofile, self.nofile))

    def _is_serving(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the gateway ended at once, exit code {self._process.returncode}:\n{self.log()}")
        line = SERVING.search(self.log())
        if line is not None:
            self.addresses = [parse_address(url) for url in re.findall(r"http://[^ ,]+|unix:[^ ,]+", line[1])]
        return line is not None

    def _end(self) -> None:
        workers = self.worker_pids()
        for conn in self._conns:
            conn.close()
        if self._process.poll() is None and not self._stopping:
            self.signal(signal.SIGTERM)
        code = self.wait()
        log = self.log()
        if self._barked:
            raise AssertionError("the watchdog had to kill the gateway")
        check_forbidden(log)
        if code != self.exit_code:
            raise AssertionError(f"exit code {code}, expected {self.exit_code}")
        poll("no worker is left", lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
        unexpected = set(ERROR_LINE.findall(log)) - self.errors
        if unexpected:
            raise AssertionError(f"unexpected errors in the log: {sorted(unexpected)}")

    def _give_up(self, failure: BaseException) -> None:
        """After a failure: ends what runs, and shows what it wrote."""
        for conn in self._conns:
            conn.close()
        if self._process.poll() is None:
            self._bark()
            self._process.wait()
        failure.add_note(f"what the gateway wrote:\n{self.log()[-6000:]}")
        self._clean_up()

    def _bark(self) -> None:
        self._barked = True
        for pid in [*self.worker_pids(), self._process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _clean_up(self) -> None:
        self._watchdog.cancel()
        shutil.rmtree(self.dir, ignore_errors=True)

    def signal(self, number: int) -> None:
        """Sends a signal to the master."""
        self._stopping = self._stopping or number in (signal.SIGTERM, signal.SIGINT)
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_S) -> int:
        """Waits for the end; the exit code."""
        try:
            return self._process.wait(patient(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the gateway did not end within {patient(seconds):g} s") from None

    def is_running(self) -> bool:
        """Whether the master is there."""
        return self._process.poll() is None

    # ---- what it is doing ------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The master's."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Of the first address."""
        address = self.addresses[0]
        assert not isinstance(address, str)
        return address[1]

    @property
    def authority(self) -> str:
        """HOST:PORT of the first address."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Of the first address, without a slash at the end."""
        return f"http://{self.authority}"

    def worker_pids(self) -> list[int]:
        """The workers that are there now, draining ones too."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return []
        return [int(word) for word in text.split()]

    def rss_kib(self) -> int:
        """Resident memory of all workers."""
        total = 0
        for pid in self.worker_pids():
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1])  # type: ignore[index]
        return total

    def log(self) -> str:
        """What it wrote to stderr so far."""
        return self.stderr_path.read_text(errors="replace")

    def stdout(self) -> str:
        """What it wrote to stdout so far."""
        return self.stdout_path.read_text(errors="replace")

    def events(self, word: str) -> list[str]:
        """The lines of the error log that tell of this event."""
        return re.findall(rf"^\S+ \w+ +{re.escape(word)}(?: .*)?$", self.log(), re.M)

    def wait_event(self, word: str, count: int = 1, seconds: float = 5.0) -> list[str]:
        """Waits until the event was logged so many times."""
        poll(f"{count} × {word} is logged", lambda: len(self.events(word)) >= count, seconds)
        return self.events(word)

    # ---- clients -----------------------------------------------------------------------------------

    def connect(self, seconds: float = 10.0, which: int = 0, receive_buffer: int = 0) -> Conn:
        """A connection, closed at the end at the latest."""
        conn = Conn(self.addresses[which], patient(seconds), receive_buffer)
        self._conns.append(conn)
        return conn

    def get(self, target: str, **headers: str) -> Response:
        """One GET on a connection of its own; underscores in header names stand for hyphens."""
        with self.connect() as conn:
            conn.request("GET", target, {k.replace("_", "-"): v for k, v in headers.items()})
            return conn.read_response()

    def post(self, target: str, body: bytes) -> Response:
        """One POST on a connection of its own."""
        with self.connect() as conn:
            conn.request("POST", target, {}, body)
            return conn.read_response()

    def info(self) -> dict[str, float]:
        """worker.info() of the worker that answers, for applications with the route /info."""
        pairs = (line.split("=") for line in self.get("/info").text.splitlines())
        return {key: float(value) for key, value in pairs}
