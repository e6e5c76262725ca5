"""The database's clock: what is deleted by its age is compared with this time and not with that of a process."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import scalar
from app.db.types import UtcDateTime


async def now(connection: AsyncConnection) -> datetime:
    """The database's time, in UTC."""
    moment: datetime = await scalar(connection, select(time_of(connection)))
    return moment


def time_of(connection: AsyncConnection) -> ColumnElement[datetime]:
    """The database's time in UTC, to be selected with other columns."""
    if connection.dialect.name == "sqlite":
        # SQLite gives milliseconds; its DateTime texts have six digits.
        return type_coerce(func.strftime("%Y-%m-%d %H:%M:%f", "now").concat("000"), UtcDateTime)
    return type_coerce(func.utc_timestamp(6), UtcDateTime)
