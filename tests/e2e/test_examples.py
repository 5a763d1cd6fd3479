"""Every example is served and asked what its first comment shows."""

from __future__ import annotations

import unittest

import manual
from support import REPO

EXAMPLES = sorted((REPO / "examples").glob("*.lua"))


class Examples(unittest.TestCase):
    """examples/*.lua"""

    def test_all(self) -> None:
        """Each command prints what the comment says."""
        self.assertGreaterEqual(len(EXAMPLES), 7)
        for path in EXAMPLES:
            with self.subTest(path.name):
                conversation = manual.of_example(path)
                self.assertTrue(conversation.steps, "the comment shows no command")
                manual.play(conversation, REPO)

    def test_length(self) -> None:
        """examples/README.md promises at most 60 lines."""
        for path in EXAMPLES:
            with self.subTest(path.name):
                self.assertLessEqual(len(path.read_text().splitlines()), 60)


if __name__ == "__main__":
    unittest.main()
