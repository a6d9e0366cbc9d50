"""A real Chromium, driven over the DevTools protocol: go somewhere, press keys, look at what is there."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 120
"""Seconds that a busy machine gets before something counts as not happening."""
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
    "--remote-debugging-port=0", "--window-size=1280,860", "--hide-scrollbars", "about:blank",
)  # fmt: skip
_CODES = {"Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowDown": 40, "End": 35, "Home": 36, " ": 32}


class Browser:
    """One tab. `requests` are the addresses that it asked for, `complaints` what its console said."""

    def __init__(self, profile: Path) -> None:
        command = [PROGRAM, *_FLAGS[:-1], f"--user-data-dir={profile}", _FLAGS[-1]]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._number = 0
        self._open = contextlib.ExitStack()
        self._open.callback(self._end)
        try:
            self._socket = self._open.enter_context(_connect(_tab(profile / "DevToolsActivePort")))
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.send(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._open.close()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=PATIENCE)

    def send(self, method: str, **parameters):
        """Send a command, and take note of events until its answer comes."""
        self._number += 1
        number = self._number
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]
            self._note(message)

    def go(self, address: str) -> None:
        self.send("Page.navigate", url=address)

    def value(self, expression: str):
        """What an expression is, once promises are kept."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str):
        """Wait until an expression is true; returns it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):  # the page may not be there yet
                if found := self.value(expression):
                    return found
        raise AssertionError(
            f"never true: {expression}\n{self.complaints}\n{self.value('document.body.innerText')}"
        )

    def press(self, *keys: str, control: bool = False) -> None:
        """Press keys, as a person does."""
        for key in keys:
            code = _CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)
            fields = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if control else 0}
            text = "\r" if key == "Enter" else key
            typed = {"text": text} if (len(key) == 1 or key == "Enter") and not control else {}
            self.send("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **fields, **typed)
            self.send("Input.dispatchKeyEvent", type="keyUp", **fields)

    def size(self, width: int, height: int, *, scale: float = 1) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def scheme(self, name: str) -> None:
        """`light` or `dark`."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def _note(self, message) -> None:
        method, content = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(content["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(content["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.complaints.append(f"{content['entry']['text']} {content['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(content["args"]))


def _tab(port_file: Path) -> str:
    """The address of the first tab's socket."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, IndexError):
            port = int(port_file.read_text().split()[0])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
                tabs = [one for one in json.load(answer) if one["type"] == "page"]
            return tabs[0]["webSocketDebuggerUrl"]
        time.sleep(0.05)
    raise AssertionError("the browser did not start")


def _connect(address: str):
    from websockets.sync.client import connect

    return connect(address, max_size=64 << 20, open_timeout=PATIENCE)
