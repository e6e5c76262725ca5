"""The GraphiQL page as support staff use it, in a real browser against a running gateway."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from graphql import OperationDefinitionNode, parse, print_ast, validate
from graphql.execution.values import VariableValues, get_variable_values

from app.auth.roles import ROLES
from app.demo.parties import scope_of_role
from app.demo.seed import seed
from app.runtime.build import console_actor
from tests.browser import Browser, Page, chromium
from tests.factories import World, today
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.npm import install
from tests.published import SCHEMA

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var" / "screenshots"
AXE = ROOT / "tests" / "axe"
WIDTHS = {"phone": (390, 844), "laptop": (1280, 800)}
PANES = {
    ("phone", "light"): "Reference",
    ("phone", "dark"): "GraphiQL Explorer",
    ("laptop", "light"): "Documentation Explorer",
    ("laptop", "dark"): "Operations",
}
ELIGIBILITY, SETTLEMENTS = 2, 3
TOKEN_FIELD = ".bar-token input"
RUN = ".graphiql-execute-button"
STATUS = "document.querySelector('.bar-status').innerText"
CHANNEL = "document.querySelector('.channel').dataset.state"
IS_KNOWN = "document.querySelector('.chip-good') !== null"
IS_READY = "document.querySelector('.graphiql-query-editor .view-line') !== null"
IS_REFUSED = "document.querySelector('.chip-bad') !== null"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


def model(name: str) -> str:
    """JavaScript: the model behind one of GraphiQL's editors."""
    return f"__MONACO.editor.getModels().find((model) => model.uri.path.endsWith('{name}'))"


ANSWER = f"{model('response.json')}.getValue()"


async def open_page(browser: Browser, gateway: Gateway) -> Page:
    """The page, with its editors ready."""
    page = await browser.open(f"{gateway.url}/graphql")
    await page.wait_for(IS_READY)
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


async def subscribe(page: Page, gateway: Gateway) -> None:
    """Press the run button and wait until the gateway listens for this page."""
    before = gateway.parts.hub.subscribers
    await page.click(RUN)
    await page.wait_for(f"{CHANNEL} === 'live'")
    async with asyncio.timeout(10):
        while True:
            if gateway.parts.hub.subscribers > before:
                return
            await asyncio.sleep(0.01)


async def test_query_mutation_and_subscription_with_a_pasted_token(
    browser: Browser, gateway: Gateway, world: World
) -> None:
    invoice = await world.issued_invoice("450.00")
    page = await open_page(browser, gateway)
    assert await page.evaluate("document.title") == "Convênio billing gateway - GraphiQL"

    await page.paste(TOKEN_FIELD, f"Bearer {world.token('biller')}\n")
    assert "biller" in await page.wait_for(f"{IS_KNOWN} && {STATUS}")

    found = await run(page)
    assert [claim["claimedAmount"] for claim in found["claims"]["nodes"]] == ["450.00"]
    await page.screenshot(SCREENSHOTS / "explorer-query.png")

    await choose_tab(page, ELIGIBILITY)
    question = {"providerCnes": world.provider, "payerAnsCode": world.payer, "cardNumber": world.card}
    variables = json.dumps({"input": question}, indent=2)
    await page.evaluate(f"{model('variables.json')}.setValue({json.dumps(variables)})")
    found = await run(page)
    assert found["checkEligibility"]["eligibility"]["outcome"] == "ELIGIBLE"
    await page.screenshot(SCREENSHOTS / "explorer-mutation.png")

    await choose_tab(page, SETTLEMENTS)
    await subscribe(page, gateway)
    for amount in ("100.00", "250.00"):
        settled = await world.settle(invoice["id"], amount)
        event = json.loads(await page.wait_for(f"{ANSWER}.includes('{settled['settlement']['id']}') && {ANSWER}"))
        assert event["data"]["settlementRecorded"]["settlement"]["amount"] == amount
    await page.screenshot(SCREENSHOTS / "explorer-subscription.png")
    await page.prefer("dark")
    await page.screenshot(SCREENSHOTS / "explorer-dark.png")
    await page.click(RUN)
    await page.wait_for(f"{CHANNEL} === 'idle'")

    assert {urlsplit(url).netloc for url in page.requests} == {urlsplit(gateway.url).netloc}
    assert page.problems == []


def check_example(query: str, variables: dict[str, Any]) -> None:
    document = parse(query)
    assert validate(SCHEMA, document) == []
    operation = cast("OperationDefinitionNode", document.definitions[0])
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues), values


async def test_the_examples_fit_the_schema(browser: Browser, gateway: Gateway) -> None:
    page = await open_page(browser, gateway)
    tabs = json.loads(await page.wait_for("sessionStorage.getItem('graphiql:tabState')"))["tabs"]
    assert len(tabs) == 3
    for tab in tabs:
        check_example(tab["query"], json.loads(tab["variables"] or "{}"))


async def test_the_token_ends_with_the_browser_tab(browser: Browser, gateway: Gateway) -> None:
    page = await open_page(browser, gateway)
    await page.paste(TOKEN_FIELD, gateway.token("biller"))
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


SECRETS = "JSON.stringify({ ...sessionStorage }) + __MONACO.editor.getModels().map((model) => model.getValue()).join()"


async def test_forget_leaves_no_answer_no_variable_and_no_history(
    browser: Browser, gateway: Gateway, world: World
) -> None:
    await world.create_claim()
    page = await open_page(browser, gateway)
    await page.paste(TOKEN_FIELD, world.token("biller"))
    await page.wait_for(IS_KNOWN)
    identifier = (await run(page))["claims"]["nodes"][0]["id"]
    await choose_tab(page, ELIGIBILITY)
    question = {"providerCnes": world.provider, "payerAnsCode": world.payer, "cardNumber": world.card}
    variables = json.dumps({"input": question})
    await page.evaluate(f"{model('variables.json')}.setValue({json.dumps(variables)})")
    await run(page)
    await page.wait_for(f"({SECRETS}).includes('{world.card}') && ({SECRETS}).includes('ELIGIBLE')")
    await page.evaluate("window.isOld = true")

    await page.click(".bar-token button:last-of-type")
    await page.wait_for(
        "!window.isOld && document.readyState === 'complete' && "
        "document.querySelector('.graphiql-query-editor .view-line') !== null"
    )
    assert "anonymous" in await page.wait_for(f"{STATUS}.includes('anonymous') && {STATUS}")
    left = await page.evaluate(SECRETS)
    for secret in (identifier, world.card, world.provider, "ELIGIBLE", "eyJ"):
        assert secret not in left
    assert await page.evaluate("sessionStorage.getItem('gateway:token')") is None


DAYS = {
    "today": today(),
    "month": today(),
    "monthStart": today().replace(day=1),
    "monthEnd": today().replace(day=1) + timedelta(days=27),
    "nextMonth": today() + timedelta(days=30),
    "yearStart": today().replace(month=1, day=1),
    "nextYear": today() + timedelta(days=365),
}
HINTS = "[...document.querySelectorAll('.monaco-hover')].map((each) => each.innerText).join('')"
ONE_CLAIM = "document.querySelector('[data-operation=OneClaim]')"
# What a document needs before it runs, beside data: `first` of variables.json says it in the editor.
NOT_IN_THE_DEMO = {
    "Terms": "NOT_FOUND",  # the payers of the register
    "AcceptRecalculations": "NOT_FOUND",  # a waiting line
    "MergePatients": "CONFLICT",  # a person who was registered twice
}


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway with the data of `make run`."""
    async with running_gateway(embedded_settings(tmp_path_factory.mktemp("demo"))) as found:
        parts = found.parts
        await seed(parts.database, parts.changes, console_actor("seed-demo"), number=40, on_progress=lambda *_: None)
        yield found


def collection() -> list[dict[str, Any]]:
    """What the page's collection is built from."""
    done = subprocess.run(["node", "explorer/operations.mjs"], cwd=ROOT, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_collection_has_every_operation_of_the_documents_and_some_for_each_role() -> None:
    found = collection()
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "explorer" / "operations.md"]
    blocks = [text for page in pages for text in re.findall(r"```graphql\n(.*?)```", page.read_text(), re.DOTALL)]
    shown = [cast("OperationDefinitionNode", each) for text in blocks for each in parse(text).definitions]
    assert {print_ast(each) for each in shown} == {print_ast(parse(each["query"])) for each in found}
    assert {each["role"] for each in found} == set(ROLES)
    assert [each["name"] for each in found if validate(SCHEMA, parse(each["query"]))] == []


def test_every_operation_role_and_hint_has_portuguese_words() -> None:
    found, words = collection(), json.loads((ROOT / "explorer" / "portuguese.json").read_text(encoding="utf-8"))
    sources = [source for each in found for source in each["variables"].values()]
    names = {each["name"] for each in found}
    assert names == words["operations"].keys()
    assert set(ROLES) == words["roles"].keys()
    assert {source["first"] for source in sources if "first" in source} <= words["texts"].keys()
    assert {source["run"] for source in sources if "run" in source} <= names
    assert [each["source"] for each in found if each["portugueseSource"] == each["source"]] == []


async def value_of(demo: Gateway, source: dict[str, str], role: str) -> Any:
    """As the page finds it: the path in what a query answers, or the value that is given."""
    if "day" in source:
        return DAYS[source["day"]].isoformat()[: 7 if source["day"] == "month" else 10]
    if "query" not in source:
        return source.get("value")
    found: Any = (await demo.gql(source["query"], token=demo.token(role, **scope_of_role(role)))).data
    for name in source["path"].split("."):
        if isinstance(found, list):
            found = found[int(name)] if len(found) > int(name) else None
        else:
            found = found and found[name]
    return found


async def test_every_operation_of_the_collection_works_on_the_demo_data(demo: Gateway) -> None:
    refused: dict[str, str] = {}
    for each in collection():
        name, role, sources = each["name"], each["role"], each["variables"]
        values = {variable: await value_of(demo, source, role) for variable, source in sources.items()}
        missing = [variable for variable, value in values.items() if value is None and "value" not in sources[variable]]
        assert all(sources[variable].keys() & {"first", "run"} for variable in missing), (name, missing)
        if missing or each["kind"] == "subscription":
            continue
        answer = await demo.gql(each["query"], values, token=demo.token(role, **scope_of_role(role)))
        payloads = [payload for payload in answer.data.values() if isinstance(payload, dict)]
        for error in [error for payload in payloads for error in payload.get("errors") or []]:
            refused[name] = error["code"]
    assert refused.items() <= NOT_IN_THE_DEMO.items()


async def test_a_clerk_chooses_an_operation_and_runs_it(browser: Browser, demo: Gateway) -> None:
    page = await open_page(browser, demo)
    await page.resize(*WIDTHS["phone"])
    await page.click("button[aria-label='Show Operations']")
    await page.wait_for(f"{ONE_CLAIM} !== null && ({ONE_CLAIM}.scrollIntoView(), true)")
    await page.click("[data-operation=OneClaim]")
    claim_id = json.loads(await page.wait_for(f"{model('variables.json')}.getValue()"))["id"]
    assert "reviewer" in await page.wait_for(f"{IS_KNOWN} && {STATUS}")
    assert await page.evaluate("document.querySelector('.bar select').value") == "reviewer"
    assert (await run(page))["claim"]["id"] == claim_id

    await page.click("button[aria-label='Copy as curl']")
    await page.wait_for("document.querySelector('.curl-icon').innerText === '✓'")
    command = await page.evaluate("navigator.clipboard.readText()")
    copied = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    assert json.loads((await copied.communicate())[0])["data"]["claim"]["id"] == claim_id

    await page.resize(*WIDTHS["laptop"])
    await page.hover(".graphiql-query-editor .view-line", "claim")
    await page.wait_for(f'{HINTS}.includes("Permission: claims:read · Cost: 1 of the caller\'s rate")')
    await page.hover(".graphiql-query-editor .view-line", "patient")
    hint = await page.wait_for(f"{HINTS}.includes('patients:read') && {HINTS}")
    assert "Permission: patients:read, or patients:read_masked · Data: PERSONAL" in hint
    assert page.problems == []


async def test_a_reader_of_portuguese_finds_the_page_in_it(browser: Browser, demo: Gateway) -> None:
    page = await open_page(browser, demo)
    await page.speak("pt-BR")
    await page.wait_for(IS_READY)
    assert await page.evaluate("document.documentElement.lang") == "pt-BR"
    assert "as requisições são anônimas" in await page.evaluate(STATUS)
    await page.click("button[aria-label='Show Operações']")
    group = "document.querySelector('.operations h3').innerText"
    assert await page.wait_for(group) == "billing_reader · consulta"
    button = "document.querySelector('[data-operation=RecordAppealAnswers]')"
    assert (await page.evaluate(f"({button}.scrollIntoView(), {button}.innerText)")).splitlines() == [
        "Registrar as respostas a recursos",
        "mutação · Recursos de glosa",
    ]
    await page.click("[data-operation=RecordAppealAnswers]")
    hint = "$xml: nada encontrado. Antes, cole a resposta da operadora."
    await page.wait_for(f"{model('operation.graphql')}.getValue().startsWith('# {hint}')")
    await page.hover(".graphiql-query-editor .view-line", "recordAppealAnswers")
    await page.wait_for(f"{HINTS}.includes('Permissão: appeals:record')")
    await _load_axe(page)
    assert await page.evaluate(FINDINGS) == []
    await page.screenshot(SCREENSHOTS / "explorer-portuguese.png")


OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NARROWEST = """Math.min(...['.graphiql-query-editor', '.graphiql-response', '.bar-token input'].map(
    (part) => document.querySelector(part).getBoundingClientRect().width))"""
FINISHED = "(one) => one.effect.getComputedTiming().iterations === Infinity || one.finished"
"""A hint that still fades in is as faint as it will never be read."""
FINDINGS = f"""Promise.all(document.getAnimations().map({FINISHED})).then(() => axe.run())
    .then((found) => found.violations.map((one) => `${{one.id}}: ${{one.nodes[0].html}}`))"""


async def _load_axe(page: Page) -> None:
    install(AXE)
    # Monaco has a module loader, which axe would otherwise give itself to.
    await page.evaluate("delete window.define")
    await page.evaluate((AXE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8") + ";null")


async def test_nobody_is_shut_out_at_either_width_in_light_or_dark(browser: Browser, demo: Gateway) -> None:
    page = await open_page(browser, demo)
    await page.paste(TOKEN_FIELD, demo.token("biller", providers=["*"]))
    await page.wait_for(IS_KNOWN)
    await run(page)
    await _load_axe(page)
    for name, (width, height) in WIDTHS.items():
        await page.resize(width, height)
        assert await page.evaluate(OVERFLOW) == 0, name
        assert await page.evaluate(NARROWEST) > 120, name
        for scheme in ("light", "dark"):
            await page.prefer(scheme)
            theme = "vs-dark" if scheme == "dark" else "vs"
            await page.wait_for(f"document.querySelectorAll('.monaco-editor:not(.{theme})').length === 0")
            if (name, scheme) in PANES:
                await page.click(f"button[aria-label='Show {PANES[name, scheme]}']")
                await page.wait_for("document.querySelector('.graphiql-plugin :is(input, h1)') !== null")
            assert await page.evaluate(FINDINGS) == [], (name, scheme)
            await page.screenshot(SCREENSHOTS / f"explorer-{name}-{scheme}.png")
