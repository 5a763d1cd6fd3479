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


def _load_cells(figures: dict) -> list[str]:
    return [
        f"{figures['requests_per_s']:,.0f}",
        f"{figures['cpu_us']:.2f}",
        f"{figures['busy'] * 100:.0f} %",
        f"{figures['spread'] * 100:.0f} %",
        f"{figures['p50_ms']:.2f}",
        f"{figures['p99_ms']:.2f}",
    ]


def _idle_cells(figures: dict) -> list[str]:
    kib = [f"{figures[key] / 1024:,.0f}" for key in ("before_bytes", "after_bytes")]
    return [*kib, f"{figures['bytes_per_connection']:,.0f}"]


LOAD_HEAD = ["requests/s", "CPU µs/request", "busy", "spread", "p50 ms", "p99 ms", "moonloop ×"]
IDLE_HEAD = ["before KiB", "after KiB", "bytes/connection", "moonloop ×"]


def heading(machine: dict) -> str:
    """What the figures depend on, in a line."""
    same = " (the same one!)" if machine["server_cpu"] == machine["load_cpu"] else ""
    return (
        f"{machine['cpu']}, Linux {machine['kernel']}, load average {machine['load_average']:.1f}; "
        f"server on CPU {machine['server_cpu']}, load on CPU {machine['load_cpu']}{same}; "
        f"medians of {machine['rounds']} rounds of {machine['seconds']:g} s"
    )


def scenario_table(scenario: Scenario, outcome: Outcome) -> str:
    """One scenario: a line for each server that was measured, then who failed and the note."""
    is_load = scenario.kind == "load"
    head = LOAD_HEAD if is_load else IDLE_HEAD
    metric = "cpu_us" if is_load else "bytes_per_connection"
    rows, failures = [], []
    for name, figures in outcome.items():
        if "failed" in figures:
            failures.append(f"  {TITLES[name]}: FAILED: {figures['failed']}")
            continue
        cells = _load_cells(figures) if is_load else _idle_cells(figures)
        rows.append([TITLES[name], *cells, _ratio_cell(outcome, name, metric)])
    deep = f", {scenario.depth} requests in a write" if scenario.depth > 1 else ""
    title = f"{scenario.name}: {scenario.title}; {scenario.connections:,} connections{deep}"
    lines = [title, _table(["server", *head], rows) if rows else "  nobody", *failures]
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
