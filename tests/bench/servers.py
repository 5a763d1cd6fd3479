"""The servers that are compared: how each is started, and what the kernel says that it used."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional

HERE = Path(__file__).resolve().parent
PEERS_DIR = HERE / "peers"
NGINX_MODULES = Path("/usr/lib/nginx/modules")
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's uvicorn is installed for
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 3.0


class BenchError(Exception):
    """What a server did wrong; it fails that server's measurement and no other."""


@dataclass(frozen=True)
class Setup:
    """Where things are in this run."""

    moonloop: Path
    build_dir: Path  # compiled helpers
    work_dir: Path  # temporary; logs and filled-in configuration
    server_cpu: int
    load_cpu: int
    echo_port: int  # of the server that the socket scenario talks to


@dataclass(frozen=True)
class Peer:
    """A server that can be measured."""

    name: str
    title: str
    missing: Callable[[Setup], Optional[str]]  # why it cannot run here, or None
    command: Callable[[Setup, int], list[str]]  # argv to listen on a port


def _missing_moonloop(setup: Setup) -> Optional[str]:
    return None if setup.moonloop.exists() else f"{setup.moonloop} is not there"


def _missing_nginx(_: Setup) -> Optional[str]:
    if shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        return "no nginx (package nginx-light)"
    if not (NGINX_MODULES / "ngx_http_lua_module.so").exists():
        return "no lua module (package libnginx-mod-http-lua)"
    return None


def _missing_uvicorn(_: Setup) -> Optional[str]:
    probe = [SYSTEM_PYTHON, "-c", "import uvicorn, uvloop, httptools"]
    try:
        found = subprocess.run(probe, stderr=subprocess.DEVNULL, timeout=30).returncode == 0
    except OSError:
        found = False
    return None if found else "no packages uvicorn python3-uvloop python3-httptools"


def _missing_node(_: Setup) -> Optional[str]:
    return None if shutil.which("node") else "no node (package nodejs)"


def _command_moonloop(setup: Setup, port: int) -> list[str]:
    app = str(PEERS_DIR / "moonloop_app.lua")
    bind = f"127.0.0.1:{port}"
    return [str(setup.moonloop), "run", app, "--bind", bind, "--max-connections", "20000"]


def _command_unguarded(setup: Setup, port: int) -> list[str]:
    return [*_command_moonloop(setup, port), "--cpu-budget", "0", "--stall-report", "0"]


def _command_nginx(setup: Setup, port: int) -> list[str]:
    home = setup.work_dir / f"nginx-{port}"
    home.mkdir()
    text = (PEERS_DIR / "nginx.conf").read_text()
    values = {"MODULES": NGINX_MODULES, "DIR": home, "PORT": port, "ECHO": setup.echo_port}
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    (home / "nginx.conf").write_text(text)
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") or "nginx"
    return [nginx, "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]


def _command_uvicorn(_: Setup, port: int) -> list[str]:
    argv = [SYSTEM_PYTHON, "-m", "uvicorn", "--app-dir", str(PEERS_DIR), "uvicorn_app:app"]
    argv += ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--lifespan", "off"]
    argv += ["--timeout-keep-alive", "300", "--backlog", "4096", "--log-level", "warning"]
    return argv + ["--no-access-log"]


def _command_node(_: Setup, port: int) -> list[str]:
    return ["node", str(PEERS_DIR / "node_app.js"), str(port)]


PEERS = (
    Peer("moonloop", "moonloop, LASGI", _missing_moonloop, _command_moonloop),
    Peer("unguarded", "moonloop without its guard", _missing_moonloop, _command_unguarded),
    Peer(
        "bare",
        "C epoll loop, fixed answer",
        lambda setup: None if (setup.build_dir / "bare").exists() else "not compiled",
        lambda setup, port: [str(setup.build_dir / "bare"), str(port)],
    ),
    Peer("nginx", "nginx + lua content_by_lua", _missing_nginx, _command_nginx),
    Peer("node", "node:http", _missing_node, _command_node),
    Peer("uvicorn", "uvicorn (uvloop, httptools)", _missing_uvicorn, _command_uvicorn),
)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def process_tree(root: int) -> list[int]:
    """A process and its descendants."""
    parent_of: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it may be gone by now
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(") ")[2].split()
            parent_of[int(entry)] = int(fields[1])
    tree = [root]
    for pid in tree:
        tree += [child for child, parent in parent_of.items() if parent == pid]
    return tree


def _cpu_clock(pid: int) -> float:
    """User and system time of a process with all its threads, in seconds.

    What utime + stime of /proc/PID/stat say, in nanoseconds instead of ticks of 10 ms: the clock of
    clock_getcpuclockid(3), whose number is made of the process id.
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def core_busy_seconds(cpu: int) -> float:
    """For how long this core has not been idle, whoever used it."""
    lines = Path("/proc/stat").read_text().splitlines()
    fields = next(line.split()[1:] for line in lines if line.startswith(f"cpu{cpu} "))
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def echo_server(setup: Setup) -> Iterator[None]:
    """What the socket scenario talks to, on the load's core."""
    process = subprocess.Popen(
        [str(setup.build_dir / "echo"), str(setup.echo_port)],
        stdin=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {setup.load_cpu}),
    )
    try:
        yield
    finally:
        process.communicate()


class Server:
    """One running server, pinned to the server's core, in a process group of its own."""

    def __init__(self, peer: Peer, setup: Setup) -> None:
        self.peer = peer
        self.port = free_port()
        self._log = setup.work_dir / f"{peer.name}-{self.port}.log"
        argv = peer.command(setup, self.port)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=setup.work_dir,
                env={**os.environ, "ECHO_PORT": str(setup.echo_port)},
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {setup.server_cpu}),
            )

    def wait_ready(self) -> None:
        """Returns once anything is answered; BenchError with the log's end if nothing ever is."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    if s.recv(1):
                        return
            except OSError:
                pass
            time.sleep(0.05)
        code = self._process.poll()
        how = "does not answer" if code is None else f"ended with exit code {code}"
        tail = self._log.read_text(errors="replace")[-500:].strip()
        raise BenchError(f"{how}: {tail}" if tail else how)

    def stop(self) -> None:
        """Ends the server and its children, politely first."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, sig)
            except ProcessLookupError:
                break
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()

    def cpu_seconds(self) -> float:
        """User and system time so far of all its processes."""
        return sum(_cpu_clock(pid) for pid in process_tree(self._process.pid))

    def memory_bytes(self) -> int:
        """The memory that is its own: anonymous and shared-anonymous pages of all its processes.

        A page held by n processes counts as 1/n in each (PSS). Pages of files are left out: the
        share of libc.so changes with whoever else happens to run.
        """
        total_kib = 0
        for pid in process_tree(self._process.pid):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kib = {line.split()[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
            total_kib += kib["Pss_Anon:"] + kib["Pss_Shmem:"]
        return total_kib * 1024
