"""An application in files that a test writes anew, and reloads."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from gateway import Gateway
from support import APPS, poll

TEMPLATE = (APPS / "versioned.lua").read_text()


def descriptors(pid: int) -> Counter[str]:
    """What the open descriptors of a process are, without what tells one from another."""
    found: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[re.sub(r":.*|(?<=/tmp/moonloop-)\w{6}$", "", os.readlink(link))] += 1
        except FileNotFoundError:
            pass
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started, and not yet waited for."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # they are its threads' children
    return [int(word) for path in lists for word in path.read_text().split()]


class Versioned(unittest.TestCase):
    """Its own directory with app.lua, and a module that app.lua requires."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        self.app = self.dir / "app.lua"
        self.write("v0")

    def put(self, path: Path, text: str) -> None:
        """Replaces a file at once, as a worker may be reading it."""
        new = path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, path)

    def write(self, version: str, start: str = "") -> None:
        """The application that answers with this word; start: Lua that lifespan.startup runs."""
        self.put(self.dir / "marked.lua", f'return {{ version = "{version}" }}\n')
        self.put(self.app, TEMPLATE.replace("@VERSION@", version).replace("-- @START@", start))

    def reload(self, gateway: Gateway) -> None:
        """One whole reload: the new code serves, and the old generation may still drain."""
        done = len(gateway.events("reload.done"))
        gateway.signal(signal.SIGHUP)
        gateway.wait_event("reload.done", done + 1, 10)

    def refused(self, gateway: Gateway) -> None:
        """One reload that fails."""
        failed = len(gateway.events("reload.failed"))
        gateway.signal(signal.SIGHUP)
        gateway.wait_event("reload.failed", failed + 1, 10)

    def settle(self, gateway: Gateway) -> None:
        """Until every older generation is gone."""
        poll("the old generations ended", lambda: len(gateway.events("generation.ended"))
             == len(gateway.events("generation.draining")), 15)
