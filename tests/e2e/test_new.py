"""moonloop new: each template is a project that runs, with tests that pass and a README that is true."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import manual
from gateway import Gateway, run
from support import REPO

TEMPLATES = ("api", "chat", "minimal", "web")


class New(unittest.TestCase):
    """Each test has a directory of its own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)

    def new(self, *words: str) -> Path:
        """A project."""
        done = run("new", *words, cwd=self.dir)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), 3, done.stdout)
        return self.dir / words[0]

    def refused(self, *words: str, code: int) -> str:
        """The one line of a refusal."""
        done = run("new", *words, cwd=self.dir)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_list(self) -> None:
        """Every template with what it is."""
        done = run("new", "--list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], list(TEMPLATES))
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"^\w+ +\w.*\.$")

    def test_templates(self) -> None:
        """It loads, its tests pass, its README's commands print what they say, nothing is logged as an error."""
        for template in TEMPLATES:
            with self.subTest(template):
                project = self.new(f"my-{template}", "--template", template)
                self.assertEqual(run("check", "app.lua", cwd=project).returncode, 0)
                tested = run("test", cwd=project)
                self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
                self.assertRegex(tested.stdout, r"(?m)^[1-9]\d* success(es)? / 0 failures / 0 errors")
                manual.play(self.shown(project), project)

    def shown(self, project: Path) -> manual.Conversation:
        """The first console block of its README."""
        text = (project / "README.md").read_text()
        self.assertTrue(text.startswith(f"# {project.name}\n"))
        self.assertNotIn("{{", text)
        blocks = [body for language, body in manual.BLOCK.findall(text) if language == "console"]
        return manual.of_console(project.name, blocks[0])

    def test_default(self) -> None:
        """Without --template it is the smallest one; a test can be seen to fail."""
        project = self.new("first")
        (project / "app.lua").write_text((project / "app.lua").read_text().replace("Hello from", "Goodbye from"))
        with Gateway("app.lua", cwd=project) as gateway:
            self.assertEqual(gateway.get("/x").text, "Goodbye from /x\n")
        tested = run("test", cwd=project)
        self.assertEqual(tested.returncode, 1)
        self.assertIn("tests/app_spec.lua", tested.stdout)

    def test_editor(self) -> None:
        """The language server's file is JSON and leads to the types of every public module."""
        project = self.new("edit")
        settings = json.loads((project / ".luarc.json").read_text())
        self.assertEqual(settings["runtime.version"], "LuaJIT")
        types = project / settings["workspace.library"][0]
        source = REPO / "lua/moonloop/types"
        given = {str(path.relative_to(source)): path.read_text() for path in source.rglob("*.lua")}
        self.assertEqual({str(path.relative_to(types)): path.read_text() for path in types.rglob("*.lua")}, given)
        (types / "task.lua").write_text("old")
        done = run("types", cwd=project)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((types / "task.lua").read_text(), given["task.lua"])
        self.assertEqual(run("types", "no/such/place", cwd=project).returncode, 1)
        self.assertFalse((project / "no").exists())

    def test_nothing_is_overwritten(self) -> None:
        """What is there stays; an empty directory may be filled."""
        project = self.new("shop")
        (project / "app.lua").write_text("mine")
        self.assertIn("shop: it is there already", self.refused("shop", code=1))
        self.assertIn("shop: it is there already", self.refused("shop", "--template", "api", code=1))
        self.assertEqual((project / "app.lua").read_text(), "mine")
        (self.dir / "file").write_text("text")
        self.assertIn("file: it is there already", self.refused("file", code=1))
        self.assertEqual((self.dir / "file").read_text(), "text")
        (self.dir / "empty").mkdir()
        self.new("empty")
        self.new("deep/er/one")

    def test_mistakes(self) -> None:
        """One line that names the word."""
        self.assertIn("expected one name, got none", self.refused(code=2))
        self.assertIn("got a b", self.refused("a", "b", code=2))
        for name in ("9lives", "a b", "..", "-x", "a.b", "ö"):
            with self.subTest(name):
                self.assertIn(name, self.refused("--", name, code=2))
        self.assertIn("there are api, chat, minimal, web", self.refused("shop", "--template", "blog", code=2))
        self.assertIn("--colour: unknown option", self.refused("shop", "--colour", code=2))
        self.assertIn("--template: wants a value", self.refused("shop", "--template", code=2))
        self.assertEqual(list(self.dir.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
