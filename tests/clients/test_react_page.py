"""The React page of the documents in a browser, on an origin of its own: the list, each new one, and a refusal."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.browser import Browser, Page, chromium
from tests.clients.built import SCHEMA_TOOLS
from tests.clients.watching import EXAMPLES
from tests.factories import new_world
from tests.gateway import Gateway
from tests.npm import install

FILES = ("Settlements.tsx", "apollo-client.ts", "resuming.mjs")
ADDRESS = "http://127.0.0.1:8000"
EMPTY = '<!doctype html><title>Settlements</title><link rel="icon" href="data:,"><body>'
SCRIPT = '<script type="module" src="/src/Settlements.tsx"></script>'
SHOWN = "[...document.querySelectorAll('li')].map((each) => each.innerText).join()"
ALERT = "document.querySelector('[role=alert]')?.innerText"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


def _built(folder: Path, url: str) -> Path:
    """The page as vite builds it, for the gateway at this address; `empty.html` is beside it."""
    install(EXAMPLES)
    install(SCHEMA_TOOLS)
    source = folder / "src"
    source.mkdir()
    for name in FILES:
        shutil.copy(EXAMPLES / name, source)
    page = source / FILES[0]
    assert page.read_text().count(ADDRESS) == 1
    page.write_text(page.read_text().replace(ADDRESS, url))
    (folder / "index.html").write_text(EMPTY + SCRIPT)
    (folder / "node_modules").symlink_to(EXAMPLES / "node_modules")
    vite = SCHEMA_TOOLS / "node_modules" / "vite" / "bin" / "vite.js"
    command = ["node", str(vite), "build", "--logLevel", "warn"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "dist" / "empty.html").write_text(EMPTY)
    return folder / "dist"


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The origin under which the folder is served until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def _opened(browser: Browser, origin: str, token: str) -> Page:
    """The page, with the token that it would otherwise ask for."""
    page = await browser.open(f"{origin}/empty.html")
    await page.evaluate(f"sessionStorage.token = '{token}'")
    await page.call("Page.navigate", url=origin)
    return page


async def test_the_page_shows_the_list_each_new_settlement_and_a_refusal(
    embedded_gateway: Gateway, tmp_path: Path
) -> None:
    world = await new_world(embedded_gateway)
    invoice = await world.issued_invoice("100.00")
    await world.settle(invoice["id"], "10.00")
    with _served(await asyncio.to_thread(_built, tmp_path, embedded_gateway.url)) as origin:
        async with chromium() as browser:
            page = await _opened(browser, origin, world.token("finance"))
            await page.wait_for(f"{SHOWN} === '10.00'")
            await world.settle(invoice["id"], "25.00")
            await page.wait_for(f"{SHOWN} === '25.00,10.00'")
            assert (await page.evaluate(ALERT), page.problems) == (None, [])
            refused = await _opened(browser, origin, world.token("front_desk"))
            assert "settlements:read" in await refused.wait_for(ALERT)
