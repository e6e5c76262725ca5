"""What depends on how the gateway was started: the other MySQL driver, production, a page that is not built."""

from pathlib import Path

import pytest

from app.auth.roles import ROLES
from app.web import explorer
from app.web.browser_policy import PAGE_POLICY
from tests.factories import new_world
from tests.gateway import embedded_settings, production_settings, running_gateway, server_settings, with_driver
from tests.services import Services

PAGE = {"accept": "text/html"}
CALLERS = "/graphql/explorer/callers"
OWN_PAGE = {"sec-fetch-site": "same-origin"}


async def test_the_gateway_works_with_aiomysql_as_well(services: Services, tmp_path: Path) -> None:
    settings = await server_settings(tmp_path, services, events_url="memory://")
    async with running_gateway(with_driver(settings, "aiomysql")) as gateway:
        world = await new_world(gateway)
        invoice = await world.issued_invoice("150.00")
        async with gateway.subscribed(
            "subscription { settlementRecorded { settlement { amount } } }", world.token("finance")
        ) as stream:
            paid = await world.settle(invoice["id"], "50.00")
            assert await stream.next() == {"settlementRecorded": {"settlement": {"amount": "50.00"}}}
        assert (paid["invoice"]["status"], paid["invoice"]["dueAmount"]) == ("PARTIALLY_SETTLED", "100.00")


async def test_a_page_that_is_not_built_says_in_one_line_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "DIRECTORY", tmp_path / "nothing")
    async with running_gateway(embedded_settings(tmp_path)) as gateway:
        page = await gateway.client.get("/graphql", headers=PAGE)
    assert (page.status_code, page.text.count("\n"), "make explorer" in page.text) == (503, 1, True)


async def test_production_has_no_page_and_refuses_development_tokens(tmp_path: Path, services: Services) -> None:
    settings = await production_settings(tmp_path, services)
    async with running_gateway(settings) as gateway:
        page = await gateway.client.get("/graphql", headers=PAGE)
        assets = await gateway.client.get("/graphql/explorer/index.html")
        answer = await gateway.gql("{ me { subject } }", token=gateway.token("biller"))
        ready = await gateway.client.get("/health/ready")
    assert (page.status_code, assets.status_code) == (404, 404)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert (ready.status_code, ready.json()["checks"]["keys"]) == (503, "down")


async def test_production_serves_the_page_under_the_addresses_that_it_names(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text('<html data-mode="production">')
    monkeypatch.setattr(explorer, "DIRECTORY", tmp_path / "static")
    settings = await production_settings(
        tmp_path, services, explorer_origins="http://billing.example, http://b.example"
    )
    paths = {"/graphql": PAGE, "/graphql/explorer/index.html": {}, "/graphql/explorer/callers": OWN_PAGE}
    async with running_gateway(settings) as gateway:
        found = {
            host: [await gateway.client.get(path, headers={**own, "host": host}) for path, own in paths.items()]
            for host in ("billing.example", "b.example", "c.example", "billing.example:8443", "127.0.0.1")
        }
    assert {host: [each.status_code for each in answers] for host, answers in found.items()} == {
        "billing.example": [200, 200, 404],
        "b.example": [200, 200, 404],
        "c.example": [404, 404, 404],
        "billing.example:8443": [404, 404, 404],
        "127.0.0.1": [404, 404, 404],
    }
    page, file, _ = found["billing.example"]
    assert page.text == file.text == '<html data-mode="production">'
    assert page.headers["content-security-policy"] == file.headers["content-security-policy"] == PAGE_POLICY


async def test_only_the_page_itself_gets_the_tokens_of_the_demo(tmp_path: Path) -> None:
    async with running_gateway(embedded_settings(tmp_path)) as gateway:
        answer = await gateway.client.get(CALLERS, headers=OWN_PAGE)
        roles = {
            caller["role"]: (await gateway.gql("{ me { roles } }", token=caller["token"])).data["me"]["roles"]
            for caller in answer.json()
        }
        refused = [
            await gateway.client.get(CALLERS, headers=headers)
            for headers in ({}, {"sec-fetch-site": "cross-site"}, {**OWN_PAGE, "host": "rebound.example"})
        ]
    assert roles == {role: [role] for role in ROLES}
    assert answer.headers["cache-control"] == "no-store"
    assert [each.status_code for each in refused] == [404] * 3


async def test_a_caller_from_another_machine_gets_no_tokens(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path, trusted_proxies="127.0.0.1")
    async with running_gateway(settings) as gateway:
        answer = await gateway.client.get(CALLERS, headers={**OWN_PAGE, "x-forwarded-for": "203.0.113.7"})
    assert answer.status_code == 404


async def test_a_database_that_is_away_at_the_start_leaves_the_gateway_unready(tmp_path: Path) -> None:
    away = embedded_settings(tmp_path, database_url="mysql+aiomysql://root@127.0.0.1:1/billing")
    async with running_gateway(away, is_prepared=True) as gateway:
        ready = await gateway.client.get("/health/ready")
        live = await gateway.client.get("/health/live")
        answer = await gateway.gql("{ claims { totalCount } }", token=gateway.token("biller"))
    assert (ready.status_code, ready.json()["checks"]["database"], live.status_code) == (503, "down", 200)
    assert answer.codes == ["UNAVAILABLE"]
