"""A headless Chromium, driven over WebDriver (W3C) by Debian's chromedriver.

    with Browser() as browser:
        browser.open("http://127.0.0.1:8000/docs")
        browser.click(".opblock-summary")
        assert "hello" in browser.text(".response")
        assert browser.errors() == []

It resolves no name and has a profile of its own, which is gone at the end, as are its processes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any, Optional

from support import patient, poll

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, WebDriver 11
WAIT_S = 20.0
INSIDE = ("data:", "blob:", "about:", "chrome:")
STARTED = re.compile(r"started successfully on port (\d+)")

OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,1000",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]


class Browser:
    """One window."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="moonloop-chromium-")
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            stdin=subprocess.DEVNULL, start_new_session=True)
        self._session = ""
        try:
            self._base = self._find_base()
            capabilities = {
                "goog:chromeOptions": {"args": [*OPTIONS, f"--user-data-dir={self._profile}"]},
                "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            }
            answer = self._ask("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
            self._session = "/" + answer["sessionId"]
        except BaseException:
            self.close()
            raise

    def _find_base(self) -> str:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            found = STARTED.search(line)
            if found:
                return f"http://127.0.0.1:{found[1]}/session"
        raise AssertionError("chromedriver did not start")

    def _ask(self, method: str, path: str, body: Optional[dict[str, Any]] = None) -> Any:
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self._base + self._session + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=patient(60)) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:500]}") from None

    def open(self, url: str) -> None:
        """Goes there, and waits until the page is loaded."""
        self._ask("POST", "/url", {"url": url})

    def _find(self, selector: str) -> str:
        """The first element that matches a CSS selector, once there is one."""
        found = poll(f"there is {selector}", lambda: self._ask(
            "POST", "/elements", {"using": "css selector", "value": selector}), WAIT_S)
        return str(found[0][ELEMENT])

    def click(self, selector: str) -> None:
        """Clicks on it, once it is there."""
        self._ask("POST", f"/element/{self._find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Types a text in place of what is there."""
        element = self._find(selector)
        self._ask("POST", f"/element/{element}/clear")
        self._ask("POST", f"/element/{element}/value", {"text": text})

    def text(self, selector: str) -> str:
        """What is read there."""
        return str(self._ask("GET", f"/element/{self._find(selector)}/text"))

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self._ask("POST", "/se/log", {"type": kind}))

    def requests(self) -> list[str]:
        """The URLs of all requests over a network so far, or since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(INSIDE)]

    def errors(self) -> list[str]:
        """What the console shows as errors, refused loads among it."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] == "SEVERE"]

    def close(self) -> None:
        """Ends the window and both programs."""
        try:
            if self._session:
                self._ask("DELETE", "")
        finally:
            os.killpg(self._driver.pid, signal.SIGKILL)
            self._driver.wait()
            assert self._driver.stdout is not None
            self._driver.stdout.close()
            shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()
