"""Background jobs let the operations of callers go first, but do not wait for them for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text

from app.db import invoices as invoices_db
from app.db.engine import Database, scalar
from app.db.tables import invoices
from app.domain.data_scope import EVERYTHING
from app.executor.turns import LOOKS_MAX, operations, step_aside
from tests.factories import World, key, today
from tests.faults.waiting import until

SETTLE = "mutation($input: SettleInvoiceInput!) { settleInvoice(input: $input) { settlement { amount } } }"
PATIENT = 10**9
STATEMENTS = 20


async def _text(database: Database) -> None:
    await database.transact(lambda connection: scalar(connection, text("SELECT 1")))


async def _compiled(database: Database) -> None:
    async with database.reading() as connection:
        assert await invoices_db.by_ids(connection, EVERYTHING, ["INV-NONE"]) == []


KINDS = [_text, _compiled]


async def _job(database: Database, work: Callable[[Database], Awaitable[None]], looks_max: int) -> str:
    step_aside(looks_max)
    await work(database)
    return "done"


@asynccontextmanager
async def _running_operation(world: World) -> AsyncIterator[None]:
    """A caller waits for a payment of an invoice that somebody else holds, until the end of the block."""
    invoice = await world.issued_invoice("100.00")
    given: Any = {"invoiceId": invoice["id"], "amount": "1.00", "paidOn": today().isoformat(), "idempotencyKey": key()}
    async with world.gateway.database.engine.connect() as holder:
        await holder.execute(select(invoices.c.id).where(invoices.c.id == invoice["id"]).with_for_update())
        payment = asyncio.create_task(world.call("finance", SETTLE, input=given))
        await until(lambda: operations.running == 1)
        yield
        assert (operations.running, payment.done()) == (1, False)
        await holder.rollback()
    assert (await payment)["settleInvoice"] == {"settlement": {"amount": "1.00"}}
    assert operations.running == 0


@pytest.mark.parametrize("work", KINDS)
async def test_a_job_waits_while_a_caller_waits(server_world: World, work: Callable[[Database], Any]) -> None:
    database = server_world.gateway.database
    async with _running_operation(server_world):
        job = asyncio.create_task(_job(database, work, PATIENT))
        for _ in range(STATEMENTS):
            await work(database)
        assert not job.done()
    assert await job == "done"


@pytest.mark.parametrize("work", KINDS)
async def test_a_job_goes_on_after_some_milliseconds(server_world: World, work: Callable[[Database], Any]) -> None:
    async with _running_operation(server_world):
        assert await _job(server_world.gateway.database, work, LOOKS_MAX) == "done"
