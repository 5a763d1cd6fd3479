"""Finds the programs and conversations that examples/ and apps/docs/ show, so that they can be run.

The convention stands in examples/README.md. Commands are run with `sh`; what they print to stdout
is compared byte by byte.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from gateway import Gateway
from support import patient

SHOWN_ADDRESS = "127.0.0.1:8000"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
APP_LINE = re.compile(r"-- app: (\S+\.lua)$", re.M)


@dataclass
class Step:
    """A command and what it must print."""

    command: str
    expected: list[str] = field(default_factory=list)


@dataclass
class Conversation:
    """How an application is served, and what is asked of it then."""

    name: str
    command: str  # run or dev
    serve: list[str]  # the words behind `moonloop run`
    steps: list[Step]


def _conversation(name: str, steps: list[Step]) -> Conversation:
    first = shlex.split(steps[0].command)
    if first[0] != "moonloop" or first[1] not in ("run", "dev") or steps[0].expected:
        raise AssertionError(f"{name}: the first command is neither moonloop run nor moonloop dev")
    return Conversation(name, first[1], first[2:], steps[1:])


def of_example(path: Path) -> Conversation:
    """What the first comment of an example shows."""
    steps: list[Step] = []
    shown = False  # the lines belong to the last command
    for line in path.read_text().splitlines():
        if not line.startswith("--"):
            break
        if line.startswith("-- $ "):
            steps.append(Step(line.removeprefix("-- $ ")))
            shown = True
        elif line == "--":
            shown = False
        elif shown:
            steps[-1].expected.append(line.removeprefix("-- "))
    return _conversation(path.name, steps)


def of_console(name: str, block: str) -> Conversation:
    """What a console block shows."""
    steps: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ ")))
        else:
            steps[-1].expected.append(line)
    return _conversation(name, steps)


def of_page(page: Path) -> list[tuple[str, str, Conversation]]:
    """The complete applications of a page: file name, text, conversation."""
    found = []
    blocks = BLOCK.findall(page.read_text())
    for i, (language, text) in enumerate(blocks):
        app = APP_LINE.match(text) if language == "lua" else None
        if app is None:
            continue
        if i + 1 == len(blocks) or blocks[i + 1][0] != "console":
            raise AssertionError(f"{page.name}: no console block follows {app[1]}")
        found.append((app[1], text, of_console(f"{page.name}: {app[1]}", blocks[i + 1][1])))
    return found


def play(conversation: Conversation, cwd: Path) -> None:
    """Serves the application and runs the commands; a different output is a failure."""
    errors = ["app.error"] if conversation.command == "dev" else []
    with Gateway(*conversation.serve, cwd=cwd, command=conversation.command, errors=errors) as gateway:
        for step in conversation.steps:
            command = step.command.replace(SHOWN_ADDRESS, gateway.authority)
            done = subprocess.run(["sh", "-c", command], cwd=cwd, capture_output=True, timeout=patient(20),
                                  stdin=subprocess.DEVNULL)
            printed = done.stdout.decode().splitlines()
            if printed != step.expected:
                raise AssertionError(f"{conversation.name}: {step.command}\nmust print {step.expected}\n"
                                     f"but printed {printed}\n{done.stderr.decode()[-2000:]}")
