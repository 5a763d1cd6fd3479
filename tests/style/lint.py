#!/usr/bin/env python3
"""The rules of the house that a machine can check. Prints each finding as file:line; exit 1 if any."""

import re
import subprocess
import sys
from pathlib import Path

# What each layer may include: itself and what stands here.
MAY_INCLUDE = {
    "base": set(),
    "net": {"base"},
    "http": {"net", "base"},
    "runtime": {"net", "base"},
    "bindings": {"http", "runtime", "net", "base"},
    "process": {"net", "base"},
}

# (pattern, files it may stand in, why)
CONFINED = [
    (r"\blua_resume\(", {"runtime/sched.c"}, "only the scheduler resumes"),
    (r"\blua_pcall\(", {"runtime/vm.c", "runtime/job_vm.c", "process/config.c", "process/app_path.c"}, "no third way into Lua"),
    (r"\blua_yield\(", set(), "only Lua yields"),
    (r"\b(malloc|calloc|realloc|free)\(", {"base/mem.c"}, "allocate through base/mem.h"),
]

MAX_FILE_LINES = 500

findings: list[str] = []


def find(path: Path, line: int, what: str) -> None:
    findings.append(f"{path}:{line}: {what}")


def code_lines(path: Path):
    """Lines without comments and strings, numbered."""
    text = path.read_text()
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    for number, line in enumerate(text.split("\n"), 1):
        yield number, re.sub(r'"(\\.|[^"\\])*"', '""', line) if "#include" not in line else line


def check_c(path: Path) -> None:
    relative = path.relative_to("server")
    layer = relative.parts[0] if len(relative.parts) > 1 else None
    lines = list(code_lines(path))
    if len(lines) > MAX_FILE_LINES:
        find(path, len(lines), f"more than {MAX_FILE_LINES} lines: is it one room?")
    for number, line in lines:
        include = re.match(r'#include "(\w+)/', line)
        if include and layer and include[1] != layer and include[1] not in MAY_INCLUDE[layer]:
            find(path, number, f"{layer}/ may not include {include[1]}/")
        if path.name.startswith("ffi_") and re.search(r"#include [<\"](lua|lauxlib|lualib)\.h", line):
            find(path, number, "FFI code never sees lua.h")
        for pattern, allowed, why in CONFINED:
            if re.search(pattern, line) and str(relative) not in allowed:
                find(path, number, why)
        if re.search(r"\bev_\w+", line) and layer not in ("net", None) and str(relative) != "runtime/jobs.c":
            find(path, number, "libev stays in net/, runtime/jobs.c and the worker")


def check_lua(path: Path) -> None:
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if re.search(r'require\s*\(?\s*"ffi"', line) and path.name != "ffi.lua" and not line.strip().startswith("--"):
            find(path, number, 'require "ffi" belongs to core/ffi.lua')


def check_text(path: Path) -> None:
    try:
        lines = path.read_text().split("\n")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() and path.suffix not in (".md", ".wire"):
            find(path, number, "white space at the end of the line")
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and path.name != "lint.py":
            find(path, number, "unfinished work is not committed")


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        findings.append((done.stdout + done.stderr).strip())


def main() -> int:
    tracked = [Path(p) for p in subprocess.run(["git", "ls-files"], capture_output=True, text=True,
                                               check=True).stdout.split("\n") if p and Path(p).exists()]
    sources = [p for p in tracked if p.suffix in (".c", ".h") and not p.name.endswith(".tbl.h")]
    for path in sources:
        if path.parts[0] == "server":
            check_c(path)
    for path in tracked:
        check_text(path)
        if path.suffix == ".lua" and path.parts[0] == "lua":
            check_lua(path)
    run(["clang-format-14", "--dry-run", "-Werror", *map(str, sources)])
    run(["luacheck", "--quiet", "--no-color", "lua", "apps", "examples", "tests"])
    for finding in findings:
        print(finding)
    print(f"lint: {len(tracked)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
