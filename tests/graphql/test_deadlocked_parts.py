"""A part of a change that the server ends by a deadlock: the whole change runs again."""

import asyncio

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.clock import process_time
from app.db.reference_tables import payers, providers
from app.db.tables import claims
from app.domain.actor import Door, operator
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.unit import UnitOfWork
from tests.factories import World

SECONDS = 30


async def test_a_deadlock_within_a_part_is_tried_again(server_world: World) -> None:
    """Two changes lock two rows in opposite orders. The server ends the one that has changed fewer rows."""
    world, database = server_world, server_world.gateway.database
    for _ in range(3):
        await world.create_claim()
    first_has, second_has = asyncio.Event(), asyncio.Event()
    runs: list[int] = []
    payer = update(payers).where(payers.c.ans_code == world.payer).values(name="deadlocked")
    provider = update(providers).where(providers.c.cnes == world.provider).values(name="deadlocked")

    async def first(connection: AsyncConnection) -> None:
        unit = UnitOfWork(connection, operator("test", Door.CLI, request_id="test"), process_time(), ChildProcesses())
        runs.append(len(runs))
        async with unit.attempt():
            await connection.execute(payer)
            first_has.set()
            await second_has.wait()
            await connection.execute(provider)

    async def second(connection: AsyncConnection) -> None:
        await connection.execute(update(claims).where(claims.c.payer_ans == world.payer).values(version=7))
        await connection.execute(provider)
        second_has.set()
        await first_has.wait()
        await connection.execute(payer)

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(database.transact(first), database.transact(second))
    assert runs == [0, 1]
