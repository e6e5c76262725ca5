"""Results of the database that arrive in pieces of any size: each is read as aiomysql itself reads it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiomysql
import pymysql
import pytest
from sqlalchemy.engine import make_url

from app.db import driver
from tests.services import Services

_COLUMNS = (
    "1, -5, 18446744073709551615, 1.5e0, CAST(1.25 AS DECIMAL(9, 4)), NULL, '', 'ascii', 'ação', _ascii'clm_1', "
    "X'00ff', _binary'ab', TIMESTAMP'2026-02-28 13:14:15.123456', TIMESTAMP'2026-02-28 13:14:15', DATE'2026-02-28', "
    "TIME'13:14:15', REPEAT('x', 250), REPEAT('x', 251), REPEAT('é', 200), REPEAT('x', 700)"
)
_MANY = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, 'row', NULL FROM n"
STATEMENTS = (
    "DO 1",
    f"SELECT {_COLUMNS}",
    f"SELECT {_COLUMNS} UNION ALL SELECT {_COLUMNS}",
    "SELECT 1 AS one WHERE 1 = 0",
    # Python has no such day, and PyMySQL leaves it as a text.
    "SELECT CAST('0000-00-00' AS DATE), DATE'2026-02-28' UNION ALL SELECT DATE'2026-02-28', CAST('0000-00-00' AS DATE)",
    _MANY,
)
WIDE = "SELECT REPEAT('é', 40000), 'after', NULL UNION ALL SELECT 'next', 'row', 1"
WIDEST = WIDE.replace("40000", "8400000")
"""Its first row goes on in a second packet, since 16 MiB fit into one."""


@pytest.fixture(params=[3, 5_000], ids=lambda size: f"up to {size} bytes")
async def pieces(request: pytest.FixtureRequest, services: Services) -> AsyncIterator[int]:
    """A port behind which the database answers in pieces of so many bytes at most."""
    chosen, target = random.Random(7), make_url(services.mysql.url)

    def size() -> int:
        return chosen.randint(1, request.param)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(target.host, target.port)
        await asyncio.gather(_carry(reader, to_server, lambda: 2**16), _carry(from_server, writer, size))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: Callable[[], int]) -> None:
    while data := await reader.read(size()):
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)
    writer.close()


async def _results(connection: Any, *statements: str) -> list[Any]:
    """Rows, description and number of rows of each statement."""
    found = []
    async with connection.cursor() as cursor:
        for statement in statements:
            await cursor.execute(statement)
            found.append((await cursor.fetchall(), cursor.description, cursor.rowcount))
    return found


def _options(services: Services, **changes: Any) -> dict[str, Any]:
    url = make_url(services.mysql.url)
    return {"host": url.host, "port": url.port, "user": url.username, "charset": "utf8mb4", **changes}


async def test_a_result_in_pieces_is_read_as_aiomysql_reads_it(services: Services, pieces: int) -> None:
    plain = await aiomysql.connect(**_options(services))
    cut = await driver.connect(**_options(services, port=pieces))
    expected = await _results(plain, *STATEMENTS)
    assert await _results(cut, *STATEMENTS) == expected
    assert len(expected[-1][0]) == 900
    # Definitions that are known are not read again.
    assert await _results(cut, *reversed(STATEMENTS)) == expected[::-1]
    for connection in (plain, cut):
        connection.close()


@pytest.fixture
async def wide_packets(services: Services) -> AsyncIterator[None]:
    """Sessions that begin now may have rows of more than 16 MiB."""
    connection = await aiomysql.connect(**_options(services))
    ((((limit,),), *_),) = await _results(connection, "SELECT @@GLOBAL.max_allowed_packet")
    await _results(connection, f"SET GLOBAL max_allowed_packet = {2**26}")
    yield
    await _results(connection, f"SET GLOBAL max_allowed_packet = {limit}")
    connection.close()


@pytest.mark.usefixtures("wide_packets")
async def test_a_row_of_more_than_one_packet(services: Services) -> None:
    plain, own = await aiomysql.connect(**_options(services)), await driver.connect(**_options(services))
    statements = (WIDE, WIDEST, "SELECT 1")
    found = await _results(own, *statements)
    assert len(found[1][0][0][0]) == 8_400_000
    assert found == await _results(plain, *statements)
    for connection in (plain, own):
        connection.close()


async def test_an_error_in_place_of_a_row(services: Services, pieces: int) -> None:
    cut = await driver.connect(**_options(services, port=pieces))
    with pytest.raises(pymysql.err.OperationalError) as refused:
        await _results(cut, "SELECT i, (SELECT 1 UNION SELECT i) FROM (SELECT 1 AS i UNION SELECT 2) AS n")
    assert refused.value.args[0] == 1242
    assert (await _results(cut, "SELECT 1"))[0][0] == ((1,),)
    cut.close()


async def test_a_connection_that_ends_within_a_result(services: Services) -> None:
    url = make_url(services.mysql.url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(url.host, url.port)
        way = asyncio.create_task(_carry(reader, to_server, lambda: 2**16))
        left = 20_000
        while left > 0 and (data := await from_server.read(left)):
            left -= len(data)
            writer.write(data)
        writer.close()
        to_server.close()
        await way

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        cut = await driver.connect(**_options(services, port=server.sockets[0].getsockname()[1]))
        with pytest.raises(pymysql.err.OperationalError) as lost:
            await _results(cut, "SELECT REPEAT('x', 30000)")
        assert lost.value.args[0] == 2013
        assert cut.closed
