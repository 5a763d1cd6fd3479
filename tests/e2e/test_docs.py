"""Every complete application of the manual is served and asked what the page shows."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import manual
from support import REPO

PAGES = sorted((REPO / "apps" / "docs").glob("*.md"))


class Manual(unittest.TestCase):
    """apps/docs/*.md"""

    def test_all(self) -> None:
        """Each command prints what the page says."""
        played = 0
        for page in PAGES:
            for name, text, conversation in manual.of_page(page):
                with self.subTest(conversation.name), tempfile.TemporaryDirectory() as directory:
                    (Path(directory) / name).write_text(text)
                    manual.play(conversation, Path(directory))
                    played += 1
        self.assertGreaterEqual(played, 15)


if __name__ == "__main__":
    unittest.main()
