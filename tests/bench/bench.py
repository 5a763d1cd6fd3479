#!/usr/bin/env python3
"""Measures moonloop beside its peers in one run: one worker on one core, the load on another.

Machines are noisy, often for seconds on end: so rounds are short and interleaved (A B C, B C A,
...), and medians are shown. The figure that counts is the server's CPU time per request: it holds
even where the load generator is the bottleneck. Everything is on loopback, and everything that is
started here is stopped here.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import alone
import measure
import report
from scenarios import SCENARIOS, TARGETS, Scenario
from servers import PEERS, BenchError, Peer, Server, Setup, echo_server, free_port

FILES_WANTED = 65536
FILES_SPARE = 200  # descriptors of a server that are no connections


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ",".join(s.name for s in SCENARIOS)
    peers = ",".join(p.name for p in PEERS if p.name != report.OURS)
    parser.add_argument("--moonloop", type=Path, default=Path("build/moonloop"), metavar="BINARY")
    parser.add_argument("--only", default=names, help=f"scenarios, of {names}")
    parser.add_argument("--peers", default=peers, help=f"servers beside moonloop, of {peers}")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of a round")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of each server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    args = parser.parse_args()
    args.only = args.only.split(",")
    args.peers = [report.OURS, *filter(None, args.peers.split(","))]
    unknown = {*args.only} - {*names.split(",")} | {*args.peers} - {p.name for p in PEERS}
    if unknown or args.rounds < 1 or args.seconds <= 0:
        parser.error(f"unknown: {', '.join(sorted(unknown))}" if unknown else "nothing to do")
    return args


def raise_file_limit() -> int:
    """Lifts the limit of open files for us and what we start; how many there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(hard, FILES_WANTED), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def chosen_scenarios(names: list[str], file_limit: int) -> list[Scenario]:
    """The scenarios asked for, with no more connections than there may be descriptors."""
    most = file_limit - FILES_SPARE
    chosen = [s for s in SCENARIOS if s.name in names]
    return [dataclasses.replace(s, connections=min(s.connections, most)) for s in chosen]


class Bench:
    """One run: the servers that are up, and what came out so far."""

    def __init__(self, setup: Setup, args: argparse.Namespace) -> None:
        self.setup = setup
        self.args = args
        self.stack = contextlib.ExitStack()
        self.servers: dict[str, Server] = {}
        self.about: dict[str, str] = {}
        self.broken: dict[str, str] = {}  # why a server that is installed did not start
        self.outcomes: dict[str, report.Outcome] = {}

    def start(self, peer: Peer, stack: contextlib.ExitStack) -> Server:
        """A server that listens and ends with `stack`."""
        server = Server(peer, self.setup)
        stack.callback(server.stop)
        server.wait_ready()
        return server

    def start_all(self) -> None:
        """Starts whoever was asked for and can run; says who cannot."""
        for peer in PEERS:
            if peer.name not in self.args.peers:
                continue
            why = peer.missing(self.setup)
            text = f"SKIPPED: {why}" if why else self.start_one(peer)
            print(f"  {peer.title:28} {text}", flush=True)

    def start_one(self, peer: Peer) -> str:
        """Starts a server for the whole run; what it says of itself."""
        try:
            server = self.start(peer, self.stack)
            self.about[peer.name] = measure.ask_about(server.port)
            self.servers[peer.name] = server
            return self.about[peer.name]
        except (BenchError, OSError) as e:
            self.broken[peer.name] = str(e)
            return f"FAILED: {e}"

    def run_load(self, scenario: Scenario) -> None:
        """Verifies and warms each server, then rounds in turn; a failure ends its part."""
        runs = {
            name: measure.LoadRun(self.setup, scenario, server)
            for name, server in self.servers.items()
            if name in scenario.peers
        }
        names = list(runs)
        for run in runs.values():
            run.prepare()
        for number in range(self.args.rounds):
            shift = number % max(len(names), 1)
            for name in names[shift:] + names[:shift]:
                runs[name].round(self.args.seconds)
        self.outcomes[scenario.name] = {name: run.outcome() for name, run in runs.items()}

    def run_idle(self, scenario: Scenario) -> None:
        """Each server alone and fresh."""
        outcome = self.outcomes[scenario.name] = {}
        for peer in PEERS:
            if peer.name not in self.servers or peer.name not in scenario.peers:
                continue
            with contextlib.ExitStack() as stack:
                try:
                    server = self.start(peer, stack)
                    outcome[peer.name] = measure.idle(self.setup, scenario, server)
                except (BenchError, OSError) as e:
                    outcome[peer.name] = {"failed": str(e)}

    def run_alone(self, scenario: Scenario) -> None:
        """What only moonloop has."""
        outcome = self.outcomes[scenario.name] = {}
        if report.OURS in self.servers:
            try:
                outcome[report.OURS] = alone.MEASUREMENTS[scenario.kind](self.setup)
            except (BenchError, OSError, subprocess.TimeoutExpired) as e:
                outcome[report.OURS] = {"failed": str(e)}

    def run(self, scenarios: list[Scenario]) -> None:
        """All of it; tables are printed as they become ready."""
        with self.stack:
            self.start_all()
            for scenario in scenarios:
                kinds = {"load": self.run_load, "idle": self.run_idle}
                kinds.get(scenario.kind, self.run_alone)(scenario)
                table = report.scenario_table(scenario, self.outcomes[scenario.name])
                print(f"\n{table}", flush=True)

    def as_json(self, machine: dict) -> dict:
        """Everything, for programs."""
        return {
            "machine": machine,
            "servers": self.about,
            "broken": self.broken,
            "scenarios": self.outcomes,
            "targets": [report.judge(t, self.outcomes) for t in TARGETS],
        }

    def failed(self) -> bool:
        """Whether some server that is there could not be measured."""
        figures = [f for outcome in self.outcomes.values() for f in outcome.values()]
        return bool(self.broken) or any("failed" in f for f in figures)


def describe_machine(args: argparse.Namespace, cpus: list[int]) -> dict:
    """What the figures depend on."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in info if line.startswith("model name")), "")
    return {
        "cpu": model or platform.machine(),
        "kernel": platform.release(),
        "server_cpu": cpus[0],
        "load_cpu": cpus[-1],
        "seconds": args.seconds,
        "rounds": args.rounds,
        "load_average": os.getloadavg()[0],
    }


def main() -> int:
    """0; 1 when a server answered wrongly or failed."""
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cpus = sorted(os.sched_getaffinity(0))
    machine = describe_machine(args, cpus)
    build_dir = args.moonloop.resolve().parent / "bench"
    began = time.monotonic()
    try:
        measure.compile_helpers(build_dir)
    except (OSError, subprocess.CalledProcessError) as e:
        print(f"bench: cannot compile the load generator: {e}", file=sys.stderr)
        return 1
    print(report.heading(machine))
    os.sched_setaffinity(0, {cpus[-1]})
    with tempfile.TemporaryDirectory(prefix="moonloop-bench-") as work:
        cores = cpus[0], cpus[-1]
        setup = Setup(args.moonloop.resolve(), build_dir, Path(work), *cores, free_port())
        bench = Bench(setup, args)
        file_limit = raise_file_limit()
        with echo_server(setup):
            bench.run(chosen_scenarios(args.only, file_limit))
    print(f"\n{report.targets_table(bench.outcomes)}\n\n{time.monotonic() - began:.0f} s")
    if args.json:
        args.json.write_text(json.dumps(bench.as_json(machine), indent=1) + "\n")
    return 1 if bench.failed() else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
