"""Run as a module, it writes docs/pictures/explorer.png: the explorer with an answer from the demo data."""

import asyncio
import tempfile
from pathlib import Path

from app.demo.seed import seed
from app.runtime.build import console_actor
from tests.browser import chromium
from tests.gateway import embedded_settings, running_gateway
from tests.graphql.test_explorer import open_page, run

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "explorer.png"
WIDTH, HEIGHT = 1360, 760
CLAIMS = "document.querySelector('[data-operation=Claims]')"


async def draw(directory: Path) -> None:
    """Choose an operation of the collection, run it, and photograph the page."""
    async with running_gateway(embedded_settings(directory)) as gateway, chromium() as browser:
        parts = gateway.parts
        await seed(parts.database, parts.changes, console_actor("seed-demo"), number=40, on_progress=lambda *_: None)
        page = await open_page(browser, gateway)
        await page.resize(WIDTH, HEIGHT)
        await page.click("button[aria-label='Show Operations']")
        await page.wait_for(f"{CLAIMS} !== null && ({CLAIMS}.scrollIntoView({{ block: 'center' }}), true)")
        await page.click("[data-operation=Claims]")
        await page.wait_for("document.querySelector('.chip-good') !== null")
        await run(page)
        await asyncio.sleep(1)  # until the editors have coloured their text
        await page.screenshot(PICTURE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(draw(Path(name)))
