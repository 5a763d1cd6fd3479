"""moonloop test: what passes, what fails, what hangs, what is left behind, and what that looks like."""

from __future__ import annotations

import json
import subprocess
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from gateway import run

HEAD = """\
local moonloop = require "moonloop"
local task = require "moonloop.task"
"""


class TestCommand(unittest.TestCase):
    """Each test has a directory of its own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)

    def write(self, name: str, text: str) -> None:
        """A file of the project."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def spec(self, body: str, name: str = "tests/a_spec.lua") -> None:
        """A spec with the usual modules at hand; the body begins in line 3."""
        self.write(name, HEAD + body)

    def go(self, *words: str, code: int) -> subprocess.CompletedProcess[str]:
        """One run of the command."""
        done = run("test", *words, cwd=self.dir)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def refused(self, *words: str, code: int = 2) -> str:
        """The line of a run that did not begin."""
        done = self.go(*words, code=code)
        self.assertEqual(done.stdout, "")
        return done.stderr

    # ---- passing ---------------------------------------------------------------------------------

    def test_passing(self) -> None:
        """Waiting works, the project's modules and those beside the spec are found, exit code 0."""
        self.write("shop.lua", 'return { name = "shop" }\n')
        self.write("tests/deep/helper.lua", 'return "helper"\n')
        self.spec("""\
describe("a spec", function()
	local helper
	before_each(function() moonloop.sleep(0.01) helper = require "helper" end)
	it("waits", function()
		local one = task.spawn(function() moonloop.sleep(0.01) return helper end)
		assert.equal("helper", one:join())
		assert.equal("shop", require("shop").name)
	end)
	it("is a task of its own", function() assert.equal("test", task.name()) end)
	pending("comes later")
end)
""", "tests/deep/a_spec.lua")
        self.write("tests/not_a_test.lua", "error('this is not loaded')\n")
        done = self.go(code=0)
        self.assertIn("2 successes / 0 failures / 0 errors / 1 pending", done.stdout)
        self.assertEqual(done.stderr, "")
        self.go("tests/deep/a_spec.lua", code=0)
        self.go("tests/", code=0)

    def test_default_directories(self) -> None:
        """Both tests and spec, without the current directory's other files."""
        for name in ("tests/a_spec.lua", "spec/b_spec.lua", "c_spec.lua"):
            self.spec('it("is there", function() end)\n', name)
        self.assertIn("2 successes", self.go(code=0).stdout)
        self.assertIn("3 successes", self.go(".", code=0).stdout)

    def test_filter_and_output(self) -> None:
        """--filter chooses by name, --output is busted's."""
        self.spec('describe("all", function() it("one", function() end) it("two", function() error("no") end) end)\n')
        self.assertIn("1 success /", self.go("--filter", "all one", code=0).stdout)
        self.assertIn("1 success / 0 failures / 1 error",
                      self.go("--filter", "one", "--filter=two", code=1).stdout)
        tap = self.go("--output", "TAP", "--filter", "one", code=0).stdout
        self.assertIn("ok 1 - all one", tap)
        suites = ElementTree.fromstring(self.go("--output=junit", code=1).stdout)
        self.assertEqual([case.get("name") for case in suites.iter("testcase")], ["all one", "all two"])
        self.assertEqual(len(json.loads(self.go("--output", "json", code=1).stdout)["errors"]), 1)

    # ---- failing ---------------------------------------------------------------------------------

    def test_failing(self) -> None:
        """A wrong assertion and an error are told with their lines; the rest still runs."""
        self.spec("""\
it("compares", function()
	moonloop.sleep(0.01)
	assert.equal(1, 2)
end)
it("raises", function() error("no fuel") end)
it("raises a table", function() error({ code = 42 }) end)
it("goes on", function() end)
""")
        done = self.go(code=1)
        self.assertIn("1 success / 1 failure / 2 errors", done.stdout)
        self.assertIn("tests/a_spec.lua:5: Expected objects to be equal", done.stdout)
        self.assertIn("tests/a_spec.lua:7: no fuel", done.stdout)
        self.assertIn("code = 42", done.stdout)

    def test_hanging(self) -> None:
        """A test that does not end is told with where it waits; what it spawned, too; the rest still runs."""
        self.spec("""\
local sync = require "moonloop.sync"
it("hangs", function()
	task.spawn(moonloop.sleep, 60):name("sleeper")
	local event = sync.event()
	event:wait()
end)
it("is not reached", function() end)
""")
        done = self.go("--timeout", "300ms", "--filter", "hangs", "--filter", "not reached", code=1)
        self.assertIn("not over after 0.3 s; it waits in event:wait at tests/a_spec.lua:7", done.stdout)
        self.assertIn("sleeper waits in sleep", done.stdout)
        self.assertIn("1 success / 0 failures / 1 error", done.stdout)

    def test_deaf(self) -> None:
        """A test that cannot be ended ends the run."""
        self.spec("""\
it("is deaf", function()
	task.shield(function()
		moonloop.sleep(600)
	end)
end)
""")
        done = self.go("--timeout", "0.2", code=1)
        self.assertIn("waits in sleep at tests/a_spec.lua:5", done.stderr)
        self.assertIn("does not heed its cancellation", done.stderr)

    def test_computing(self) -> None:
        """An endless loop is stopped by the CPU budget, at its line; the rest still runs."""
        self.spec('it("spins", function()\n\twhile true do end\nend)\nit("goes on", function() end)\n')
        done = self.go("--cpu-budget", "300ms", code=1)
        self.assertIn("1 success / 0 failures / 1 error", done.stdout)
        self.assertIn("CPU budget", done.stdout)
        self.assertIn("tests/a_spec.lua:4", done.stderr)

    def test_leaking(self) -> None:
        """Tasks that are left over fail the test that left them, and only that one."""
        self.spec("""\
it("leaks", function()
	task.background(function()
		moonloop.sleep(600)
	end)
end)
it("spawns", function() task.spawn(moonloop.sleep, 600) end)
""")
        done = self.go(code=1)
        self.assertIn("1 success / 1 failure / 0 errors", done.stdout)
        self.assertIn("\ntasks are left, and were cancelled:\n  background waits in sleep at tests/a_spec.lua:5", done.stdout)

    def test_unheard(self) -> None:
        """An error in a task that nobody joins fails the test; one that is joined later does not."""
        self.spec("""\
local function fail()
	error("lost contact")
end
it("loses one", function()
	task.background(fail)
	moonloop.sleep(0.01)
end)
it("joins late", function()
	local late = task.spawn(fail)
	moonloop.sleep(0.01)
	assert.is_false(pcall(late.join, late))
end)
""")
        done = self.go(code=1)
        self.assertIn("1 success / 1 failure / 0 errors", done.stdout)
        self.assertIn("an error in a task that nobody joined:\ntests/a_spec.lua:4: lost contact", done.stdout)
        self.assertEqual(done.stdout.count("lost contact"), 1)

    def test_broken_files(self) -> None:
        """A file that does not load is told with its line; the others still run."""
        self.write("tests/a_spec.lua", "local x = 1\nlocal y = = 2\n")
        self.write("tests/b_spec.lua", "\nerror('no such luck')\n")
        self.write("tests/c_spec.lua", 'require "absent.module"\n')
        self.write("tests/d_spec.lua", 'it("goes on", function() end)\n')
        done = self.go(code=1)
        self.assertIn("tests/a_spec.lua:2: unexpected symbol near '='", done.stdout)
        self.assertIn("tests/b_spec.lua:2: no such luck", done.stdout)
        self.assertIn("module 'absent.module' not found", done.stdout)
        self.assertIn("1 success / 0 failures / 3 errors", done.stdout)

    def test_failing_setup(self) -> None:
        """A before_each or a setup that fails is an error, not a pass."""
        self.spec('describe("x", function() before_each(function() error("no") end) it("y", function() end) end)\n')
        self.assertIn("0 successes / 0 failures / 1 error", self.go(code=1).stdout)

    # ---- nothing to run --------------------------------------------------------------------------

    def test_refusals(self) -> None:
        """What cannot be run is one line, and exit code 2."""
        self.assertIn("neither tests nor spec is here", self.refused())
        (self.dir / "tests").mkdir()
        self.assertIn("no *_spec.lua in tests", self.refused())
        self.assertIn("gone.lua: No such file", self.refused("gone.lua"))
        self.spec('it("is there", function() end)\n')
        self.assertIn("--timeout: \"soon\" is no time", self.refused("--timeout", "soon"))
        self.assertIn("--verbose: unknown option", self.refused("--verbose"))
        self.assertIn("no output \"loud\"", self.refused("--output", "loud"))
        self.assertIn("no test ran", self.go("--filter", "nothing", code=2).stderr)
        self.assertIn("command line: --threads", self.refused("--threads", "many"))

    def test_without_busted(self) -> None:
        """If busted is missing it says what to install."""
        self.spec('it("is there", function() end)\n')
        done = run("test", cwd=self.dir, env={"LUA_PATH": "./?.lua", "LUA_CPATH": ""})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("apt-get install lua-busted", done.stderr)


if __name__ == "__main__":
    unittest.main()
