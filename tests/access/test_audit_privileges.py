"""The gateway's database user needs INSERT and SELECT on the access log, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.check import check
from app.db.access_log_tables import (
    access_log_entries,
    access_log_persons,
    access_log_sealed,
    access_log_seals,
    emergency_accesses,
)
from app.db.engine import Database
from app.runtime.build import access_log_key_of
from tests.factories import World, new_world
from tests.gateway import Gateway, running_gateway, server_settings
from tests.prepared import prepare
from tests.services import Services

LOG = (access_log_entries, access_log_persons, access_log_sealed, access_log_seals)
NOT_ALLOWED = 1142


@pytest.fixture
async def confined(services: Services, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose database user may only add to the access log and read it."""
    settings = await server_settings(tmp_path, services)
    await prepare(settings)
    owner = Database(settings.database)
    name = str(owner.url.database)
    await owner.transact(lambda connection: _grant(connection, name))
    url = owner.url.set(username=name, password="confined").render_as_string(hide_password=False)
    async with running_gateway(settings.model_copy(update={"database_url": url}), is_prepared=True) as gateway:
        yield gateway
    await owner.transact(lambda connection: connection.execute(text(f"DROP USER '{name}'@'%'")))
    await owner.dispose()


async def _grant(connection: AsyncConnection, name: str) -> None:
    await connection.execute(text(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'confined'"))
    names = {table.name for table in LOG}
    for table in {*emergency_accesses.metadata.tables, "alembic_version"}:
        rights = "SELECT, INSERT" if table in names else "SELECT, INSERT, UPDATE, DELETE"
        await connection.execute(text(f"GRANT {rights} ON `{name}`.`{table}` TO '{name}'@'%'"))


async def test_reading_changing_and_sealing_need_no_more(confined: Gateway) -> None:
    world = await new_world(confined)
    claim = (await world.submitted_claim(clinicalIndication="tosse"))["id"]
    await world.call("reviewer", "query($id: ID!) { claim(id: $id) { clinicalIndication } }", id=claim)
    # Written by the process, and sealed with everything else, while it serves.
    for _ in range(100):
        report = await check(confined.database, key=access_log_key_of(confined.settings))
        if (report.entries, report.waiting) == (4, 0):
            break
        await asyncio.sleep(0.1)
    assert (report.problems, report.waiting) == ([], 0)
    # The start, the change with its answer, and the look.
    assert report.entries == 4
    assert await _own_log(world) == [("READ", "claim"), ("READ", "createClaim"), ("WRITE", "createClaim")]


async def _own_log(world: World) -> list[tuple[str, str]]:
    found = await world.call("patient", "{ myAccessLog { nodes { kind operation } } }")
    return [(entry["kind"], entry["operation"]) for entry in found["myAccessLog"]["nodes"]]


async def test_nothing_of_the_log_can_be_changed_or_deleted(confined: Gateway) -> None:
    for table in LOG:
        first = next(iter(table.columns))
        for statement in (delete(table), update(table).values({first: first})):
            async with confined.database.engine.connect() as connection:
                with pytest.raises(DBAPIError) as refused:
                    await connection.execute(statement)
            assert refused.value.orig is not None
            assert refused.value.orig.args[0] == NOT_ALLOWED
