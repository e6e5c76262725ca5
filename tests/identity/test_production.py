"""What production hides: the schema, costs, the explorer, and whatever is expensive to refuse."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from graphql import get_introspection_query

from tests.browser import chromium
from tests.gateway import Gateway, production_settings, running_gateway
from tests.identity.stand_in import StandIn, new_key, stand_in
from tests.servers.launch import free_port
from tests.services import Services

ROOT = Path(__file__).parents[2]
KEY = new_key("production")
PROBES = ("{ __schema { queryType { name } } }", '{ me { subject } __type(name: "Claim") { name } }')
PANE = "document.querySelector('.reference')"


@pytest.fixture(scope="module")
def issuing() -> Iterator[StandIn]:
    with stand_in() as found:
        found.keys = [KEY]
        yield found


@pytest.fixture(scope="module")
async def production(
    issuing: StandIn, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    directory = tmp_path_factory.mktemp("production")
    settings = await production_settings(directory, services, oidc_issuer=issuing.issuer, jwks_url=None)
    port = free_port()
    settings = settings.model_copy(update={"port": port, "explorer_origins": f"http://127.0.0.1:{port}"})
    async with running_gateway(settings) as found:
        yield found


def _token(issuing: StandIn, role: str | None) -> str | None:
    return None if role is None else issuing.token(KEY, roles=[role], providers=["*"])


@pytest.mark.parametrize("role", [None, "biller", "reviewer", "finance"])
@pytest.mark.parametrize("probe", [*PROBES, get_introspection_query()])
async def test_the_schema_is_hidden_without_the_permission(
    production: Gateway, issuing: StandIn, role: str | None, probe: str
) -> None:
    answer = await production.gql(probe, token=_token(issuing, role))
    assert answer.codes == (["UNAUTHENTICATED"] if role is None else ["FORBIDDEN"])
    assert "data" not in answer.body
    if role is not None:
        assert answer.body["errors"][0]["extensions"]["permission"] == "schema:introspect"


async def test_an_administrator_sees_the_schema_and_no_one_sees_costs(production: Gateway, issuing: StandIn) -> None:
    answer = await production.gql(get_introspection_query(), token=_token(issuing, "admin"))
    assert answer.data["__schema"]["queryType"]["name"] == "Query"
    assert "extensions" not in answer.body


async def test_the_text_of_the_schema_needs_the_same_permission(production: Gateway, issuing: StandIn) -> None:
    answers = {}
    for role in (None, "biller", "admin"):
        headers = {} if role is None else {"authorization": f"Bearer {_token(issuing, role)}"}
        answers[role] = await production.client.get("/schema.graphql", headers=headers)
    assert [answer.status_code for answer in answers.values()] == [401, 403, 200]
    assert answers["biller"].json()["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "permission": "schema:introspect",
    }
    assert answers["admin"].text == (ROOT / "schema.graphql").read_text()


async def test_the_reference_needs_the_same_permission(production: Gateway, issuing: StandIn) -> None:
    admin = {"authorization": f"Bearer {_token(issuing, 'admin')}"}
    biller = {"authorization": f"Bearer {_token(issuing, 'biller')}"}
    for name in ("", "objects.html", "terms.html", "style.css", "nothing.html"):
        refused = [await production.client.get(f"/reference/{name}", headers=each) for each in ({}, biller)]
        assert [answer.status_code for answer in refused] == [401, 403], name
        assert refused[1].json()["errors"][0]["extensions"]["permission"] == "schema:introspect"
        shown = await production.client.get(f"/reference/{name}", headers=admin)
        assert shown.status_code == (404 if name == "nothing.html" else 200), name


async def test_the_explorer_shows_the_reference_to_a_token_with_the_permission(
    production: Gateway, issuing: StandIn
) -> None:
    async with chromium() as browser:
        page = await browser.open(f"{production.url}/graphql")
        await page.wait_for("document.querySelector('.graphiql-query-editor .view-line') !== null")
        assert await page.evaluate("document.querySelector('.bar select')") is None
        await page.click("button[aria-label='Show Reference']")
        assert "schema:introspect" in await page.wait_for(f"{PANE}.querySelector('[role=alert]')?.innerText")
        await page.paste(".bar-token input", _token(issuing, "admin") or "")
        await page.wait_for(f"{PANE}.querySelector('a[href=\"permissions.html\"]') !== null")
        await page.click(".reference a[href='permissions.html']")
        field = "[id='claims:adjudicate'] a[href='mutations.html#Mutation.adjudicateClaim']"
        found = f'{PANE}.querySelector("{field}")'
        await page.wait_for(f"{found} !== null && ({found}.scrollIntoView(), true)")
        await page.click(f".reference {field}")
        shown = f"{PANE}.querySelector('[id=\"Mutation.adjudicateClaim\"]')"
        assert "AdjudicateClaimPayload" in await page.wait_for(f"{shown}?.innerText")
        assert [each for each in page.problems if "401" not in each] == []


async def test_an_unknown_field_is_named_without_a_hint(production: Gateway, issuing: StandIn) -> None:
    answer = await production.gql("{ clams { nodes { id } } }", token=_token(issuing, "biller"))
    assert [error["message"] for error in answer.body["errors"]] == ["Cannot query field 'clams' on type 'Query'."]


async def test_an_unknown_field_is_not_even_named_without_a_token(production: Gateway) -> None:
    answers = [await production.gql(query) for query in ("{ clams { nodes { id } } }", "{ claims { nodes { id } } }")]
    assert [(answer.status, answer.codes) for answer in answers] == [(401, ["UNAUTHENTICATED"])] * 2
    assert answers[0].body == answers[1].body


async def test_a_long_document_needs_a_token(production: Gateway, issuing: StandIn) -> None:
    long = "{ __typename }" + " " * 1_000
    refused = await production.gql(long)
    assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"])
    assert (await production.gql("{ __typename }")).data == {"__typename": "Query"}
    assert (await production.gql(long, token=_token(issuing, "biller"))).data == {"__typename": "Query"}
