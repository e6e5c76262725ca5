"""aiomysql's connection with a cheaper way to read results, and with turns for others in between.

aiomysql awaits the head and the content of each packet, one for each column and row. Here what has arrived is taken as
a whole and cut into packets. A result of 2,000 rows arrives at once; aiomysql converts all of them before anybody else
is served. Its classes have no public way to read otherwise, so the methods that read packets and rows are replaced.
"""

import asyncio
from typing import Any, Final

from aiomysql.connection import Connection, MySQLResult
from pymysql.connections import MysqlPacket
from pymysql.constants import CR
from pymysql.err import InternalError, OperationalError

from app.db.result_shapes import DECODERS, PACKET_MAX, Shape, shape_of

VALUES_AT_ONCE: Final = 1_500
"""So many values of rows take one to three milliseconds to read; then others have a turn on the event loop."""
CHUNK: Final = 2**16
_LOST: Final = "Lost connection to MySQL server during query"
_ERROR: Final = 0xFF


async def connect(**options: Any) -> Connection:
    """A connection, as `aiomysql.connect` makes it."""
    connection = PacedConnection(conv=DECODERS, **options)
    await connection._connect()  # noqa: SLF001 - as `aiomysql.connect` does
    return connection


class PacedConnection(Connection):  # type: ignore[misc]  # aiomysql has no types
    """A connection that cuts what has arrived into packets, and lets others have turns while it reads rows."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # What has arrived, and the place of the next packet in it.
        self._arrived = b""
        self._place = 0
        self._next_seq_id: int = 0

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

    async def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        packet = packet_type(await self.content(), self._encoding)
        if packet.is_error_packet():
            if self._result is not None and self._result.unbuffered_active:
                self._result.unbuffered_active = False
            packet.raise_for_error()
        return packet

    async def content(self) -> bytes:
        """The content of the next packet, and of those that it goes on in."""
        content = b""
        while True:
            await self.arrive()
            size = self._size(self._place)
            if self._arrived[self._place + 3] != self._next_seq_id:
                self._refuse(self._arrived[self._place + 3])
            self._next_seq_id = (self._next_seq_id + 1) % 256
            start = self._place + 4
            self._place = start + size
            content += self._arrived[start : self._place]
            if size < PACKET_MAX:
                return content

    async def arrive(self, after: int = 0) -> None:
        """Wait until the packet is there as a whole that is so many bytes after the next one begins."""
        while True:
            place = self._place + after
            have = len(self._arrived) - place
            missing = 4 - have if have < 4 else self._size(place) + 4 - have
            if missing <= 0:
                return
            await self._receive(missing)

    def _size(self, place: int) -> int:
        return int.from_bytes(self._arrived[place : place + 3], "little")

    async def _receive(self, missing: int) -> None:
        """Wait for more: at least one byte, and for all of many that are missing."""
        try:
            more: bytes = await (self._reader.read(CHUNK) if missing <= CHUNK else self._reader.readexactly(missing))
        except asyncio.CancelledError:
            self._close_on_cancel()
            raise
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise OperationalError(CR.CR_SERVER_LOST, f"{_LOST} ({error})") from error
        if not more:
            self.close()
            raise OperationalError(CR.CR_SERVER_LOST, _LOST)
        self._arrived = self._arrived[self._place :] + more
        self._place = 0

    def _refuse(self, number: int) -> None:
        self.close()
        if number == 0:
            # MySQL 8 does so when it is shut down.
            raise OperationalError(CR.CR_SERVER_LOST, _LOST)
        raise InternalError(f"packet {number} came instead of {self._next_seq_id}")

    async def definitions(self, columns: int) -> bytes:
        """The packets that define so many columns, with the one that ends them."""
        length = 0
        for _ in range(columns + 1):
            start = self._place + length
            if len(self._arrived) < start + 4 or len(self._arrived) < start + 4 + self._size(start):
                await self.arrive(length)
                start = self._place + length
            if self._arrived[start + 4] == _ERROR:
                self._place, self._next_seq_id = start, self._arrived[start + 3]
                await self._read_packet()  # raises it
            length += self._size(start) + 4
        start, self._place = self._place, self._place + length
        if self._arrived[start + 3] != self._next_seq_id:
            self._refuse(self._arrived[start + 3])
        self._next_seq_id = (self._next_seq_id + columns + 1) % 256
        return self._arrived[start : self._place]

    def take(self, shape: Shape, rows: list[Any], at_most: int) -> None:
        """Add the rows that have arrived."""
        text, taken = self._arrived.decode("latin-1"), len(rows)
        place = self._place, self._next_seq_id
        try:
            place = shape.take(self._arrived, text, *place, rows, at_most)
        except ValueError:
            del rows[taken:]
            place = shape.take_any(self._arrived, text, *place, rows, at_most)
        self._place, self._next_seq_id = place


class _PacedResult(MySQLResult):  # type: ignore[misc]  # aiomysql has no types
    connection: Any
    affected_rows: int | None

    async def _get_descriptions(self) -> None:
        connection = self.connection
        self.shape = shape_of(await connection.definitions(self.field_count), connection.encoding)
        self.fields, self.description = self.shape.fields, self.shape.description

    async def _read_rowdata_packet(self) -> None:
        rows: list[tuple[Any, ...]] = []
        connection = self.connection
        at_once = max(1, VALUES_AT_ONCE // self.field_count)
        while True:
            await connection.arrive()
            before = len(rows)
            connection.take(self.shape, rows, at_once)
            if len(rows) == before:
                packet = await connection._read_packet()  # noqa: SLF001 - as the base class does
                if self._check_packet_is_eof(packet):
                    break
                content = packet.get_all_data()
                rows.append(self.shape.whole(content, content.decode("latin-1"), 0))
            elif len(rows) - before == at_once:
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
