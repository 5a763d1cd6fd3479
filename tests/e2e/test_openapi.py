"""/openapi.json by the official meta-schema, and /docs in a browser."""

from __future__ import annotations

import json
import os
import subprocess
import unittest
from pathlib import Path

from browser import Browser
from gateway import Gateway
from support import APPS, MOONLOOP, REPO, patient, poll

# Where `make deps-test` installs what tests/npm/package.json names, beside the binary's directory.
MODULES = Path(os.environ.get("NPM_MODULES") or MOONLOOP.parent.parent / "npm" / "node_modules")


class Document(unittest.TestCase):
    """/openapi.json"""

    def test_valid(self) -> None:
        """The document is OpenAPI 3.1 and shows what the routes declare."""
        with Gateway(APPS / "api.lua") as gateway:
            answer = gateway.get("/openapi.json")
            self.assertEqual(answer.status, 200)
            done = subprocess.run(
                ["node", str(REPO / "tests" / "npm" / "validate_openapi.mjs"), str(MODULES)], input=answer.body,
                capture_output=True, timeout=patient(60), check=False)
            self.assertEqual(done.stdout.decode().strip(), "valid 3.1", done.stderr.decode())
            document = json.loads(answer.body)
        self.assertEqual(document["info"], {"title": "Planets", "version": "1.2.0", "description": "About *planets*."})
        self.assertEqual(set(document["paths"]), {
            "/greet/{name}", "/planets", "/planets/{name}", "/planets/{id}", "/form", "/any/{rest}"})
        self.assertEqual(set(document["components"]["schemas"]), {
            "Planet", "FoundPlanet", "FoundNothing", "HttpProblem", "ValidationProblem"})
        add = document["paths"]["/planets"]["post"]
        self.assertEqual(add["operationId"], "add_planet")
        self.assertEqual(add["security"], [{"key": []}])
        self.assertEqual(add["tags"], ["planets"])
        self.assertEqual(add["requestBody"]["content"]["application/json"]["schema"],
                         {"$ref": "#/components/schemas/Planet"})
        self.assertEqual(set(add["responses"]), {"201", "409", "422", "default"})
        self.assertTrue(document["paths"]["/planets/{id}"]["delete"]["deprecated"])

    def test_root_path(self) -> None:
        """Below a path that a proxy takes away, the document says so, and the page asks for it there."""
        with Gateway(APPS / "api.lua", "--root-path", "/api") as gateway:
            document = json.loads(gateway.get("/openapi.json").body)
            self.assertEqual(document["servers"], [{"url": "/api"}])
            self.assertIn(b'data-openapi="/api/openapi.json"', gateway.get("/docs").body)


class Page(unittest.TestCase):
    """/docs"""

    def test_try_it_out(self) -> None:
        """A person opens /docs, tries a route, and sees the answer; nothing is asked of another server."""
        with Gateway(APPS / "api.lua") as gateway, Browser() as browser:
            origin = gateway.url + "/"
            browser.open(origin + "docs")
            route = "#operations-people-get_greet_name"
            browser.click(f"{route} .opblock-summary-control")
            browser.type(f"{route} tr[data-param-name=name] input", "moon")
            browser.type(f"{route} tr[data-param-name=times] input", "2")
            browser.click(f"{route} .execute")
            shown = poll("the answer is there", lambda: browser.text(f"{route} .live-responses-table"), 20)
            self.assertIn('"greeting": "hello moon hello moon"', shown)
            asked = browser.requests()
            self.assertIn(origin + "greet/moon?times=2", asked)
            self.assertEqual([url for url in asked if not url.startswith(origin)], [])
            self.assertEqual(browser.errors(), [])


if __name__ == "__main__":
    unittest.main()
