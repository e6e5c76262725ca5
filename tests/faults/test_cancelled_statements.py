"""Requests that are cancelled in the middle of a statement: nobody else gets their rows, and nothing runs on."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Select, column, func, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from app.db import parties
from app.db import session as sessions
from app.db.engine import Database, DatabaseUnavailable
from app.db.parties import PayerRecord
from app.db.reference_tables import payers
from app.db.session import Session
from app.db.statements import query, query_one, writing
from app.runtime.settings import Settings
from tests.faults.proxy import Proxy
from tests.faults.waiting import until_true
from tests.figures import Figures
from tests.length import scaled
from tests.prepared import prepare
from tests.servers import mysql
from tests.servers.launch import free_port
from tests.servers.mysql import create_database
from tests.services import Services

REQUESTS = scaled(full=20_000, short=500)
AT_ONCE = 16
PAYERS = 50
POOL_SIZE = 4


@query_one(lambda name: name)
def _name_of(code: str) -> Select[tuple[str]]:
    return select(payers.c.name).where(payers.c.ans_code == code)


@writing
def _rename(code: str, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an Update without a type of rows
    return update(payers).where(payers.c.ans_code == code).values(name=name)


@query(lambda seconds: seconds)
def _asleep(seconds: int) -> Select[tuple[int]]:
    return select(func.sleep(seconds))


def _payer(number: int) -> PayerRecord:
    return PayerRecord(f"{100_000 + number}", f"Payer {number}", number, 30, 30, True, 1, None)


@pytest.fixture(scope="module")
async def filled(services: Services) -> URL:
    """The address of a database with some payers."""
    name = f"billing_{uuid.uuid4().hex[:10]}"
    await asyncio.to_thread(create_database, services.mysql.url, name)
    url = make_url(services.mysql.url).set(database=name)
    await prepare(Settings(database_url=url.render_as_string(hide_password=False)), has_all_terms=False)
    database = _database(url)
    rows = [_payer(number) for number in range(PAYERS)]
    await database.transact(lambda connection: parties.insert_payers(connection, rows))
    await database.dispose()
    return url


def _database(url: URL, **options: Any) -> Database:
    return Database(url.render_as_string(hide_password=False), pool_size=POOL_SIZE, **options)


@pytest.fixture(params=("aiomysql", "asyncmy"))
async def database(request: pytest.FixtureRequest, filled: URL) -> AsyncIterator[Database]:
    """The same database, reached through each driver."""
    found = _database(filled.set(drivername=f"mysql+{request.param}"))
    yield found
    await found.dispose()


async def _read(database: Database, number: int) -> bool:
    """Whether each of three statements on one connection has answered with what it asked for."""
    mine, other = _payer(number), _payer((number + 1) % PAYERS)
    async with database.reading() as connection:
        first = await parties.payers_by_code(connection, [mine.ans_code])
        name = await _name_of(connection, other.ans_code)
        both = await parties.payers_by_code(connection, [mine.ans_code, other.ans_code])
    return (
        first == [mine] and name == other.name and {each.ans_code for each in both} == {mine.ans_code, other.ans_code}
    )


async def _write(database: Database, number: int) -> bool:
    """Whether a transaction sees what it has written, and the row is its own."""

    async def work(connection: AsyncConnection) -> bool:
        mine = _payer(number)
        matched = await _rename(connection, mine.ans_code, mine.name)
        return matched == 1 and await parties.payer(connection, mine.ans_code) == mine

    return await database.transact(work)


async def _asked(database: Database, counts: dict[str, int], seconds: float) -> None:
    """One request; every second one is cancelled, at one of its steps if it takes so many seconds."""
    number = random.randrange(PAYERS)
    task = asyncio.create_task((_write if random.random() < 0.3 else _read)(database, number))
    if random.random() < 0.5:
        await asyncio.wait({task}, timeout=random.uniform(0, seconds))
        task.cancel()
    try:
        counts["right" if await task else "wrong"] += 1
    except asyncio.CancelledError:
        counts["cancelled"] += 1


async def test_no_answer_is_that_of_a_cancelled_request(database: Database, figures: Figures) -> None:
    counts = {"right": 0, "wrong": 0, "cancelled": 0}
    # The first ones open the connections.
    assert all(await asyncio.gather(*[_read(database, number) for number in range(AT_ONCE)]))
    began = time.monotonic()
    assert all(await asyncio.gather(*[_read(database, number) for number in range(AT_ONCE)]))
    seconds, left = time.monotonic() - began, iter(range(REQUESTS))

    async def client() -> None:
        for _ in left:
            await _asked(database, counts, seconds)

    await asyncio.gather(*[client() for _ in range(AT_ONCE)])
    assert counts["wrong"] == 0
    assert counts["right"] > REQUESTS / 4
    assert counts["cancelled"] > REQUESTS / 20
    # Every place in the pools is free again: as many as there are work at once.
    began = time.monotonic()
    answers = await asyncio.gather(*[_read(database, number) for number in range(2 * POOL_SIZE)])
    assert answers == [True] * 2 * POOL_SIZE
    figures(**counts, seconds_afterwards=time.monotonic() - began)


async def test_a_statement_whose_request_was_cancelled_is_ended_at_the_server(database: Database) -> None:
    async def ask() -> None:
        async with database.reading() as connection:
            await _asleep(connection, 7)

    task = asyncio.create_task(ask())
    while not await _sleeping(database):  # noqa: ASYNC110 - the server gives no signal
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    began = time.monotonic()
    while await _sleeping(database):
        assert time.monotonic() - began < 3
        await asyncio.sleep(0.02)


async def test_statements_that_cannot_be_ended_are_in_the_log_once(database: Database) -> None:
    async with Proxy(database.url.port or 3306) as proxy:
        behind = _database(database.url.set(port=proxy.port))
        with capture_logs() as lines:
            right = proxy.target_port
            for way in (free_port(), right):
                proxy.target_port = right
                tasks = [asyncio.create_task(_sleep(behind)) for _ in range(2)]
                await until_true(partial(_are_asleep, database, len(tasks)))
                # The connections that are open go on, the one that would end the statements does not lead anywhere.
                proxy.target_port = way
                for task in tasks:
                    task.cancel()
                    await asyncio.wait([task])
                await behind.dispose()
                await until_true(partial(_are_asleep, database, 0))
    assert [each["event"] for each in lines] == ["kill_failed", "kill_works"]
    assert lines[0]["effect"] == "statements run on until their time limit"


async def _are_asleep(database: Database, count: int) -> bool:
    return await _sleeping(database) == count


async def test_a_cancelled_statement_ends_nothing_at_another_server_of_the_address(database: Database) -> None:
    other = await asyncio.to_thread(mysql.native)
    await asyncio.to_thread(create_database, other.url, database.url.database or "")
    try:
        async with Proxy(database.url.port or 3306) as proxy:
            behind = _database(database.url.set(port=proxy.port))
            task = asyncio.create_task(_sleep(behind))
            while not await _sleeping(database):  # noqa: ASYNC110 - the server gives no signal
                await asyncio.sleep(0.02)
            proxy.target_port = make_url(other.url).port or 3306
            before = await _kills(database.url), await _kills(make_url(other.url))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await behind.dispose()
        assert (await _kills(database.url), await _kills(make_url(other.url))) == before
    finally:
        await asyncio.to_thread(other.stop)


async def test_a_session_that_is_cut_off_while_it_opens_is_not_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    while await _sleeping(database):  # noqa: ASYNC110 - what an earlier test has left runs on for its two seconds
        await asyncio.sleep(0.02)
    monkeypatch.setattr(sessions, "WHERE_AM_I", "SELECT sleep(7), 1, CONNECTION_ID()")
    session = Session(database.engine, is_reading=True, heard=[])
    task = asyncio.create_task(session.open())
    while not await _sleeping(database):  # noqa: ASYNC110 - the server gives no signal
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert session.is_usable is False
    await session.invalidate()
    await session.close()


async def _kills(url: URL) -> int:
    """How often the server was asked to end a connection or its statement."""
    database = _database(url)
    async with database.engine.connect() as connection:
        found: Sequence[Any] = (await connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Com_kill'")).one()
    await database.dispose()
    return int(found[1])


async def _sleeping(database: Database) -> int:
    """How many statements sleep at the server."""
    async with database.engine.connect() as connection:
        asleep = select(func.count()).select_from(text("information_schema.PROCESSLIST"))
        asleep = asleep.where(column("DB") == database.url.database, column("INFO").like("SELECT sleep%"))
        return int((await connection.execute(asleep)).scalar_one())


async def test_a_read_finds_a_new_connection_for_one_that_the_server_has_closed(database: Database) -> None:
    assert await _read(database, 1) is True
    async with database.reading() as connection:
        number = (await connection.execute(select(func.connection_id()))).scalar_one()
    async with database.engine.connect() as other:
        await other.execute(text(f"KILL {number}"))
    # At once, before a pause would have the pool ask the server for a sign.
    assert await _read(database, 2) is True


async def test_a_server_that_is_gone_in_the_middle_of_a_statement_is_an_outage(database: Database) -> None:
    async with Proxy(database.url.port or 3306) as proxy:
        behind = _database(database.url.set(port=proxy.port), timeout_seconds=3)
        try:
            assert await _read(behind, 1) is True
            task = asyncio.create_task(_sleep(behind))
            while not await _sleeping(database):  # noqa: ASYNC110 - the server gives no signal
                await asyncio.sleep(0.02)
            proxy.cut()
            with pytest.raises(DatabaseUnavailable):
                await task
            assert await _read(behind, 2) is True
        finally:
            await behind.dispose()


async def _sleep(database: Database) -> None:
    async with database.reading() as connection:
        await _asleep(connection, 2)
        await _asleep(connection, 2)
