"""A headless Chromium for tests, driven over the DevTools protocol: open a page, act like a person, see its traffic."""

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.servers.base import UnavailableError
from tests.servers.launch import launch, make_workspace, remove_workspace
from tests.servers.packages import apt_install

START_SECONDS = 30.0
ANSWER_SECONDS = 20.0
WAIT_SECONDS = 20.0
STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_CONTROL = 2
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
)


class BrowserMissingError(RuntimeError):
    """No Chromium on this machine; the text names the command that installs one."""


class BrowserFailedError(RuntimeError):
    """Chromium did not start, left, or refused a DevTools command."""


class PageError(AssertionError):
    """JavaScript of a test threw, or what it waited for did not happen in time."""


def find_chromium() -> str:
    """The path of a Chromium, installed by apt if need be and allowed; BrowserMissingError when there is none."""
    found = _installed_chromium()
    if found is None:
        try:
            apt_install(["chromium"])
        except UnavailableError as error:
            message = f"no Chromium found ({error}); install one with: apt-get install --yes chromium"
            raise BrowserMissingError(message) from error
        found = _installed_chromium()
    if found is None:
        raise BrowserMissingError("the package chromium is installed, but no Chromium is on the path")
    return found


def _installed_chromium() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path is not None), None)


class Connection:
    """The DevTools socket: commands with their answers, and events handed to the listener of their session."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last_id = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        self._orders: set[asyncio.Task[dict[str, Any]]] = set()
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result; BrowserFailedError when Chromium refuses, leaves or is silent."""
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[message["id"]] = answer
        await self._socket.send(json.dumps(message))
        try:
            reply = await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            raise BrowserFailedError(f"{method}: no answer within {ANSWER_SECONDS:g} s") from None
        if "error" in reply:
            raise BrowserFailedError(f"{method}: {reply['error']['message']}")
        result: dict[str, Any] = reply["result"]
        return result

    def order(self, method: str, session: str) -> None:
        """Send a command without waiting, as a listener has to; nobody hears of its failure."""
        task = asyncio.create_task(self.call(method, session))
        self._orders.add(task)
        task.add_done_callback(self._forget)

    def listen(self, session: str, listener: Callable[[str, dict[str, Any]], None]) -> None:
        """Hand every event of this session to `listener(method, params)`."""
        self._listeners[session] = listener

    async def close(self) -> None:
        """Close the socket; what still waits for an answer fails."""
        await self._socket.close()
        await self._reader

    def _forget(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._orders.discard(task)
        if not task.cancelled():
            task.exception()

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                self._settle(message["id"], message)
            else:
                listener = self._listeners.get(message.get("sessionId", ""))
                if listener is not None:
                    listener(message["method"], message["params"])
        for number in list(self._answers):
            self._settle(number, {"error": {"message": "Chromium closed the connection"}})

    def _settle(self, number: int, reply: dict[str, Any]) -> None:
        answer = self._answers.pop(number)
        if not answer.done():
            answer.set_result(reply)


class Page:
    """One tab. `requests` holds the address of everything it and its workers asked for, `problems` what went wrong."""

    def __init__(self, connection: Connection, session: str) -> None:
        self._connection = connection
        self._session = session
        self.requests: list[str] = []
        self.problems: list[str] = []

    @classmethod
    async def open(cls, connection: Connection, url: str, width: int, height: int) -> Self:
        """A new tab that watches its traffic from the first request on, then goes to `url`."""
        target = await connection.call("Target.createTarget", url="about:blank")
        attached = await connection.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = cls(connection, attached["sessionId"])
        connection.listen(page._session, page._on_event)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.call(f"{domain}.enable")
        await page.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        await page.resize(width, height)
        navigation = await page.call("Page.navigate", url=url)
        if navigation.get("errorText"):
            raise PageError(f"{url}: {navigation['errorText']}")
        await page.wait_for("document.readyState === 'complete'")
        return page

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A DevTools command for this tab."""
        return await self._connection.call(method, self._session, **params)

    async def resize(self, width: int, height: int) -> None:
        """Give the tab this size in pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def evaluate(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression, promises awaited; PageError when it throws."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            raise PageError(_description(result["exceptionDetails"]))
        return result["result"].get("value")

    async def wait_for(self, expression: str, seconds: float = WAIT_SECONDS) -> Any:
        """Ask again until the value is not null, false or "", and return it; PageError when `seconds` are over."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        while (value := await self._value(expression)) in (None, False, ""):
            if clock() > deadline:
                text = await self.evaluate("document.body.innerText")
                problems = "\n".join(self.problems)
                raise PageError(f"not within {seconds:g} s: {expression}\n{problems}\nThe page reads:\n{text}")
            await asyncio.sleep(_POLL_SECONDS)
        return value

    async def _value(self, expression: str) -> Any:
        """The value; None of a page that is being left for the next one."""
        try:
            return await self.evaluate(expression)
        except BrowserFailedError as error:
            if "navigated" not in str(error):
                raise
            return None

    async def click(self, selector: str) -> None:
        """Wait for an element and press the mouse in its middle."""
        x, y = await self.wait_for(
            f"""(() => {{
                const box = document.querySelector({json.dumps(selector)})?.getBoundingClientRect();
                return box?.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def hover(self, selector: str, text: str) -> None:
        """Move the mouse over the word in one of these elements."""
        x, y = await self.wait_for(
            f"""(() => {{
                const words = [...document.querySelectorAll({json.dumps(selector + " span")})];
                const word = words.findLast((each) => each.textContent.trim() === {json.dumps(text)});
                const box = word?.getBoundingClientRect();
                return box?.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
            }})()"""
        )
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def paste(self, selector: str, text: str) -> None:
        """Replace what an input field holds by Ctrl+V from the clipboard."""
        await self.click(selector)
        await self.evaluate(f"document.activeElement.select(), navigator.clipboard.writeText({json.dumps(text)})")
        key = {"key": "v", "code": "KeyV", "windowsVirtualKeyCode": ord("V"), "modifiers": _CONTROL}
        await self.call("Input.dispatchKeyEvent", type="rawKeyDown", commands=["paste"], **key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    async def prefer(self, scheme: str) -> None:
        """Let the page believe that the system prefers this colour scheme: dark or light."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.call("Emulation.setEmulatedMedia", features=[feature])

    async def speak(self, language: str) -> None:
        """Load the page again for a reader who prefers this language."""
        agent, url = await self.evaluate("[navigator.userAgent, location.href]")
        await self.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        await self.call("Page.navigate", url=url)
        await self.wait_for("document.readyState === 'complete'")

    async def screenshot(self, path: Path) -> None:
        """Write what the tab shows as a PNG."""
        result = await self.call("Page.captureScreenshot", format="png")
        _write(path, base64.b64decode(result["data"]))

    def _on_event(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self._asked_for(params["request"]["url"])
            case "Network.webSocketCreated":
                self._asked_for(params["url"])
            case "Runtime.exceptionThrown":
                self.problems.append(_description(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}".strip())
            case "Target.attachedToTarget":  # a worker, halted until its traffic is watched as well
                worker = params["sessionId"]
                self._connection.listen(worker, self._on_event)
                for command in ("Network.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"):
                    self._connection.order(command, worker)

    def _asked_for(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):  # these two never leave the page
            self.requests.append(url)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _description(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details["text"])


class Browser:
    """A running Chromium that resolves no name and so reaches nothing but this machine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self, url: str, width: int = 1440, height: int = 900) -> Page:
        """A new tab at `url`, loaded, with the clipboard allowed."""
        allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        await self._connection.call("Browser.grantPermissions", permissions=allowed)
        return await Page.open(self._connection, url, width, height)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A Chromium with an empty profile for the length of the block; BrowserMissingError, BrowserFailedError."""
    program = find_chromium()
    workspace = make_workspace("chromium")
    profile, log = workspace / "profile", workspace / "chromium.log"
    process = launch([program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"], log, signal.SIGTERM)
    try:
        address = await asyncio.to_thread(_devtools_address, process, profile / "DevToolsActivePort", log)
        async with connect(address, max_size=None, compression=None, proxy=None) as socket:
            connection = Connection(socket)
            try:
                yield Browser(connection)
            finally:
                await connection.close()
    finally:
        await asyncio.to_thread(_stop, process)
        remove_workspace(workspace)


def _devtools_address(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        lines = port_file.read_text(encoding="ascii").split() if port_file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(_POLL_SECONDS)
    raise BrowserFailedError(f"Chromium did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End Chromium, and then those of its helpers that would still write into the profile."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its session is its own
        time.sleep(_POLL_SECONDS)
