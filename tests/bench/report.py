"""What was measured, as tables for people."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Optional

from scenarios import TARGETS, Scenario, Target
from servers import PEERS

OURS = "moonloop"
OTHERS_MOST = 0.07  # of the server's core; more than that is worth a warning
TITLES = {peer.name: peer.title for peer in PEERS}

# A scenario's outcome: by server, its figures or {"failed": why}.
Outcome = dict[str, dict]


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Columns aligned: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def ratio(outcome: Outcome, server: str, metric: str) -> Optional[float]:
    """moonloop's figure as a multiple of this server's, or None where either is missing.

    Where there are rounds: the median of the ratios round by round, since the two were measured
    close to each other then and a machine that is slow for a while is slow for both.
    """
    ours, theirs = outcome.get(OURS, {}), outcome.get(server, {})
    if metric not in ours or metric not in theirs:
        return None
    pairs = list(zip(ours.get("rounds", [ours]), theirs.get("rounds", [theirs])))
    if any(their[metric] <= 0 for _, their in pairs):
        return None
    return statistics.median(our[metric] / their[metric] for our, their in pairs)


def _ratio_cell(outcome: Outcome, server: str, metric: str) -> str:
    value = None if server == OURS else ratio(outcome, server, metric)
    return "-" if value is None else f"{value:.2f}"


def _load_rows(outcome: Outcome) -> list[list[str]]:
    return [
        [
            TITLES[name],
            f"{figures['requests_per_s']:,.0f}",
            f"{figures['cpu_us']:.2f}",
            f"{figures['busy'] * 100:.0f} %",
            f"{figures['spread'] * 100:.0f} %",
            f"{figures['p50_ms']:.2f}",
            f"{figures['p99_ms']:.2f}",
            _ratio_cell(outcome, name, "cpu_us"),
        ]
        for name, figures in outcome.items()
    ]


def _idle_rows(outcome: Outcome) -> list[list[str]]:
    return [
        [
            TITLES[name],
            f"{figures['before_bytes'] / 1024:,.0f}",
            f"{figures['after_bytes'] / 1024:,.0f}",
            f"{figures['bytes_per_connection']:,.0f}",
            _ratio_cell(outcome, name, "bytes_per_connection"),
        ]
        for name, figures in outcome.items()
    ]


def _guard_rows(outcome: Outcome) -> list[list[str]]:
    return [
        [form, f"{figures['overrun_ms']:.0f}", f"{figures['hello_over_ms']:.0f}"]
        for ours in outcome.values()
        for form, figures in ours["forms"].items()
    ]


def _tasks_rows(outcome: Outcome) -> list[list[str]]:
    rows = []
    for ours in outcome.values():
        sleepers = f"one of {ours['sleepers']:,} that sleep, bytes"
        rows.append(["spawn and join one, µs", f"{ours['spawn_join_us']:.2f}"])
        rows.append(["thread.run of nothing, µs", f"{ours['thread_run_us']:.1f}"])
        rows.append(["its CPU time, µs", f"{ours['thread_run_cpu_us']:.1f}"])
        rows.append(["CPU time of an idle second after it, ms", f"{ours['idle_ms']:.1f}"])
        rows.append([sleepers, f"{ours['sleeper_bytes']:,.0f}"])
    return rows


LOAD_HEAD = ["server", "requests/s", "CPU µs/request", "busy", "spread", "p50 ms", "p99 ms"]
IDLE_HEAD = ["server", "before KiB", "after KiB", "bytes/connection"]

# Kind of scenario → the table's head, and its rows of those servers that did not fail.
TABLES = {
    "load": ([*LOAD_HEAD, "moonloop ×"], _load_rows),
    "idle": ([*IDLE_HEAD, "moonloop ×"], _idle_rows),
    "guard": (["function", "overrun ms", "hello ms"], _guard_rows),
    "tasks": (["a task", "cost"], _tasks_rows),
}


def heading(machine: dict) -> str:
    """What the figures depend on, in a line."""
    same = " (the same one!)" if machine["server_cpu"] == machine["load_cpu"] else ""
    return (
        f"{machine['cpu']}, Linux {machine['kernel']}, load average {machine['load_average']:.1f}; "
        f"server on CPU {machine['server_cpu']}, load on CPU {machine['load_cpu']}{same}; "
        f"medians of {machine['rounds']} rounds of {machine['seconds']:g} s"
    )


def _title(scenario: Scenario) -> str:
    title = f"{scenario.name}: {scenario.title}"
    if scenario.connections:
        title += f"; {scenario.connections:,} connections"
    return f"{title}, {scenario.depth} requests in a write" if scenario.depth > 1 else title


def scenario_table(scenario: Scenario, outcome: Outcome) -> str:
    """One scenario: a line for each server that was measured, then who failed and the note."""
    head, make_rows = TABLES[scenario.kind]
    rows = make_rows({name: f for name, f in outcome.items() if "failed" not in f})
    lines = [_title(scenario), _table(head, rows) if rows else "  nobody"]
    lines += [
        f"  {TITLES[name]}: FAILED: {figures['failed']}"
        for name, figures in outcome.items()
        if "failed" in figures
    ]
    if scenario.note and rows:
        lines.append(f"  {scenario.note}")
    others = max((figures.get("others", 0) for figures in outcome.values()), default=0)
    if others > OTHERS_MOST:
        lines.append(f"  ROUGH: other processes used {others * 100:.0f} % of the server's core")
    return "\n".join(lines)


def judge(target: Target, outcomes: dict[str, Outcome]) -> dict:
    """One target held against what was measured; `met` is None where a figure is missing."""
    outcome = outcomes.get(target.scenario, {})
    if target.peer is None:
        value = outcome.get(OURS, {}).get(target.metric)
    else:
        value = ratio(outcome, target.peer, target.metric)
    met = None
    if value is not None:
        met = value >= target.limit if target.at_least else value <= target.limit
    return {**dataclasses.asdict(target), "value": value, "met": met}


def targets_table(outcomes: dict[str, Outcome]) -> str:
    """The summary: each target of the scenarios that ran, what came out, met or not."""
    rows = []
    for target in TARGETS:
        if target.scenario not in outcomes:
            continue
        verdict = judge(target, outcomes)
        sign = "≥" if target.at_least else "≤"
        of = f" × {target.peer}" if target.peer else ""
        value = "-" if verdict["value"] is None else f"{verdict['value']:,.2f}"
        word = {None: "not measured", True: "met", False: "NOT MET"}[verdict["met"]]
        rows.append([target.title, f"{sign} {target.limit:g}{of}", value, word])
    if not rows:
        return "targets: none for these scenarios"
    return "targets\n" + _table(["figure of moonloop", "limit", "measured", ""], rows)
