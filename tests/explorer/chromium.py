"""A page in headless Chromium, driven over the two pipes of its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
COMMAND = next(filter(None, map(shutil.which, NAMES)), None)
# The protocol is read from descriptor 3 and written to descriptor 4. A container has no user namespaces to build
# Chromium's own sandbox from, and the only page that is loaded is ours.
START = 'exec "$0" --remote-debugging-pipe --headless --no-sandbox --disable-gpu --user-data-dir="$1" 3<&"$2" 4>&"$3"'

needs_chromium = pytest.mark.skipif(COMMAND is None, reason="chromium is missing (Debian: chromium)")


class Page:
    """A page with what a person does to it: looking, pressing, dragging."""

    def __init__(self, write: int, read: int) -> None:
        self.write, self.answers = write, os.fdopen(read, "rb")
        self.number, self.session = 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, and its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        found = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            assert byte, "Chromium has gone"
            found += byte
        message: dict[str, Any] = json.loads(found)
        if "method" in message:
            self.events.append(message)
        return message

    def open(
        self, path: Path, *, width: int = 1280, height: int = 900, scheme: str = "light", touch: bool = False
    ) -> None:
        """Load a file at a size of the window and in a colour scheme."""
        self.resize(width, height, touch=touch)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def resize(self, width: int, height: int = 900, *, touch: bool = False) -> None:
        """Make the window as large as is said, or the screen of a phone."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.ask("Emulation.setTouchEmulationEnabled", enabled=touch)

    def value(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    @property
    def complaints(self) -> list[str]:
        """Errors of scripts, and what the browser logged, since the page was loaded."""
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in kinds]

    @property
    def requests(self) -> list[str]:
        """What the page asked for."""
        sent = (event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent")
        return [each["request"]["url"] for each in sent]

    def mouse(self, kind: str, x: float, y: float) -> None:
        """mousePressed, mouseMoved or mouseReleased, with the left button."""
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the mouse."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start)
        self.mouse("mouseMoved", *end)
        self.mouse("mouseReleased", *end)

    def swipe(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with a finger."""
        (x, y), (u, v) = start, end
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        for part in (0.25, 0.5, 0.75, 1):
            at = {"x": x + (u - x) * part, "y": y + (v - y) * part}
            self.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=[at])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key: str, *, shift: bool = False) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=8 if shift else 0)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A picture of the page, or of what the window shows of it."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a browser that ends with the block."""
    assert COMMAND is not None
    (theirs, write), (read, their_end) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["bash", "-c", START, COMMAND, profile, str(theirs), str(their_end)],
            pass_fds=(theirs, their_end),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(their_end)
        page = Page(write, read)
        try:
            yield page
        finally:
            page.session = ""
            page.ask("Browser.close")
            process.wait(timeout=30)
            page.answers.close()
            os.close(write)
