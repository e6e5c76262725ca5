"""The pages about the endpoints as a browser shows them: from the gateway's own files, under its strict policy."""

import asyncio
from pathlib import Path

from tests.browser import chromium
from tests.gateway import Gateway
from tests.npm import install

ROOT = Path(__file__).parents[2]
SHOWN = {"docs": ".opblock-summary-path", "redoc": "[id='tag/claims']"}
REDOCLY = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""The maker's logo, which ReDoc asks for and the policy keeps away."""


async def test_the_pages_show_every_endpoint_and_load_nothing_from_elsewhere(embedded_gateway: Gateway) -> None:
    install(ROOT / "rest-pages")
    await _build()
    gateway = embedded_gateway
    async with chromium() as browser:
        for name, selector in SHOWN.items():
            answer = await gateway.client.get(f"/{name}")
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self';" in policy
            assert "default-src 'none'" in policy
            page = await browser.open(f"{gateway.url}/{name}")
            await page.wait_for(f"""document.querySelector("{selector}")?.innerText""")
            text = await page.evaluate("document.body.innerText")
            assert "Record a payment, in full or in part" in text
            assert [url for url in page.requests if not url.startswith((gateway.url, "data:", REDOCLY))] == []
            assert [each for each in page.problems if REDOCLY not in each] == []
    # The pages are open, and what they are about is not.
    assert (await gateway.gql("{ claims { totalCount } }")).codes == ["UNAUTHENTICATED"]


async def _build() -> None:
    process = await asyncio.create_subprocess_exec("npm", "run", "build", "--silent", cwd=ROOT / "rest-pages")
    assert await process.wait() == 0
