"""A headless Chromium, driven over the DevTools protocol on a pair of pipes: no package beyond Python is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def find_chromium() -> str | None:
    """The program: `IDANCE_CHROMIUM`, or the first one on the path."""
    named = os.environ.get("IDANCE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


PROGRAM = find_chromium()
needs_chromium = pytest.mark.skipif(
    PROGRAM is None, reason="no Chromium: install it, or name it in IDANCE_CHROMIUM, to try the viewer in a browser"
)

READY = "window.idance && idance.player.take && idance.player.drawn.frame >= 0"
"""The viewer shows a take."""
NO_SHADOW = "idance.stage.key.castShadow = false"
"""Leaves out what a machine without a graphics card draws slowest."""


class Chromium:
    """One tab. `with Chromium(program, folder) as tab: tab.open(url); tab.evaluate("1 + 1")`."""

    def __init__(self, program: str, folder: Path, size: tuple[int, int] = (480, 360), *flags: str) -> None:
        self._command = [program, *FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={folder}", *flags]
        self.size = size
        self._log = folder.with_name(f"{folder.name}.log")
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Chromium:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Above 9, so that making them 3 and 4 overwrites neither.
        high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (to_browser, from_browser)]
        script = f"import os, sys; os.dup2({high[0]}, 3); os.dup2({high[1]}, 4); os.execvp(sys.argv[1], sys.argv[1:])"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", script, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=high,
            )
        for descriptor in (to_browser, from_browser, *high):
            os.close(descriptor)
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")
        self.resize(*self.size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.terminate()
            self._process.wait(20)
        finally:
            os.close(self._write)
            os.close(self._read)

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Runs one command of the protocol; raises RuntimeError when Chromium refuses it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive(60)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _receive(self, seconds: float) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            data = os.read(self._read, 1 << 16) if ready else b""
            if not data:
                raise RuntimeError(f"Chromium does not answer; its log ends: {self._log.read_text()[-2000:]}")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def open(self, url: str) -> None:
        """Goes to a page and waits until it and its viewer have started."""
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The JSON value of an expression, awaited; raises RuntimeError with the exception of the page."""
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def wait(self, expression: str, seconds: float = 60) -> Any:
        """The first truthy value of an expression."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.05)
        raise RuntimeError(f"after {seconds} s this is still not true: {expression}; console: {self.complaints()}")

    def complaints(self) -> list[str]:
        """Errors that the page logged or threw so far, and requests that it made to anywhere but itself."""
        self.evaluate("0")  # takes in what is on its way
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(parameters["exceptionDetails"])[:500])
            if event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                found.append(json.dumps(parameters["args"])[:500])
        return found

    def requests(self) -> list[str]:
        """Addresses that were asked for so far."""
        self.evaluate("0")
        sent = [event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [parameters["request"]["url"] for parameters in sent]

    def resize(self, width: int, height: int, scale: float = 1, mobile: bool = False) -> None:
        """Sets the size of the page in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def screenshot(self, path: Path) -> None:
        """Writes what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))
