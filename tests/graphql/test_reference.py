"""The reference as the gateway serves it, and as a browser shows it without a script."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from app.reference import site
from app.schema.root import schema
from app.services.tuss_load import published_terms
from tests.browser import chromium
from tests.commands import billing
from tests.gateway import Gateway
from tests.graphql.test_explorer import AXE, FINDINGS, OVERFLOW, SCREENSHOTS, WIDTHS
from tests.length import scaled
from tests.npm import install

SAMPLE = f"document.querySelectorAll('main section').forEach((one, n) => n % {scaled(full=1, short=8)} && one.remove())"
"""Of the sections, which look the same in thousands of lines, every eighth is looked at."""
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Places(HTMLParser):
    """The ids of a page, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []


@pytest.fixture(scope="module")
def pages() -> dict[str, Places]:
    found = site.files({"22": 5964})
    return {name: Places(text.decode()) for name, text in found.items() if name.endswith(".html")}


def test_every_field_of_the_schema_has_one_place(pages: dict[str, Places]) -> None:
    named = [
        each
        for name in ("queries", "mutations", "subscriptions", "objects", "interfaces", "inputs")
        for each in pages[f"{name}.html"].ids
        if "." in each
    ]
    kinds = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)
    types = [each for each in schema._schema.type_map.values() if isinstance(each, kinds)]
    fields = [f"{each.name}.{field}" for each in types if not each.name.startswith("__") for field in each.fields]
    assert sorted(named) == sorted(fields)


def test_every_link_leads_to_a_place_that_exists_once(pages: dict[str, Places]) -> None:
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), name
        targets = {urldefrag(urljoin(name, link)) for link in page.links} - {urldefrag("style.css")}
        local = [each for each in targets if "://" not in each.url]
        assert [each for each in local if each.url not in pages] == [], name
        assert [each for each in local if each.fragment and each.fragment not in pages[each.url].ids] == [], name


async def read(gateway: Gateway, name: str, place: str) -> str:
    """The text of what has this id on a page, to the end of its section."""
    answer = await gateway.client.get(f"/reference/{name}.html")
    assert answer.status_code == 200
    text = re.split(r"<(?:dt|section|tr)\b", answer.text.partition(f'id="{place}"')[2].partition(">")[2])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text[0].replace("><", "> <"))).strip()


SPOTS: Any = [
    (
        "queries",
        "Query.tussTerm",
        "Needs tuss:read. Permission: tuss:read · Cost: 1 of the caller's rate codeSystem: String! TUSS table",
    ),
    ("mutations", "Mutation.submitClaims", "Permission: claims:submit · Cost: 10 of the caller's rate"),
    ("objects", "Claim.claimedAmount", "Permission: amounts:read · Data: FINANCIAL"),
    ("enums", "ClaimStatus.DRAFT", "DRAFT"),
    ("permissions", "biller", "claims:create"),
    ("permissions", "claims:adjudicate", "Roles: reviewer , payer_agent . Mutation: adjudicateClaim"),
    ("data-classes", "HEALTH", "Describes a person&#x27;s health."),
    ("terms", "22", "22 procedures 5,964"),
    ("errors", "STALE_VERSION", "after a change"),
    ("events", "ClaimSubmitted", "br.billing.claim.submitted.v1"),
    ("metrics", "billing_relay_is_leader", "0 or 1"),
    ("settings", "BILLING_REST", "false"),
]


@pytest.mark.parametrize(("name", "place", "expected"), SPOTS)
async def test_what_is_looked_up_stands_at_its_place(gateway: Gateway, name: str, place: str, expected: str) -> None:
    assert expected in await read(gateway, name, place)


async def test_a_page_is_sent_with_a_policy_that_allows_no_script(embedded_gateway: Gateway) -> None:
    client = embedded_gateway.client
    answer = await client.get("/reference/")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text
    # The pages are open in development; what they are about is not.
    assert (await embedded_gateway.gql("{ claims { totalCount } }")).codes == ["UNAUTHENTICATED"]
    assert (await client.get("/reference")).headers["location"] == "/reference/"
    missing = await client.get("/reference/nothing.html")
    assert (missing.status_code, missing.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


def test_the_command_writes_what_the_gateway_serves(tmp_path: Path) -> None:
    done = billing("reference-site", str(tmp_path / "new" / "site"))
    written = {path.name: path.read_bytes() for path in (tmp_path / "new" / "site").iterdir()}
    assert (done.returncode, done.stderr) == (0, f"{len(written)} files in {tmp_path / 'new' / 'site'}\n")
    served = site.files(Counter(row["code_system"] for row in published_terms()))
    assert written == served


async def test_the_pages_are_readable_at_both_widths_in_light_and_dark(embedded_gateway: Gateway) -> None:
    install(AXE)
    await embedded_gateway.gql("{ me { subject } }")
    axe = (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    async with chromium() as browser:
        for name in ("queries", "objects", "inputs", "data-classes", "errors"):
            page = await browser.open(f"{embedded_gateway.url}/reference/{name}.html")
            await page.wait_for("document.querySelector('main h1') !== null")
            await page.evaluate(f"{axe};null")
            for width, scheme in (("phone", "light"), ("laptop", "dark")):
                await page.resize(*WIDTHS[width])
                await page.prefer(scheme)
                assert await page.evaluate(OVERFLOW) == 0, (name, width)
                await page.evaluate(SAMPLE)
                assert await page.evaluate(FINDINGS) == [], (name, width)
                await page.screenshot(SCREENSHOTS / f"reference-{name}-{width}.png")
            assert page.problems == []
