"""A real browser, spoken to over its pipes: Chromium without a window.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """One page in it. `told`: what the browser said of errors; `asked`: the addresses it loaded."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads = os.fdopen(reads, "rb")
        self._writes = os.fdopen(writes, "wb")
        self._number = 0
        self._session: dict[str, str] = {}
        self._events: list[dict[str, Any]] = []
        self._rest = b""
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    @property
    def told(self) -> list[dict[str, Any]]:
        errors = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [event for event in self._events if event["method"] in errors]

    @property
    def asked(self) -> list[str]:
        requests = [event for event in self._events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in requests]

    def do(self, method: str, **parameters: Any) -> Any:
        """One command, and its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._writes.write(json.dumps(command).encode() + b"\0")
        self._writes.flush()
        while (message := self._message()).get("id") != self._number:
            self._events.append(message)
        assert "error" not in message, message
        return message["result"]

    def show(self, page: Path, width: int, *, scheme: str = "light", media: str = "") -> None:
        """Load a file, in a window so wide."""
        self._events.clear()
        self.do(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.do("Emulation.setEmulatedMedia", media=media, features=features)
        self.do("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._message())

    def says(self, expression: str) -> Any:
        """The value of an expression in the page."""
        said = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def printed(self) -> bytes:
        """The page on paper, as PDF."""
        return base64.b64decode(self.do("Page.printToPDF", preferCSSPageSize=True)["data"])

    def press(self, key: str) -> None:
        """A key, down and up."""
        for kind in ("keyDown", "keyUp"):
            self.do("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=9)

    def close(self) -> None:
        self._session = {}
        self.do("Browser.close")
        self._reads.close()
        self._writes.close()

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._reads.fileno(), 1 << 20)
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start one, with a profile of its own in `folder`."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    high_in, high_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (theirs_in, theirs_out))

    def connect() -> None:
        """The pipes have the numbers that the browser wants."""
        os.dup2(high_in, 3)
        os.dup2(high_out, 4)

    command = ["chromium-headless-shell", *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, close_fds=False, preexec_fn=connect)
    for end in (theirs_in, theirs_out, high_in, high_out):
        os.close(end)
    try:
        opened = Browser(ours_in, ours_out)
        yield opened
        opened.close()
        process.wait(20)
    finally:
        process.kill()
        process.wait()
