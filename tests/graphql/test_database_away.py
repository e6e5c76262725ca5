"""MySQL goes away under a running gateway: a clear answer in time, and work again as soon as it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.factories import SETTLEMENT_FIELDS, World, key, new_world, today
from tests.gateway import Gateway, running_gateway, server_settings
from tests.servers.base import Server
from tests.services import Services, start

SETTLE = (
    f"mutation($input: SettleInvoiceInput!) {{ settleInvoice(input: $input) {{ settlement {{ {SETTLEMENT_FIELDS} }} "
)
SETTLE += "errors { code } replayed } }"


@pytest.fixture(scope="module")
def mysql() -> Any:
    """A server of this module's own, which may be killed."""
    found = start("mysql")
    yield found
    found.discard()


@pytest.fixture(scope="module")
async def fragile(
    services: Services, mysql: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway on that server."""
    own = type("Own", (), {"mysql": mysql, "redis": services.redis, "kafka": services.kafka})
    settings = await server_settings(tmp_path_factory.mktemp("fragile"), own, events_url="memory://")  # type: ignore[arg-type]
    async with running_gateway(settings) as gateway:
        yield gateway


async def test_requests_are_answered_in_time_and_nothing_is_lost_or_doubled(fragile: Gateway, mysql: Server) -> None:
    world: World = await new_world(fragile)
    invoice = await world.issued_invoice("100.00")
    values = {"id": invoice["id"], "amount": "40.00", "paidOn": today().isoformat(), "idempotencyKey": key()}
    token = world.token("finance")
    await asyncio.to_thread(mysql.kill)
    for query, variables in (("{ claims { totalCount } }", {}), (SETTLE, {"input": values})):
        began = time.monotonic()
        answer = await fragile.gql(query, variables, token=token)
        assert answer.codes == ["UNAVAILABLE"]
        assert answer.body["errors"][0]["extensions"]["retryable"] is True
        assert time.monotonic() - began < 10
    ready = await fragile.client.get("/health/ready")
    live = await fragile.client.get("/health/live")
    assert (ready.status_code, ready.json()["checks"]["database"], live.status_code) == (503, "down", 200)
    await asyncio.to_thread(mysql.restart)
    began = time.monotonic()
    while (answer := await fragile.gql(SETTLE, {"input": values}, token=token)).codes:
        assert time.monotonic() - began < 3
    first = answer.data["settleInvoice"]
    again = (await fragile.gql(SETTLE, {"input": values}, token=token)).data["settleInvoice"]
    assert (first["errors"], first["replayed"], again["replayed"]) == ([], False, True)
    assert again["settlement"] == first["settlement"]
    assert (await world.invoice(invoice["id"]))["settledAmount"] == "40.00"
    assert (await world.events(invoice["id"])).count("SettlementConfirmed") == 1
