"""The connections to MySQL of one process: open for long, given to one caller at a time."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.server_errors import REFUSING_WRITES, error_number
from app.db.session import WHERE_AM_I, Heard, Place, Session
from app.telemetry.outages import Outage

PING_SECONDS: Final = 1.0
"""A session that was unused for longer is asked for a sign before it is used."""
RECYCLE_SECONDS: Final = 1_800
SURPLUS_SECONDS: Final = 10.0
"""A session above the pool's size is closed when it was unused for longer: to open one takes some milliseconds of
processor time, as much as ten requests, and under load it is needed again at once."""
KILL_SECONDS: Final = 1.0
ENDED_ALREADY: Final = frozenset({1094})
"""The server does not know the connection."""


class Lent:
    """A session of the pool while somebody has it. It is taken for each statement that reads: a generator in place of
    this class costs as much as all that it does."""

    __slots__ = ("_is_checked", "_pool", "_session")

    def __init__(self, pool: "Pool", is_checked: bool) -> None:
        self._pool = pool
        self._is_checked = is_checked
        self._session: Session | None = None

    async def __aenter__(self) -> Session:
        self._session = await self._pool.take(is_checked=self._is_checked)
        return self._session

    async def __aexit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        assert self._session is not None  # noqa: S101 - entered
        await self._pool.give_back(self._session, error)


class Pool:
    """At most twice `size` sessions, of which `size` stay open without use; whoever comes later waits.

    `heard` is called with each compiled statement.
    """

    def __init__(self, engine: AsyncEngine, *, size: int, is_reading: bool, heard: list[Heard]) -> None:
        self._engine = engine
        self._size = size
        self._is_reading = is_reading
        self._heard = heard
        self._free: list[Session] = []
        self._places = asyncio.Semaphore(2 * size)
        self._left_at = 0.0
        self._closing: set[asyncio.Task[None]] = set()
        self._to_kill: list[Place] = []
        self._is_killing = False
        self._kills = Outage(
            "billing.database", down="kill_failed", back="kill_works", effect="statements run on until their time limit"
        )

    def session(self, *, is_checked: bool = False) -> "Lent":
        """A session; it is closed after anything that leaves a statement or a transaction open.

        `is_checked` asks the server for a sign in any case.
        """
        return Lent(self, is_checked)

    async def take(self, *, is_checked: bool) -> Session:
        """A session, when it is its caller's turn; `give_back` it in any case."""
        await self._places.acquire()
        try:
            return await self._taken(is_checked=is_checked)
        except BaseException:
            self._places.release()
            raise

    async def give_back(self, session: Session, error: BaseException | None) -> None:
        """The session of a caller who is done, or has failed with this error."""
        try:
            if error is None:
                self._returned(session)
            elif isinstance(error, Exception):
                if error_number(error) in REFUSING_WRITES:
                    # After a failover the others, too, still lead to the server that was the primary before.
                    self.leave()
                await self._returned_after_failure(session)
            else:
                self._cut_off(session)
        finally:
            self._places.release()

    async def _taken(self, *, is_checked: bool) -> Session:
        while self._free:
            found = self._free.pop()
            unused = time.monotonic() - found.used_at
            if not is_checked and unused < PING_SECONDS and found.is_usable:
                found.taken()
                return found
            if await self._answers(found):
                return found
        return await self._opened()

    async def _answers(self, session: Session) -> bool:
        """Whether the server still knows the session; otherwise it is closed, and the others are asked too."""
        try:
            if session.is_usable and time.monotonic() - session.opened_at < RECYCLE_SECONDS:
                await session.ping()
                return True
        except Exception:  # noqa: BLE001 - whatever the driver says, the next session or a new one serves the caller
            self.suspect()
        except BaseException:
            self._close(session)
            raise
        self._close(session)
        return False

    async def _opened(self) -> Session:
        session = Session(self._engine, is_reading=self._is_reading, heard=self._heard)
        try:
            await session.open()
        except BaseException:
            self._close(session)
            raise
        return session

    async def _returned_after_failure(self, session: Session) -> None:
        if session.is_usable and not self._is_reading:
            try:
                await session.rollback_all()
            except BaseException:
                self._close(session)
                raise
        self._returned(session)

    def _returned(self, session: Session) -> None:
        if not session.is_usable:
            self.suspect()
        elif session.opened_at > self._left_at:
            session.used_at = time.monotonic()
            session.asked = None
            self._free.append(session)
            self._close_surplus(session.used_at)
            return
        self._close(session)

    def _close_surplus(self, now: float) -> None:
        """The sessions used last are used first, so the first one has been unused for the longest time."""
        if len(self._free) > self._size and now - self._free[0].used_at > SURPLUS_SECONDS:
            self._close(self._free.pop(0))

    def _cut_off(self, session: Session) -> None:
        """Its caller was cancelled: what the server is about to send answers a statement that nobody waits for."""
        if session.runs_on:
            self._to_kill.append(session.place)
            self._beside(self._kill())
        if self._is_reading and session.is_usable:
            self._returned(session)
        else:
            session.abort()
            self._close(session)

    def suspect(self) -> None:
        """Ask the server for a sign of every session before it is used again: one of them was lost."""
        for each in self._free:
            each.used_at = 0.0

    def leave(self) -> None:
        """Use no session any more that is open now: their server refuses to write."""
        self._left_at = time.monotonic()
        while self._free:
            self._close(self._free.pop())

    def _close(self, session: Session) -> None:
        self._beside(self._closed(session))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the caller, who has no time for it."""
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _closed(self, session: Session) -> None:
        with contextlib.suppress(Exception):
            if not session.is_usable:
                session.abort()
                await session.invalidate()
            await session.close()

    async def _kill(self) -> None:
        """End the statements that were cut off: they would run on, and hold their locks, until their time limit.

        That ends those of a server of a cluster that this connection does not reach.
        """
        if self._is_killing:
            return
        self._is_killing = True
        try:
            async with asyncio.timeout(KILL_SECONDS), self._engine.connect() as connection:
                here: Sequence[Any] = (await connection.exec_driver_sql(WHERE_AM_I)).one()
                while self._to_kill:
                    place = self._to_kill.pop()
                    # The same number is somebody else's on another server.
                    if place.server == tuple(here[:2]):
                        await self._killed(connection, place.number)
            self._kills.succeeded()
        except Exception as error:  # noqa: BLE001 - whatever it is, the time limit ends them
            self._to_kill.clear()
            self._kills.failed(error)
        finally:
            self._is_killing = False

    async def _killed(self, connection: AsyncConnection, number: int) -> None:
        try:
            await connection.execute(text(f"KILL {number}"))
        except DBAPIError as error:
            if error_number(error) not in ENDED_ALREADY:
                raise

    async def dispose(self) -> None:
        """Close every session that nobody uses, and those in use when they come back."""
        self.leave()
        if self._closing:
            await asyncio.wait(set(self._closing))
