"""Headless Chromium, driven over a pair of pipes (the DevTools protocol): a look at a page as a browser shows it."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
UNPACKED = Path(__file__).resolve().parent.parent.parent / ".tools" / "root" / "usr" / "lib"
"""Where deploy/tools.sh unpacks what is not installed."""
ANSWER_S = 30.0


def installed():
    """The path of a Chromium, or None: one of this machine, or the unpacked one."""
    own = UNPACKED / "chromium" / "chromium"
    return next((found for name in NAMES if (found := shutil.which(name))), str(own) if (own.parent / ".whole").is_file() else None)


def surroundings(program: str) -> dict[str, str]:
    """The environment of `program`: the unpacked one finds the libraries that were unpacked with it."""
    if not Path(program).is_relative_to(UNPACKED):
        return dict(os.environ)
    folders = sorted({str(library.parent) for triplet in UNPACKED.glob("*-linux-gnu") for library in (*triplet.glob("*.so*"), *triplet.glob("*/*.so*"))})
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}


class Chromium:
    """A browser with one tab. What it asks for, and what its console says, is kept."""

    def __init__(self, program: str, folder: Path) -> None:
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        command = [
            *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-sync"),
            *("--disable-component-update", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank"),
        ]

        def pipes() -> None:  # the browser reads commands from 3 and answers on 4
            high = [os.dup(theirs_in), os.dup(theirs_out)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.log = (folder.parent / f"{folder.name}.log").open("wb")
        self.process = subprocess.Popen(command, close_fds=False, preexec_fn=pipes, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=surroundings(program))
        os.close(theirs_in)
        os.close(theirs_out)
        self.reads, self.writes, self.buffer, self.number = ours_in, ours_out, b"", 0
        self.session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.loads = 0
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.reads)
        os.close(self.writes)
        self.log.close()

    def ask(self, method: str, **parameters: object) -> dict:
        """A command, and its result."""
        self.number += 1
        own = self.number
        message = {"id": own, "method": method, "params": parameters} | ({"sessionId": self.session} if self.session else {})
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while True:
            said = self.hear(deadline, method)
            if said.get("id") == own:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]

    def hear(self, deadline: float, wanted: str) -> dict:
        """The next message; events are kept by what they say."""
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reads], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the browser does not answer {wanted}"
            part = os.read(self.reads, 1_000_000)
            assert part, "the browser has ended"
            self.buffer += part
        text, _, self.buffer = self.buffer.partition(b"\0")
        said = json.loads(text)
        match said.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(said["params"]["exceptionDetails"].get("exception", {}).get("description", "an exception"))
            case "Runtime.consoleAPICalled" if said["params"]["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(said["params"]["args"]))
            case "Log.entryAdded" if said["params"]["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{said['params']['entry']['text']} {said['params']['entry'].get('url', '')}")
            case "Page.loadEventFired":
                self.loads += 1
        return said

    def wait_loaded(self, loads: int) -> None:
        """Wait until more pages than `loads` are loaded."""
        deadline = time.monotonic() + ANSWER_S
        while self.loads <= loads:
            self.hear(deadline, "a page")

    def open(self, url: str) -> None:
        """Open a page."""
        loads = self.loads
        self.ask("Page.navigate", url=url)
        self.wait_loaded(loads)

    def do(self, script: str) -> object:
        """The value of an expression in the page."""
        said = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def html(self) -> str:
        """The page as it is now; also where scripts may not run."""
        root = self.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
        return self.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"]

    def submit(self, script: str) -> None:
        """Run what leads to another page, and wait for it."""
        loads = self.loads
        self.do(script)
        self.wait_loaded(loads)

    def wait_for(self, script: str, seconds: float = 20) -> object:
        """Wait until an expression is true in the page."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.do(script):
                return found
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds} s: {script}\n{self.do('document.body.innerText')}")

    def size(self, width: int, height: int = 900) -> None:
        """The width and height of the window, in CSS pixels. Not as a phone's browser: it would zoom out where a page is too wide, which a test has to see."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """`light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def scripts(self, *, on: bool) -> None:
        """Whether pages may run scripts."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not on)

    def press(self, key: str, code: int) -> None:
        """A key, down and up."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text="\r" if key == "Enter" and kind == "keyDown" else "")

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of the page."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]))
