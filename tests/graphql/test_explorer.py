"""The GraphiQL page as support staff use it, in a real browser against a running gateway."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser import Browser, Page, PageError, chromium

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
CLAIMS, ELIGIBILITY, SETTLEMENTS = 1, 2, 3
TOKEN_FIELD = ".bar-token input"
RUN = ".graphiql-execute-button"
STATUS = "document.querySelector('.bar-status').innerText"
CHANNEL = "document.querySelector('.channel').dataset.state"
IS_KNOWN = "document.querySelector('.chip-good') !== null"
IS_REFUSED = "document.querySelector('.chip-bad') !== null"

A_CLAIM = "query Claims { claims(first: 1) { nodes { cardNumber provider { cnes } payer { ansCode } } } }"
OPEN_INVOICES = """
query Invoices { invoices(filter: {status: [ISSUED, PARTIALLY_SETTLED]}, first: 1) { nodes { id dueAmount } } }
"""
SETTLE = """
mutation SettleInvoice($input: SettleInvoiceInput!) {
  settleInvoice(input: $input) { settlement { id } errors { code message } }
}
"""


class Gateway(Protocol):
    """A live gateway in development mode, with some claims and an issued invoice."""

    url: str

    def token(self, role: str, **claims: Any) -> str:
        """A bearer token for one role."""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def ask(gateway: Gateway, role: str, query: str, variables: dict[str, Any] | None = None) -> Any:
    """The data of an operation that another client runs at the same time."""
    headers = {"authorization": f"Bearer {gateway.token(role, providers=['*'])}"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers) as client:
        answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer
    return answer["data"]


async def settle(gateway: Gateway) -> str:
    """Pay one centavo on some open invoice and return the settlement's id."""
    invoices = (await ask(gateway, "finance", OPEN_INVOICES))["invoices"]["nodes"]
    paid_on = datetime.now(UTC).date().isoformat()
    payment = {"id": invoices[0]["id"], "paidOn": paid_on, "amount": "0.01", "idempotencyKey": str(uuid.uuid4())}
    result = (await ask(gateway, "finance", SETTLE, {"input": payment}))["settleInvoice"]
    assert result["errors"] == []
    return str(result["settlement"]["id"])


def model(name: str) -> str:
    """JavaScript: the text behind one of GraphiQL's editors."""
    return f"__MONACO.editor.getModels().find((model) => model.uri.path.endsWith('{name}'))"


ANSWER = f"{model('response.json')}.getValue()"


async def open_page(browser: Browser, gateway: Gateway) -> Page:
    """The page, with its editors ready."""
    page = await browser.open(f"{gateway.url}/graphql")
    await page.wait_for("document.querySelector('.graphiql-query-editor .view-line') !== null")
    return page


async def choose_tab(page: Page, number: int) -> None:
    tab = f".graphiql-tabs li:nth-child({number})"
    await page.click(f"{tab} button")
    await page.wait_for(f"document.querySelector('{tab}.graphiql-tab-active') !== null")


async def run(page: Page) -> Any:
    """Press the run button; the data that comes back."""
    await page.click(RUN)
    answer = json.loads(await page.wait_for(ANSWER))
    assert "errors" not in answer
    return answer["data"]


async def first_event(page: Page, gateway: Gateway) -> None:
    """Settle until the page hears of it: the socket is open a moment before the gateway listens."""
    for attempt in range(5):
        settlement = await settle(gateway)
        try:
            await page.wait_for(f"{ANSWER}.includes('{settlement}')", seconds=2)
        except PageError:
            assert attempt < 4, "no settlement arrived"
        else:
            return


async def test_query_mutation_and_subscription_with_a_pasted_token(browser: Browser, gateway: Gateway) -> None:
    page = await open_page(browser, gateway)
    assert await page.evaluate("document.title") == "Convênio billing gateway - GraphiQL"

    await page.paste(TOKEN_FIELD, f"Bearer {gateway.token('biller', providers=['*'])}\n")
    assert "biller" in await page.wait_for(f"{IS_KNOWN} && {STATUS}")

    assert (await run(page))["claims"]["nodes"][0]["claimedAmount"]
    await page.screenshot(SCREENSHOTS / "explorer-query.png")

    await choose_tab(page, ELIGIBILITY)
    claim = (await ask(gateway, "biller", A_CLAIM))["claims"]["nodes"][0]
    question = {
        "provider": claim["provider"]["cnes"],
        "payer": claim["payer"]["ansCode"],
        "cardNumber": claim["cardNumber"],
    }
    variables = json.dumps({"input": question}, indent=2)
    await page.evaluate(f"{model('variables.json')}.setValue({json.dumps(variables)})")
    assert (await run(page))["checkEligibility"]["errors"] == []
    await page.screenshot(SCREENSHOTS / "explorer-mutation.png")

    await choose_tab(page, SETTLEMENTS)
    await page.click(RUN)
    await page.wait_for(f"{CHANNEL} === 'live'")
    await first_event(page, gateway)
    await page.wait_for(f"{ANSWER}.includes('{await settle(gateway)}')")
    await page.screenshot(SCREENSHOTS / "explorer-subscription.png")
    await page.prefer("dark")
    await page.screenshot(SCREENSHOTS / "explorer-dark.png")
    await page.click(RUN)
    await page.wait_for(f"{CHANNEL} === 'idle'")

    assert {urlsplit(url).netloc for url in page.requests} == {urlsplit(gateway.url).netloc}
    assert page.problems == []


async def test_examples_fit_the_schema(browser: Browser, gateway: Gateway) -> None:
    page = await open_page(browser, gateway)
    for tab in (CLAIMS, ELIGIBILITY, SETTLEMENTS):
        await choose_tab(page, tab)
        await page.evaluate("new Promise((done) => setTimeout(done, 700))")  # GraphiQL checks half a second later
        assert await page.evaluate("__MONACO.editor.getModelMarkers({}).map((marker) => marker.message)") == []


async def test_the_token_ends_with_the_browser_tab(browser: Browser, gateway: Gateway) -> None:
    page = await open_page(browser, gateway)
    await page.paste(TOKEN_FIELD, gateway.token("biller", providers=["*"]))
    await page.wait_for(IS_KNOWN)
    assert await page.evaluate("Object.keys(localStorage)") == []
    assert await page.evaluate("document.cookie") == ""

    other = await open_page(browser, gateway)
    assert "anonymous" in await other.evaluate(STATUS)


async def test_a_refused_token_is_named(browser: Browser, gateway: Gateway) -> None:
    page = await open_page(browser, gateway)
    await page.paste(TOKEN_FIELD, "not.a.token")
    assert "UNAUTHENTICATED" in await page.wait_for(f"{IS_REFUSED} && {STATUS}")

    await choose_tab(page, SETTLEMENTS)
    await page.click(RUN)
    assert "4403" in await page.wait_for(ANSWER)
    await page.screenshot(SCREENSHOTS / "explorer-refused.png")
