#!/usr/bin/env python3
"""Runs the end-to-end tests, several modules at a time, each in a process of its own.

    python3 tests/e2e/run.py [BINARY] [-j N] [--soak] [NAME...]

BINARY is build/moonloop, or what MOONLOOP says. NAME picks modules: `http` is test_http.py.
TIME_FACTOR stretches all time limits; sanitizer builds are found out and given more time.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE_LIMIT_S = 300.0

# The longest ones first, so that no core waits for another at the end.
FIRST = ("bodies", "docs", "threads", "stop", "disconnect")


def modules(names: list[str]) -> list[str]:
    """The modules to run, in the order of their start."""
    found = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
    unknown = set(names) - set(found)
    if unknown:
        sys.exit(f"no such module: {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    picked = names or sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return [f"test_{name}" for name in picked]


def run(module: str, limit: float) -> tuple[bool, float]:
    """One module in a process group of its own, which is killed if it takes too long."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "unittest", module], cwd=HERE, text=True, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f"\n{module} took longer than {limit:g} s and was killed\n"
    took = time.monotonic() - began
    good = process.returncode == 0
    if good:
        shown = [line for line in output.splitlines() if line.startswith(("Ran ", "soak:"))]
    else:
        shown = output.splitlines()
    print(f"{'ok  ' if good else 'FAIL'} {module} ({took:.1f} s): " + "\n     ".join(shown), flush=True)
    return good, took


def main() -> int:
    """The exit code: 0 when all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="[BINARY] NAME", help="the binary to test; modules to run")
    parser.add_argument("-j", type=int, default=min(2, os.cpu_count() or 1), help="modules at a time")
    parser.add_argument("--soak", action="store_true", help="run soak.py, too, alone and at the end")
    args = parser.parse_args()
    if args.names and "/" in args.names[0]:
        os.environ["MOONLOOP"] = os.path.abspath(args.names.pop(0))
    from support import MOONLOOP, SANITIZER, patient  # pylint: disable=import-outside-toplevel # reads MOONLOOP

    print(f"testing {MOONLOOP}{f' ({SANITIZER})' if SANITIZER else ''}", flush=True)
    began = time.monotonic()
    with ThreadPoolExecutor(args.j) as pool:
        results = list(pool.map(lambda module: run(module, patient(MODULE_LIMIT_S)), modules(args.names)))
    if args.soak:
        results.append(run("soak", patient(MODULE_LIMIT_S) + float(os.environ.get("SOAK_S", "10")) * 3))
    failed = sum(not good for good, _ in results)
    print(f"{len(results) - failed} modules passed, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
