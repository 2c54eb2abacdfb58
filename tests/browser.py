"""Headless Chromium, driven over its debugging pipe: what a page asks for, says, and looks like.

The protocol (https://chromedevtools.github.io/devtools-protocol/) is JSON, one message per NUL byte,
over the file descriptors 3 (in) and 4 (out) of the browser.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)


@dataclass(slots=True)
class Page:
    """One open page; ``requests`` and ``complaints`` grow as it loads."""

    connection: Connection
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the page; events on the way are noted."""
        return self.connection.call(method, parameters, self.session, self.note)

    def note(self, event: dict[str, Any]) -> None:
        """Keep what the page asks the network for and what its console shows."""
        method, told = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(json.dumps(told))

    def size(self, width: int, height: int = 900) -> None:
        """Give the window a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, *, dark: bool = False, printed: bool = False) -> None:
        """Say what the reader prefers, and whether the page goes to paper."""
        self.call(
            "Emulation.setEmulatedMedia",
            media="print" if printed else "screen",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, path: Path) -> None:
        """Load a file and wait until it is there."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        while self.evaluate("document.readyState") != "complete":
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole page as PNG."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, path: Path) -> None:
        """The page as it goes to paper."""
        self.call("Emulation.setEmulatedMedia", media="", features=[])
        answer = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))


class Connection:
    """The pipe to one browser."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = os.fdopen(answers, "rb", buffering=0)
        self._buffer = b""
        self._last = 0

    def call(
        self,
        method: str,
        parameters: dict[str, Any],
        session: str = "",
        note: Any = lambda event: None,
    ) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            note(answer)

    def close(self) -> None:
        """Hang up."""
        os.close(self._requests)
        self._answers.close()

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = self._answers.read(1 << 20)
            assert more, "the browser is gone"
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def new_page() -> Iterator[Page]:
    """A page of a fresh browser with a profile of its own."""
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = _started(profile, to_browser, to_us)
        os.close(to_browser)
        os.close(to_us)
        connection = Connection(from_us, from_browser)
        try:
            target = connection.call("Target.createTarget", {"url": "about:blank"})
            attached = connection.call(
                "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}
            )
            page = Page(connection, attached["sessionId"])
            for domain in ("Page", "Network", "Log", "Runtime"):
                page.call(f"{domain}.enable")
            yield page
            connection.call("Browser.close", {})
        finally:
            connection.close()
            process.kill()
            process.wait()


def _started(profile: str, requests: int, answers: int) -> subprocess.Popen[bytes]:
    """Chromium with its ends of the pipe at the descriptors it expects."""
    command = ["bash", "-c", f'exec "$0" "$@" 3<&{requests} 4>&{answers}', CHROMIUM, *FLAGS]
    return subprocess.Popen(
        [*command, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(requests, answers),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
