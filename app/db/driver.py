"""aiomysql's connection with a cheaper way to read rows, and with turns for others in between.

A result of 2,000 rows arrives at once; aiomysql converts all of them before anybody else is served. Its classes have no
public way to read otherwise, so the two methods that read rows are replaced.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from aiomysql.connection import Connection, MySQLResult
from pymysql.constants import FIELD_TYPE
from pymysql.converters import convert_date, convert_datetime, decoders

VALUES_AT_ONCE: Final = 1_500
"""So many values of rows take one to three milliseconds to read; then others have a turn on the event loop."""
_NULL: Final = 251
_LONG: Final = {252: 2, 253: 3, 254: 8}
"""The first byte of a length above 250, and in how many bytes the length follows."""


def _converted(of_text: Callable[[str], Any], otherwise: Callable[[str], Any], text: str) -> Any:
    try:
        return of_text(text)
    except ValueError:
        return otherwise(text)


DECODERS: Final = {
    **decoders,
    FIELD_TYPE.DATETIME: partial(_converted, datetime.fromisoformat, convert_datetime),
    FIELD_TYPE.TIMESTAMP: partial(_converted, datetime.fromisoformat, convert_datetime),
    FIELD_TYPE.DATE: partial(_converted, date.fromisoformat, convert_date),
}
"""PyMySQL's, but for times and days, which Python reads ten times faster than PyMySQL does."""


async def connect(**options: Any) -> Connection:
    """A connection, as `aiomysql.connect` makes it."""
    connection = PacedConnection(conv=DECODERS, **options)
    await connection._connect()  # noqa: SLF001 - as `aiomysql.connect` does
    return connection


class PacedConnection(Connection):  # type: ignore[misc]  # aiomysql has no types
    """A connection whose results let others have turns while their rows are read."""

    async def _read_query_result(self, unbuffered: bool = False) -> None:
        if unbuffered:
            await super()._read_query_result(unbuffered=True)
            return
        self._result = None
        result = _PacedResult(self)
        await result.read()
        self._result = result
        self._affected_rows = result.affected_rows
        if result.server_status is not None:
            self.server_status = result.server_status


class _PacedResult(MySQLResult):  # type: ignore[misc]  # aiomysql has no types
    connection: Any
    affected_rows: int | None

    async def _read_rowdata_packet(self) -> None:
        rows: list[tuple[Any, ...]] = []
        connection = self.connection
        read = connection._read_packet  # noqa: SLF001 - as the base class does
        at_once = max(1, VALUES_AT_ONCE // len(self.converters))
        while not self._check_packet_is_eof(packet := await read()):
            rows.append(_row(packet.get_all_data(), self.converters))
            if len(rows) % at_once == 0:
                await _turn(connection)
        self.affected_rows = len(rows)
        self.rows = tuple(rows)


async def _turn(connection: Connection) -> None:
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        # The rest of the rows would be taken for the answer to the next statement.
        connection._close_on_cancel()  # noqa: SLF001 - as aiomysql does
        raise


def _row(data: bytes, converters: list[tuple[str | None, Callable[[str], Any] | None]]) -> tuple[Any, ...]:
    """The values of a row: each is its length and then so many bytes."""
    row: list[Any] = []
    position = 0
    for encoding, converter in converters:
        length = data[position]
        position += 1
        if length == _NULL:
            row.append(None)
            continue
        if length > _NULL:
            size = _LONG[length]
            length = int.from_bytes(data[position : position + size], "little")
            position += size
        value: Any = data[position : position + length]
        position += length
        if encoding is not None:
            value = value.decode(encoding)
        row.append(value if converter is None else converter(value))
    return tuple(row)
