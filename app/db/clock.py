"""The database's clock: whatever is decided, stored or deleted by time goes by it, and not by that of a process."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, literal_column, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import scalar
from app.db.types import UtcDateTime
from app.telemetry.outages import Outage
from app.values.frozen import frozen

SKEW_SECONDS_MAX: Final = 2.0
ANCHOR_SECONDS: Final = 2.0
"""How long a time that was read is counted on before it is read again."""
ROUND_TRIP_SECONDS_MAX: Final = 1.0
"""A slower answer says the time too inaccurately."""
# Made once: a compiled statement knows an expression by its identity. A prepared statement takes no parameter for the
# precision.
DATABASE_TIME: Final[ColumnElement[datetime]] = type_coerce(func.utc_timestamp(literal_column("6")), UtcDateTime)
# SQLite gives milliseconds; its DateTime texts have six digits.
SQLITE_TIME: Final[ColumnElement[datetime]] = type_coerce(
    func.strftime("%Y-%m-%d %H:%M:%f", "now").concat("000"), UtcDateTime
)


class ClocksDiffer(Exception):
    """Either the clock of this machine or that of the database is wrong, and nobody knows which."""

    def __init__(self, skew_seconds: float) -> None:
        super().__init__(
            f"the clocks of this machine and of the database differ by {skew_seconds:.0f} s: set the wrong one right"
        )


async def now(connection: AsyncConnection) -> datetime:
    """The database's time, in UTC."""
    moment: datetime = await scalar(connection, select(time_of(connection)))
    return moment


async def time_for_deleting(connection: AsyncConnection) -> datetime:
    """The database's time; ClocksDiffer if this machine says another one, so that no wrong clock deletes anything."""
    reading = await _read(connection)
    if abs(reading.skew_seconds) > SKEW_SECONDS_MAX:
        raise ClocksDiffer(reading.skew_seconds)
    return reading.moment


def time_of(connection: AsyncConnection) -> ColumnElement[datetime]:
    """The database's time in UTC, to be selected with other columns."""
    return SQLITE_TIME if connection.dialect.name == "sqlite" else DATABASE_TIME


def process_time() -> datetime:
    """The time by the clock of this machine, in UTC: for tokens and log lines."""
    return datetime.fromtimestamp(time.time(), UTC)


@frozen
class _Reading:
    """The database's time at `read_at` of the monotonic clock, and how far this machine's clock is ahead of it."""

    moment: datetime
    read_at: float
    skew_seconds: float
    round_trip_seconds: float


async def _read(connection: AsyncConnection) -> _Reading:
    asked_at = time.monotonic()
    moment, here = await now(connection), process_time()
    read_at = time.monotonic()
    # The server looked at its clock at some time between the question and the answer.
    moment += timedelta(seconds=(read_at - asked_at) / 2)
    return _Reading(moment, read_at, (here - moment).total_seconds(), read_at - asked_at)


class DatabaseClock:
    """The database's time in one process, and how far the process's own clock is from it.

    The time is read every few seconds, and counted on by the monotonic clock in between, which nobody can set: it is
    right to half a round trip. Before it is read for the first time, `now` is that of the process. `given` is a clock
    that replaces both.
    """

    def __init__(self, given: Callable[[], datetime] | None = None) -> None:
        self._given = given
        self._anchor: tuple[datetime, float] | None = None
        self.skew_seconds = 0.0
        effect = "not ready, nothing expires and nothing is deleted by age"
        self._outage = Outage("billing", down="clocks_differ", back="clocks_agree", effect=effect)

    @property
    def is_agreed(self) -> bool:
        """Whether the clocks of the process and of the database differ by two seconds at most."""
        return abs(self.skew_seconds) <= SKEW_SECONDS_MAX

    def now(self) -> datetime:
        """The database's time, in UTC."""
        if self._given is not None:
            return self._given()
        if self._anchor is None:
            return process_time()
        moment, read_at = self._anchor
        return moment + timedelta(seconds=time.monotonic() - read_at)

    async def at(self, connection: AsyncConnection) -> datetime:
        """The same for what is stored: the time is read from the database if it was not lately."""
        if self._given is None and (self._anchor is None or time.monotonic() - self._anchor[1] > ANCHOR_SECONDS):
            await self.synchronize(connection)
        return self.now()

    async def synchronize(self, connection: AsyncConnection) -> None:
        """Read the time, and measure how far the process's clock is ahead of it."""
        reading = await _read(connection)
        if self._anchor is not None and reading.round_trip_seconds > ROUND_TRIP_SECONDS_MAX:
            return
        self._anchor = (reading.moment, reading.read_at)
        self.skew_seconds = reading.skew_seconds
        if self.is_agreed:
            self._outage.succeeded()
        else:
            self._outage.failed(ClocksDiffer(self.skew_seconds))
