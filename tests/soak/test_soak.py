"""The memory of a gateway under a mixed load: after a warm-up it no longer grows, whatever the requests are.

`make soak` runs it for an hour; BILLING_TEST_SOAK_SECONDS says how long.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import migrate
from app.db import outbox as outbox_db
from app.db.clock import process_time
from app.db.engine import Database
from app.db.outbox import NewEvent
from app.events.contracts import CONTRACTS
from tests.faults.processes import Fleet
from tests.faults.stage import staged
from tests.figures import Figures
from tests.gateway import server_settings
from tests.services import Services
from tests.soak.load import Load, loads

SECONDS = float(os.environ.get("BILLING_TEST_SOAK_SECONDS", "12"))
WARM_UP_SECONDS = min(300.0, SECONDS / 2)
CLIENTS = 4
GROWTH_MAX = 0.05
REQUESTS = 8
CLASS_GROWTH_BYTES_MAX = 6 * 1024 * 1024
SHAPES_MAX = 16


@pytest.fixture(scope="module")
async def fleet(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = await server_settings(tmp_path_factory.mktemp("soak"), services, events_url="memory://")
    async with staged(settings) as found:
        yield found


async def test_the_memory_after_a_mixed_load_is_that_after_the_warm_up(fleet: Fleet, figures: Figures) -> None:
    clients = await loads(fleet, CLIENTS)
    await _load_for(clients, WARM_UP_SECONDS)
    (process,) = fleet.processes
    before = process.resident_bytes()
    await _load_for(clients, SECONDS - WARM_UP_SECONDS)
    after = process.resident_bytes()
    figures(
        seconds=SECONDS,
        requests=sum(sum(each.sent.values()) for each in clients),
        mib_after_warm_up=before / 2**20,
        mib_at_the_end=after / 2**20,
        growth_percent=100 * (after - before) / before,
    )
    assert after < before * (1 + GROWTH_MAX)


async def _load_for(clients: list[Load], seconds: float) -> None:
    ends_at = time.monotonic() + seconds

    async def run(client: Load) -> None:
        while time.monotonic() < ends_at:
            await client.send_any()

    await asyncio.gather(*[run(each) for each in clients])


async def test_no_kind_of_request_makes_the_memory_grow(fleet: Fleet, figures: Figures) -> None:
    (client,) = await loads(fleet, 1)
    (process,) = fleet.processes
    grown = {}
    for kind in client.kinds:
        await _send(client, kind)
        before = process.resident_bytes()
        await _send(client, kind)
        grown[kind] = process.resident_bytes() - before
    figures(**{f"{kind}_growth_kib": value // 1024 for kind, value in grown.items()})
    assert {kind: value for kind, value in grown.items() if value > CLASS_GROWTH_BYTES_MAX} == {}


async def _send(client: Load, kind: str) -> None:
    for _ in range(REQUESTS):
        await client.send(kind)


async def test_batches_of_every_size_are_few_statements(tmp_path: Path) -> None:
    """SQLAlchemy stores each compiled statement: one for each size of a batch was hundreds of MiB."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'shapes.db'}")
    try:
        await migrate.upgrade(database)
        for size in range(1, 201):
            await database.transact(partial(_park_and_number, size=size))
        compiled = len(database.engine.sync_engine._compiled_cache or {})
    finally:
        await database.dispose()
    assert compiled <= SHAPES_MAX


async def _park_and_number(connection: AsyncConnection, size: int) -> None:
    """One more parked event, and a batch of this size beside all those that are parked."""
    event = NewEvent(f"evt_{size}", "ClaimCreated", f"clm_{size}", None, None, None, "{}", process_time())
    await outbox_db.insert_events(connection, [event])
    await outbox_db.park(connection, size, reason="a test", now=process_time())
    may_be = await outbox_db.may_be_published(connection, CONTRACTS)
    assert await outbox_db.unnumbered(connection, 200, may_be) == []
    await outbox_db.number(connection, range(1_000, 1_000 + size))
