"""What every test here needs to know: which binary is tested, how patient to be, where files are."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable, Optional, TypeVar

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
APPS = HERE / "apps"

T = TypeVar("T")


def _find_binary() -> Path:
    path = Path(os.environ.get("MOONLOOP", REPO / "build" / "moonloop"))
    if not path.is_file():
        raise SystemExit(f"{path} is not there: build it, or name the binary in MOONLOOP")
    return path.resolve()


def _find_sanitizer(binary: Path) -> Optional[str]:
    content = binary.read_bytes()
    if b"__tsan_init" in content:
        return "tsan"
    return "asan" if b"__asan_init" in content else None


MOONLOOP = _find_binary()

# "asan", "tsan" or None. Memory figures mean nothing under a sanitizer.
SANITIZER = _find_sanitizer(MOONLOOP)

# All time limits are multiplied by this.
TIME_FACTOR = float(os.environ.get("TIME_FACTOR") or {None: 1, "asan": 3, "tsan": 5}[SANITIZER])


def patient(seconds: float) -> float:
    """A time limit, as long as this machine and this build may need."""
    return seconds * TIME_FACTOR


def poll(what: str, ask: Callable[[], T], seconds: float = 5.0) -> T:
    """Asks again and again until the answer is true, and returns it; too late is a failure."""
    deadline = time.monotonic() + patient(seconds)
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {patient(seconds):g} s in vain until {what}; it is {answer!r}")
        time.sleep(0.01)


def line_of(path: Path, marker: str) -> int:
    """The number of the only line of a file that holds the marker."""
    numbers = [n for n, line in enumerate(path.read_text().splitlines(), 1) if marker in line]
    if len(numbers) != 1:
        raise AssertionError(f"{path}: {marker!r} stands in lines {numbers}")
    return numbers[0]
