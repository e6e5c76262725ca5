"""MySQL goes away under a running gateway: a clear answer in time, and work again as soon as it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.db.engine import Database, DatabaseUnavailable, scalar
from app.db.server_errors import REFUSING_WRITES
from tests.factories import SETTLEMENT_FIELDS, World, key, new_world, today
from tests.figures import assert_within
from tests.gateway import Gateway, running_gateway, server_settings
from tests.prepared import prepare
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


@pytest.fixture(scope="module")
async def unprivileged(
    services: Services, mysql: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway on that server whose account, unlike root, may not write while the server is read-only."""
    own = Services({**services.servers, "mysql": mysql})
    settings = await server_settings(tmp_path_factory.mktemp("unprivileged"), own, events_url="memory://")
    await prepare(settings)
    url = make_url(settings.database_url)
    await _as_root(mysql, "CREATE USER gateway@'127.0.0.1'", f"GRANT ALL ON `{url.database}`.* TO gateway@'127.0.0.1'")
    address = url.set(username="gateway").render_as_string(hide_password=False)
    async with running_gateway(settings.model_copy(update={"database_url": address}), is_prepared=True) as gateway:
        yield gateway


async def _as_root(mysql: Server, *statements: str) -> None:
    engine = create_async_engine(mysql.url, poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def _ready(gateway: Gateway) -> tuple[int, str]:
    found = await gateway.client.get("/health/ready")
    return found.status_code, found.json()["checks"]["database"]


async def test_a_server_that_is_read_only_is_an_outage_of_writes(unprivileged: Gateway, mysql: Server) -> None:
    world: World = await new_world(unprivileged)
    invoice = await world.issued_invoice("100.00")
    values = {"invoiceId": invoice["id"], "amount": "40.00", "paidOn": today().isoformat(), "idempotencyKey": key()}
    token = world.token("finance")
    await _as_root(mysql, "SET GLOBAL read_only = 1")
    try:
        refused = await unprivileged.gql(SETTLE, {"input": values}, token=token)
        assert await _ready(unprivileged) == (503, "down")
    finally:
        await _as_root(mysql, "SET GLOBAL read_only = 0")
    assert (refused.codes, refused.body["errors"][0]["extensions"]["retryable"]) == (["UNAVAILABLE"], True)
    assert await _ready(unprivileged) == (200, "up")
    settled = (await unprivileged.gql(SETTLE, {"input": values}, token=token)).data["settleInvoice"]
    assert (settled["errors"], settled["replayed"]) == ([], False)
    assert (await world.invoice(invoice["id"]))["settledAmount"] == "40.00"


@pytest.mark.parametrize("code", sorted(REFUSING_WRITES))
async def test_a_server_that_refuses_writes_is_left_with_all_its_connections(services: Services, code: int) -> None:
    database = Database(services.mysql.url)
    attempts = 0

    async def refused(connection: AsyncConnection) -> None:
        nonlocal attempts
        attempts += 1
        await connection.exec_driver_sql(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'no'")

    async def connection_id(connection: AsyncConnection) -> object:
        return await scalar(connection, text("SELECT CONNECTION_ID()"))

    try:
        before = await database.transact(connection_id)
        with pytest.raises(DatabaseUnavailable):
            await database.transact(refused)
        after = await database.transact(connection_id)
    finally:
        await database.dispose()
    assert (attempts, before == after) == (1, False)


async def test_requests_are_answered_in_time_and_nothing_is_lost_or_doubled(fragile: Gateway, mysql: Server) -> None:
    world: World = await new_world(fragile)
    invoice = await world.issued_invoice("100.00")
    values = {"invoiceId": invoice["id"], "amount": "40.00", "paidOn": today().isoformat(), "idempotencyKey": key()}
    token = world.token("finance")
    await asyncio.to_thread(mysql.kill)
    beside = await fragile.gql("{ claims { totalCount } me { subject } }", token=token)
    assert (beside.codes, beside.body["data"]["claims"]) == (["UNAVAILABLE"], None)
    assert beside.body["data"]["me"] == {"subject": "dev-finance"}
    for query, variables in (("{ claims { totalCount } }", {}), (SETTLE, {"input": values})):
        began = time.monotonic()
        answer = await fragile.gql(query, variables, token=token)
        assert answer.codes == ["UNAVAILABLE"]
        assert answer.body["errors"][0]["extensions"]["retryable"] is True
        assert_within(10, seconds=time.monotonic() - began)
    ready = await fragile.client.get("/health/ready")
    live = await fragile.client.get("/health/live")
    assert (ready.status_code, ready.json()["checks"]["database"], live.status_code) == (503, "down", 200)
    await asyncio.to_thread(mysql.restart)
    began = time.monotonic()
    while (answer := await fragile.gql(SETTLE, {"input": values}, token=token)).codes:
        assert_within(3, seconds=time.monotonic() - began)
    first = answer.data["settleInvoice"]
    again = (await fragile.gql(SETTLE, {"input": values}, token=token)).data["settleInvoice"]
    assert (first["errors"], first["replayed"], again["replayed"]) == ([], False, True)
    assert again["settlement"] == first["settlement"]
    assert (await world.invoice(invoice["id"]))["settledAmount"] == "40.00"
    assert (await world.events(invoice["id"])).count("SettlementConfirmed") == 1
