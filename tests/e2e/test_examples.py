"""Every example is served and asked what its first comment shows; those with specs run them."""

from __future__ import annotations

import unittest

import manual
from gateway import run
from support import REPO

FILES = sorted((REPO / "examples").glob("*.lua"))
FOLDERS = sorted((REPO / "examples").glob("*/app.lua"))
SPECS = sorted((REPO / "examples").glob("*/tests"))


class Examples(unittest.TestCase):
    """examples/*.lua, examples/*/app.lua"""

    def test_all(self) -> None:
        """Each command prints what the comment says."""
        self.assertGreaterEqual(len(FILES), 7)
        self.assertGreaterEqual(len(FOLDERS), 2)
        for path in FILES + FOLDERS:
            with self.subTest(str(path.relative_to(REPO))):
                conversation = manual.of_example(path)
                self.assertTrue(conversation.steps, "the comment shows no command")
                manual.play(conversation, REPO)

    def test_length(self) -> None:
        """examples/README.md promises at most 60 lines for a file, 150 for the app.lua of a folder."""
        for path in FILES + FOLDERS:
            with self.subTest(str(path.relative_to(REPO))):
                self.assertLessEqual(len(path.read_text().splitlines()), 60 if path in FILES else 150)

    def test_specs(self) -> None:
        """The specs of the folders pass."""
        self.assertGreaterEqual(len(SPECS), 2)
        for path in SPECS:
            with self.subTest(str(path.relative_to(REPO))):
                done = run("test", cwd=path.parent)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
