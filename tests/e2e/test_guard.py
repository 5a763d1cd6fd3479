"""The guard: functions that never end are stopped, what holds up the loop is named, a stuck worker is replaced."""

from __future__ import annotations

import re
import time
import unittest

from client import Closed
from gateway import Gateway
from load import Load
from support import APPS, SANITIZER, line_of, patient

GUARD = APPS / "guard.lua"
BUDGET_S = 0.3
SLACK_S = 2.0  # of wall time on a busy machine; CPU time is looked at more closely

FORMS = ("loop", "goto", "repeat", "interpreted", "pcall", "xpcall", "handler", "recursion", "tree", "strings",
         "coroutine", "generator", "metamethod", "iterator", "gsub", "sort", "tables", "shield", "require", "swallowed")


def budget(*options: str) -> Gateway:
    """A gateway that stops a task after BUDGET_S."""
    return Gateway(GUARD, "--cpu-budget", f"{BUDGET_S}s", *options, errors=["task.cpu_budget", "app.error"])


# ThreadSanitizer holds signals back until the next system call: a loop in Lua makes none.
@unittest.skipIf(SANITIZER == "tsan", "signals do not arrive")
class CpuBudget(unittest.TestCase):
    """--cpu-budget and task.cpu_budget"""

    def test_forms(self) -> None:
        """Each is stopped soon after its budget; the others wait no longer, and the worker goes on."""
        with budget() as gw:
            pid = gw.get("/pid").text
            self.assertEqual(gw.get("/forms").text.split(), sorted(FORMS))
            for form in FORMS:
                with self.subTest(form), Load(gw.addresses[0], threads=2) as load:
                    began = time.monotonic()
                    self.assertEqual(gw.get(f"/form?{form}").status, 503)
                    self.assertGreater(time.monotonic() - began, BUDGET_S * 0.8)
                    self.assertLess(time.monotonic() - began, patient(BUDGET_S + SLACK_S))
                self.assertEqual(load.failures, [])
                self.assertLess(load.slowest, patient(BUDGET_S + SLACK_S))
                self.assertEqual(gw.get("/hook").text, "nil")
            self.assertEqual(gw.get("/pid").text, pid)
            lines = gw.wait_event("task.cpu_budget", len(FORMS))
            self.assertEqual(len(lines), len(FORMS))
            used = [float(re.search(r" method=GET path=/form budget_s=0.3 cpu_s=(\S+)$", line)[1]) for line in lines]
            self.assertLess(max(used), patient(BUDGET_S + 0.05))
            self.assertGreaterEqual(min(used), BUDGET_S)
            self.assertIn(f"guard.lua:{line_of(GUARD, '-- LOOP')}: the task has used up its CPU budget", gw.log())
            self.assertNotIn("moonloop.core", gw.log())
            self.assertEqual(gw.events("app.error"), [])

    def test_begun_response(self) -> None:
        """It is cut, and cannot be taken for a whole one."""
        with budget() as gw:
            with self.assertRaises(Closed):
                gw.get("/begun")
            self.assertEqual(gw.get("/hello").status, 200)

    def test_own_budget(self) -> None:
        """A task lowers and raises it; its waits do not count, its other runs do."""
        with budget() as gw:
            self.assertEqual(gw.get("/lowered").status, 503)
            self.assertEqual(gw.get("/raised").text, "done\n")
            self.assertEqual(gw.get("/waits").text, "done\n")
            self.assertEqual(gw.get("/total").status, 503)
            self.assertEqual(len(gw.wait_event("task.cpu_budget", 2)), 2)

    def test_spawned(self) -> None:
        """A spawned task has a budget of its own, and who joins it gets the error."""
        with budget() as gw:
            self.assertEqual(gw.get("/form?spawned").status, 500)
            gw.wait_event("task.cpu_budget")

    def test_service(self) -> None:
        """What lives as long as the worker may use it between any two waits."""
        with Gateway(GUARD, "--cpu-budget", f"{BUDGET_S}s", env={"GUARD_TICK": "1"}) as gw:
            time.sleep(3 * BUDGET_S)
            self.assertEqual(gw.get("/hello").status, 200)
            self.assertEqual(gw.events("task.cpu_budget"), [])

    def test_off(self) -> None:
        """Without any guard the profiler is free, and a task can still ask for a budget."""
        with Gateway(GUARD, "--cpu-budget", "0", "--stall-report", "0", errors=["task.cpu_budget"]) as gw:
            self.assertRegex(gw.get("/profile").text, "^table:")
            self.assertEqual(gw.get("/busy?0.4").text, "done\n")
            self.assertEqual(gw.get("/lowered").status, 503)
            self.assertEqual(gw.events("loop.stalled"), [])
        with Gateway(GUARD) as gw:
            self.assertIn("the gateway's CPU guard uses the profiler", gw.get("/profile").text)


class Stalls(unittest.TestCase):
    """--stall-report and --stall-kill"""

    @unittest.skipIf(SANITIZER == "tsan", "signals do not arrive")
    def test_report(self) -> None:
        """Once for each place, with the time and the request."""
        with Gateway(GUARD) as gw:
            for _ in range(3):
                gw.get("/busy?0.3")
            line, = gw.wait_event("loop.stalled")
            self.assertRegex(line, rf"place=\S*guard\.lua:{line_of(GUARD, '-- BUSY')} ms=\d+ method=GET path=/busy$")

    def test_blocked(self) -> None:
        """Nothing is sampled in a call that blocks: then the request names it."""
        with Gateway(GUARD) as gw:
            for _ in range(2):
                gw.get("/block?0.3")
            line, = gw.wait_event("loop.stalled")
            self.assertRegex(line, r'place="a blocking call" ms=\d+ method=GET path=/block$')

    def test_kill(self) -> None:
        """A worker that is stuck in C is named, killed and replaced; an idle one is left alone."""
        with Gateway(GUARD, "--stall-kill", "1s", errors=["worker.stalled", "worker.died"]) as gw:
            pid = gw.get("/pid").text
            time.sleep(2.5)
            self.assertEqual(gw.get("/pid").text, pid)
            began = time.monotonic()
            with self.assertRaises((Closed, ConnectionError)):
                gw.get("/block?5")
            self.assertLess(time.monotonic() - began, patient(3))
            line, = gw.wait_event("worker.stalled")
            self.assertRegex(line, rf' pid={pid} seconds=1\.\d+ serving="GET /block at '
                             rf'\S*guard\.lua:{line_of(GUARD, "-- BLOCK")}"$')
            gw.wait_event("worker.started", 2)
            self.assertNotEqual(gw.get("/pid").text, pid)

    def test_finalizer(self) -> None:
        """LuaJIT holds hooks off in a finalizer: one that goes on and on ends with its worker."""
        with Gateway(GUARD, "--cpu-budget", f"{BUDGET_S}s", "--stall-kill", "1s",
                     errors=["worker.stalled", "worker.died"]) as gw:
            with self.assertRaises((Closed, ConnectionError)):
                gw.get("/finalizer")
            line, = gw.wait_event("worker.stalled")
            self.assertRegex(line, rf'serving="GET /finalizer at \S*guard\.lua:{line_of(GUARD, "-- BUSY")}"$')
            gw.wait_event("worker.started", 2)
            self.assertEqual(gw.get("/hello").status, 200)
            self.assertEqual(gw.events("task.cpu_budget"), [])


if __name__ == "__main__":
    unittest.main()
