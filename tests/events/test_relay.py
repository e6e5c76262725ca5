"""The relay: one leader, gapless positions in order, and an event that is repeated rather than lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.clock import process_time as now
from app.db.outbox import OutboxRecord
from app.db.tables import outbox
from app.events.lead import Lead, session
from app.events.publishing import Publisher, PublishFailed
from app.events.relay import Relay
from app.telemetry.metrics import Metrics
from tests.factories import World, key, new_world
from tests.gateway import Gateway


class Ledger:
    """A transport that stores what it gets, in order, and may fail after storing it."""

    def __init__(self) -> None:
        self.rows: list[OutboxRecord] = []
        self.failures = 0

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        self.rows += rows
        if self.failures:
            self.failures -= 1
            raise ConnectionError("gone after the broker had it")

    async def close(self) -> None:
        """Nothing to close."""


async def _positions(gateway: Gateway) -> list[int | None]:
    async with gateway.database.reading() as connection:
        rows = await connection.execute(select(outbox.c.position).order_by(outbox.c.position))
        return [row[0] for row in rows.all()]


async def _published(gateway: Gateway) -> None:
    async with asyncio.timeout(30):
        while True:
            async with gateway.database.reading() as connection:
                query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
                if (await connection.execute(query)).scalar() == 0:
                    return
            await asyncio.sleep(0.05)


async def test_positions_have_no_gap_and_follow_each_aggregate_under_many_writers(gateway: Gateway) -> None:
    worlds = [await new_world(gateway) for _ in range(8)]

    async def write(world: World) -> str:
        invoice = await world.issued_invoice("10.00")
        for _ in range(3):
            await world.settle(invoice["id"], "1.00", idempotencyKey=key())
        identifier: str = invoice["id"]
        return identifier

    invoices = await asyncio.gather(*[write(world) for world in worlds])
    await _published(gateway)
    positions = await _positions(gateway)
    assert positions == list(range(1, len(positions) + 1))
    async with gateway.database.reading() as connection:
        for invoice in invoices:
            query = select(outbox.c.position).where(outbox.c.aggregate_id == invoice).order_by(outbox.c.id)
            own = [row[0] for row in (await connection.execute(query)).all()]
            assert own == sorted(own)
            assert len(own) == 6


async def test_a_second_relay_waits_until_the_first_has_gone(server_gateway: Gateway) -> None:
    leader = server_gateway.parts.relay
    ledger, metrics = Ledger(), Metrics()
    follower = Relay(server_gateway.database, ledger, metrics=metrics, now=now, lead=Lead())
    task = asyncio.create_task(follower.run())
    world = await new_world(server_gateway)
    await world.create_claim()
    await _published(server_gateway)
    assert ledger.rows == []
    leader.stop()
    await world.create_claim()
    async with asyncio.timeout(10):
        while not ledger.rows:  # noqa: ASYNC110 - a list gives no signal
            await asyncio.sleep(0.05)
    assert [row.name for row in ledger.rows] == ["ClaimCreated"]
    follower.stop()
    await asyncio.wait_for(task, 10)
    _start_again(server_gateway)


async def test_a_crash_between_publishing_and_marking_repeats_the_same_event(world: World) -> None:
    gateway = world.gateway
    await world.create_claim()
    await _published(gateway)
    ledger = Ledger()
    publisher = Publisher(gateway.database, ledger, metrics=Metrics(), now=now)
    async with gateway.database.reading() as connection:
        last = (await connection.execute(select(func.max(outbox.c.position)))).scalar_one()
    async with _leading(gateway):
        await gateway.database.transact(lambda connection: _unmark(connection, last))
        ledger.failures = 1
        for _ in range(2):
            await _step(gateway, publisher)
    assert [row.position for row in ledger.rows] == [last, last]
    assert len({row.event_id for row in ledger.rows}) == 1
    await _published(gateway)


@asynccontextmanager
async def _leading(gateway: Gateway) -> AsyncIterator[None]:
    """Instead of the gateway's own relay, which would publish what the test is to publish."""
    gateway.parts.relay.stop()
    lead = Lead()
    async with session(gateway.database) as connection:
        while (seconds := await lead.take(connection)) is not None:  # noqa: ASYNC110 - the lease is in the database
            await asyncio.sleep(seconds)
        async with lead.renewed(gateway.database):
            yield
    _start_again(gateway)


def _start_again(gateway: Gateway) -> None:
    relay = gateway.parts.relay
    relay._is_stopping = False
    gateway.parts.relay_task = asyncio.create_task(relay.run())  # type: ignore[attr-defined]


async def _unmark(connection: AsyncConnection, position: int) -> None:
    await connection.execute(update(outbox).where(outbox.c.position == position).values(published_at=None))


async def _step(gateway: Gateway, publisher: Publisher) -> Any:
    async with gateway.database.engine.connect() as connection:
        try:
            return await publisher.publish_batch(connection)
        except PublishFailed:
            return None
