"""Headless Chromium, driven through a pipe by its own protocol: no driver, no port, no package."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

CHROMIUM = shutil.which("chromium")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

_ANSWERS_S = 60.0
"""Longest wait for a message of the browser; it has been seen to say nothing any more."""
_ON_3_AND_4 = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser reads commands from descriptor 3 and answers on 4."""


class Page:
    """One page; complaints of the console, exceptions and failed requests are collected."""

    def __init__(self, browser: "_Pipe") -> None:
        self._browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        return self._browser.ask(method, self._session, **arguments)

    def show(self, url: str, width_px: int = 1280, height_px: int = 900, *, dark: bool = False) -> None:
        """Load a page at a width, light or dark, and wait for it."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width_px, height=height_px, deviceScaleFactor=1, mobile=width_px < 500,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self._browser.events.clear()
        self.ask("Page.navigate", url=url)
        self._browser.wait_for("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, path: Path, height_px: float | None = None) -> None:
        """The whole page as a PNG, or so much of it from the top."""
        clip = self._whole() | ({} if height_px is None else {"height": height_px})
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def printed(self) -> bytes:
        """The page as a PDF, as it would be printed."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    @property
    def complaints(self) -> list[str]:
        """What the console, the page or the network complained of since the page was shown."""
        kinds = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Network.loadingFailed"}
        return [json.dumps(each) for each in self._browser.events if each["method"] in kinds]

    @property
    def requested(self) -> list[str]:
        """Addresses that were asked for since the page was shown."""
        sent = [each for each in self._browser.events if each["method"] == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in sent]

    def _whole(self) -> dict[str, float]:
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser with an empty profile and one page."""
    assert CHROMIUM is not None
    commands, ours = os.pipe()
    theirs, answers = os.pipe()
    start = [sys.executable, "-c", _ON_3_AND_4, str(commands), str(answers)]
    process = subprocess.Popen(
        [*start, CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
        pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands)
    os.close(answers)
    with os.fdopen(ours, "wb", buffering=0) as write, os.fdopen(theirs, "rb", buffering=0) as read:
        pipe = _Pipe(write, read)
        try:
            yield Page(pipe)
        finally:
            with suppress(OSError):
                pipe.tell("Browser.close")
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class _Pipe:
    """Messages to and from the browser, each ended by a zero byte."""

    def __init__(self, write: Any, read: Any) -> None:
        self._write: BinaryIO = write
        self._read: BinaryIO = read
        self._number = 0
        self._last = "it was started"
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def tell(self, method: str, session: str | None = None, **arguments: Any) -> int:
        """Send a command; its number."""
        self._number += 1
        self._last = method
        message = {"id": self._number, "method": method, "params": arguments}
        self._write.write(json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        return self._number

    def ask(self, method: str, session: str | None = None, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        number = self.tell(method, session, **arguments)
        while True:
            message = self._message()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self.events.append(message)

    def wait_for(self, method: str) -> None:
        """Wait for an event."""
        while not any(each["method"] == method for each in self.events if "method" in each):
            self.events.append(self._message())

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], _ANSWERS_S)
            assert ready, f"the browser said nothing for {_ANSWERS_S:g} s after {self._last}"
            more = self._read.read(1 << 16)
            assert more, "the browser closed its pipe"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(text))
