"""What depends on how the gateway was started: the other MySQL driver, production, a page that is not built."""

from pathlib import Path

import pytest

from app.web import app as main
from tests.factories import new_world
from tests.gateway import embedded_settings, production_settings, running_gateway, server_settings
from tests.services import Services

PAGE = {"accept": "text/html"}


async def test_the_gateway_works_with_asyncmy_as_well(services: Services, tmp_path: Path) -> None:
    settings = await server_settings(tmp_path, services, events_url="memory://")
    url = settings.database_url.replace("aiomysql", "asyncmy")
    async with running_gateway(settings.model_copy(update={"database_url": url})) as gateway:
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
    monkeypatch.setattr(main, "EXPLORER_DIRECTORY", tmp_path / "nothing")
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


async def test_a_database_that_is_away_at_the_start_leaves_the_gateway_unready(tmp_path: Path) -> None:
    away = embedded_settings(tmp_path, database_url="mysql+aiomysql://root@127.0.0.1:1/billing")
    async with running_gateway(away, is_prepared=True) as gateway:
        ready = await gateway.client.get("/health/ready")
        live = await gateway.client.get("/health/live")
        answer = await gateway.gql("{ claims { totalCount } }", token=gateway.token("biller"))
    assert (ready.status_code, ready.json()["checks"]["database"], live.status_code) == (503, "down", 200)
    assert answer.codes == ["UNAVAILABLE"]
