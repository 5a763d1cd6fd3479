"""Live reload as a browser sees it: headless Chromium, driven through Debian's chromedriver."""

from __future__ import annotations

import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable

from gateway import Gateway
from support import line_of, patient, poll

sys.path.append("/usr/lib/python3/dist-packages")  # where python3-selenium is, for a python3 that is not Debian's

from selenium import webdriver  # pylint: disable=wrong-import-position
from selenium.common.exceptions import WebDriverException  # pylint: disable=wrong-import-position
from selenium.webdriver.chrome.service import Service  # pylint: disable=wrong-import-position
from selenium.webdriver.common.by import By  # pylint: disable=wrong-import-position

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

APP = """\
local lasgi = require "moonloop.lasgi"
local title = "%s"

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	if scope.path == "/cut" then
		send { type = "http.response.start", status = 200, body = "x", more_body = true }
		error("cut off here")
	elseif scope.path == "/bad" then
		error("<b>bold</b> " .. scope.query_string)
	end
	send {
		type = "http.response.start",
		status = 200,
		headers = {
			["content-type"] = "text/html; charset=utf-8",
			["content-security-policy"] = "default-src 'self'",
		},
		body = "<!doctype html><title>page</title><body><h1>" .. title .. "</h1></body>",
	}
end
"""

OVERLAY = """
const host = document.querySelector("moonloop-overlay");
if (!host) return null;
const root = host.shadowRoot, hit = root.querySelector(".hit b");
const box = root.querySelector(".box").getBoundingClientRect();
return {
	title: root.querySelector(".kind").textContent,
	message: root.querySelector("h1").textContent,
	place: (root.querySelector(".place") || {}).textContent,
	line: hit && Number(hit.textContent),
	styled: getComputedStyle(root.querySelector(".back")).position === "fixed" && box.width > 200,
	close: root.querySelector("button") !== null,
};
"""


class Browser(unittest.TestCase):
    """One browser for all tests, one application each."""

    driver: Any

    @classmethod
    def setUpClass(cls) -> None:
        profile = tempfile.TemporaryDirectory(prefix="moonloop-browser-", ignore_cleanup_errors=True)
        cls.addClassCleanup(profile.cleanup)
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--no-first-run", "--disable-background-networking", "--window-size=1000,900",
                         f"--user-data-dir={profile.name}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        cls.addClassCleanup(cls.driver.quit)
        cls.driver.set_page_load_timeout(patient(20))
        cls.driver.set_script_timeout(patient(10))

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.app = Path(directory.name).resolve() / "app.lua"
        self.write(APP % "first")
        self.addCleanup(self.driver.get, "about:blank")  # the stream ends before the gateway

    def write(self, text: str) -> None:
        """Saves the application, at once."""
        new = self.app.with_name("app.lua~")
        new.write_text(text)
        new.replace(self.app)

    def ask(self, question: Callable[[], Any]) -> Any:
        """None while the page is being replaced."""
        try:
            return question()
        except WebDriverException:
            return None

    def heading(self) -> Any:
        """The text of the page's h1."""
        return self.ask(lambda: self.driver.find_element(By.TAG_NAME, "h1").text)

    def overlay(self) -> Any:
        """What lies over the page, or None."""
        return self.ask(lambda: self.driver.execute_script(OVERLAY))

    def mark(self) -> None:
        """Leaves a mark in the page, which a reload takes away."""
        self.driver.execute_script("window.isOld = true")

    def is_old(self) -> Any:
        """Whether the page has the mark."""
        return self.driver.execute_script("return window.isOld === true")

    def wait_heading(self, text: str) -> None:
        """Until the page says so, by itself."""
        poll(f"the page says {text!r}", lambda: self.heading() == text and self.overlay() is None, 20)

    def console(self) -> list[str]:
        """What the browser complained about, but for connections that ended."""
        severe = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        return [message for message in severe if "net::ERR" not in message and "favicon" not in message]

    def test_reload_and_overlay(self) -> None:
        """A page reloads when the file changes; an overlay tells of broken code, and goes when it is mended."""
        with Gateway(self.app, command="dev", errors=["app.start_failed"]) as gw:
            self.console()
            self.driver.get(gw.url + "/")
            self.wait_heading("first")
            self.mark()
            self.write(APP % "second")
            self.wait_heading("second")
            self.assertFalse(self.is_old())

            self.mark()
            self.write((APP % "third").replace("\t\tstatus = 200,\n", "\t\tstatus = = 200, -- broken\n"))
            overlay = poll("an overlay", self.overlay, 20)
            self.assertEqual(overlay["line"], line_of(self.app, "-- broken"))
            self.assertIn(str(self.app), overlay["place"])
            self.assertIn("unexpected symbol", overlay["message"])
            self.assertTrue(overlay["styled"])
            self.assertFalse(overlay["close"])
            self.assertTrue(self.is_old())
            self.assertEqual(self.heading(), "second")

            self.write(APP % "fourth")
            self.wait_heading("fourth")
            self.assertFalse(self.is_old())
            self.assertEqual(self.console(), [])

    def test_error_page(self) -> None:
        """The error page is text throughout, and reloads when the code is mended."""
        with Gateway(self.app, command="dev", errors=["app.error"]) as gw:
            self.driver.get(gw.url + "/bad?<script>document.title='owned'</script>")
            self.assertIn("<b>bold</b>", self.heading())
            self.assertEqual(self.driver.execute_script("return document.querySelectorAll('h1 b, script').length"), 1)
            self.assertNotEqual(self.driver.title, "owned")
            self.assertGreater(len(self.driver.find_elements(By.CSS_SELECTOR, ".source .hit")), 0)
            self.write((APP % "mended").replace('error("<b>', 'print("<b>'))
            self.wait_heading("mended")

    def test_broken_start(self) -> None:
        """A start that fails is a page, and becomes the application's by itself."""
        self.write("local x = = 1")
        with Gateway(self.app, command="dev", errors=["app.start_failed"]) as gw:
            self.driver.get(gw.url + "/")
            self.assertIn("unexpected symbol", self.heading())
            self.write("local y = 2\nlocal x = = 1")
            poll("the other line", lambda: self.ask(
                lambda: self.driver.find_element(By.CSS_SELECTOR, ".place b").text) == "2", 20)
            self.write(APP % "works")
            self.wait_heading("works")

    def test_cut_response(self) -> None:
        """An error behind the start of a response lies over the open page, and can be closed."""
        with Gateway(self.app, command="dev", errors=["app.error"]) as gw:
            self.driver.get(gw.url + "/")
            self.wait_heading("first")
            self.driver.execute_script("fetch('/cut').then(r => r.text()).catch(() => 0)")
            overlay = poll("an overlay", self.overlay, 20)
            self.assertIn("GET /cut", overlay["title"])
            self.assertEqual(overlay["line"], line_of(self.app, "cut off here"))
            self.driver.execute_script(
                "document.querySelector('moonloop-overlay').shadowRoot.querySelector('button').click()")
            self.assertIsNone(self.overlay())

    def test_restart(self) -> None:
        """A page outlives the whole gateway: the next one on that port makes it reload."""
        with Gateway(self.app, command="dev") as gw:
            port = gw.port
            self.driver.get(gw.url + "/")
            self.wait_heading("first")
        self.write(APP % "next")
        with Gateway(self.app, command="dev", bind=[f"127.0.0.1:{port}"]):
            self.wait_heading("next")


if __name__ == "__main__":
    unittest.main()
