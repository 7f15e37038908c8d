"""A headless Chromium for tests of the page: driven over a pipe by the DevTools protocol, with no package for it.

Protocol: chromedevtools.github.io/devtools-protocol; with `--remote-debugging-pipe` the browser reads commands from
file descriptor 3 and answers on 4, JSON with a zero byte behind each.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
NO_WEBGL = ("--disable-gpu", "--disable-3d-apis")


@contextlib.contextmanager
def open_page(path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, webgl: bool = False
              ) -> Iterator["Page"]:
    """The page of this file, loaded; skips the test where no Chromium is found. webgl: drawn by the processor."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    commands, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        child = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{commands[0]} 4>&{answers[1]}; exec "$@"', "bash", program, "--headless=new",
             "--no-sandbox", *(WEBGL if webgl else NO_WEBGL), "--disable-dev-shm-usage", "--remote-debugging-pipe",
             "--no-first-run",
             f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands[0], answers[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(commands[0])
        os.close(answers[1])
        page = Page(commands[1], answers[0])
        try:
            page.start(path, width, height, dark)
            yield page
        finally:
            with contextlib.suppress(OSError, AssertionError):
                page.ask("Browser.close", own=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            child.kill()
            child.wait()
            os.close(commands[1])
            os.close(answers[0])


class Page:
    """One tab; `requests` and `complaints` are what it asked for and what its console and script errors said."""

    def __init__(self, write: int, read: int):
        self.write, self.read, self.number, self.session, self.rest = write, read, 0, None, b""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.events: list[str] = []

    def start(self, path: Path, width: int, height: int, dark: bool) -> None:
        """Open a tab and in it the file at this size and in this colour scheme."""
        tab = self.ask("Target.createTarget", own=False, url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", own=False, targetId=tab, flatten=True)["sessionId"]
        for room in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{room}.enable")
        self.emulate(width=width, height=height, dark=dark)
        self.load(path)

    def load(self, path: Path) -> None:
        """Open the file afresh and wait until it is loaded; what was asked for before is forgotten."""
        for kept in (self.events, self.requests, self.complaints):
            kept.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.wait_for(lambda: "Page.loadEventFired" in self.events)

    def emulate(self, *, width: int = 1280, height: int = 900, dark: bool = False, media: str = "") -> None:
        """Another window, colour scheme or medium (`print`) for the page that is open."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia", media=media,
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        output = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in output, output["exceptionDetails"]
        return output["result"].get("value")

    def wait_until(self, script: str) -> None:
        """Wait until the expression is true."""
        self.wait_for(lambda: self.evaluate(script))

    def press(self, key: str) -> None:
        """Press and release a key where the focus is."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, **({"text": key} if len(key) == 1 else {}))

    def screenshot(self, whole: bool = False) -> bytes:
        """The window as PNG, or the whole page."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def pdf(self) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    def ask(self, method: str, own: bool = True, **parameters: Any) -> dict:
        """Send a command and return its answer; `own`: to this tab, else to the browser."""
        self.number += 1
        sent = {"id": self.number, "method": method, "params": parameters}
        if own:
            sent["sessionId"] = self.session
        os.write(self.write, json.dumps(sent).encode() + b"\0")
        while True:
            output = self._hear(60)
            if output.get("id") == self.number:
                assert "error" not in output, output
                return output["result"]

    def wait_for(self, done: Any) -> None:
        """Wait until `done()` is true, half a minute at most."""
        end = time.monotonic() + 30
        while not done():
            assert time.monotonic() < end, "it did not happen within 30 seconds"
            with contextlib.suppress(TimeoutError):
                self._hear(0.05)

    def _hear(self, seconds: float) -> dict:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read], [], [], seconds)
            if not ready:
                raise TimeoutError
            part = os.read(self.read, 1 << 20)
            assert part, "Chromium has gone"
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        output = json.loads(line)
        self._note(output.get("method", ""), output.get("params", {}))
        return output

    def _note(self, method: str, output: dict) -> None:
        self.events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(output["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(output["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and output["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(output["args"]))
        elif method == "Log.entryAdded" and output["entry"]["level"] in ("error", "warning"):
            self.complaints.append(output["entry"]["text"])
