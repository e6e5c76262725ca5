"""A statement whose request has been answered does not run on at the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database
from tests.factories import new_world
from tests.faults.waiting import until_true
from tests.gateway import Gateway, running_gateway, server_settings
from tests.services import Services

SUMS = "{ reconciliation { billedAmount } }"
INDICATORS = "{ billingIndicators { initialDenialRate } }"
PAGE = "{ claims { nodes { id } } }"
SLOW = "SELECT SLEEP(7)"
RUNNING = """SELECT COUNT(*) FROM information_schema.PROCESSLIST
WHERE DB = DATABASE() AND COMMAND IN ('Query', 'Execute') AND ID <> CONNECTION_ID()"""


@pytest.fixture(scope="module")
async def impatient(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that gives a request less time than the database."""
    settings = await server_settings(
        tmp_path_factory.mktemp("impatient"), services, operation_deadline_seconds=3.0, events_url="memory://"
    )
    async with running_gateway(settings) as found:
        yield found


@asynccontextmanager
async def _slow_claims(gateway: Gateway) -> AsyncIterator[AsyncConnection]:
    """Whoever reads a claim takes seven seconds at the server."""
    async with gateway.database.engine.connect() as connection:
        await connection.execute(text("RENAME TABLE claims TO stored_claims"))
        await connection.execute(text("CREATE VIEW claims AS SELECT * FROM stored_claims WHERE SLEEP(7) = 0"))
        try:
            yield connection
        finally:
            await connection.execute(text("DROP VIEW claims"))
            await connection.execute(text("RENAME TABLE stored_claims TO claims"))


async def _running(connection: AsyncConnection) -> int:
    return int((await connection.execute(text(RUNNING))).scalar_one())


async def _until_running(connection: AsyncConnection, count: int) -> None:
    async with asyncio.timeout(4):
        while (await _running(connection) > 0) != (count > 0):  # noqa: ASYNC110 - the server gives no signal
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("query", [SUMS, INDICATORS, PAGE])
async def test_a_statement_ends_at_the_server_with_its_request(impatient: Gateway, query: str) -> None:
    await (await new_world(impatient)).submitted_claim()
    token = impatient.token("reviewer")
    async with _slow_claims(impatient) as connection:
        asked = asyncio.create_task(impatient.gql(query, token=token))
        await _until_running(connection, 1)
        answer = await asked
        assert answer.codes == ["TIMEOUT"]
        await _until_running(connection, 0)

    async def is_answered() -> bool:
        # On a busy machine sums may take longer than such a gateway waits.
        codes = (await impatient.gql(query, token=token)).codes
        assert codes in ([], ["TIMEOUT"])
        return codes == []

    await until_true(is_answered)


@pytest.mark.parametrize("way", ["reading", "snapshot", "transact"])
async def test_whoever_gives_up_ends_the_statement(impatient: Gateway, way: str) -> None:
    database = impatient.database

    async def sleep(connection: AsyncConnection) -> None:
        await connection.execute(text(SLOW))

    async def ask() -> None:
        if way == "transact":
            await database.transact(sleep)
            return
        async with database.reading() if way == "reading" else database.snapshot() as connection:
            await sleep(connection)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await ask()
    async with impatient.parts.probe_database.reading() as connection:
        await _until_running(connection, 0)


async def test_a_cancellation_between_two_statements_costs_no_connection(impatient: Gateway) -> None:
    database = Database(impatient.settings.database, pool_size=1)

    async def session(*, seconds: float) -> int:
        async with database.reading() as connection:
            found = int((await connection.execute(text("SELECT CONNECTION_ID()"))).scalar_one())
            sessions.append(found)
            await asyncio.sleep(seconds)
            return found

    sessions: list[int] = []
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await session(seconds=7)
        assert await session(seconds=0) == sessions[0]
    finally:
        await database.dispose()
