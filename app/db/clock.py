"""The database's clock: what is deleted by its age is compared with this time and not with that of a process."""

from datetime import datetime

from sqlalchemy import func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import scalar
from app.db.types import UtcDateTime


async def now(connection: AsyncConnection) -> datetime:
    """The database's time, in UTC."""
    if connection.dialect.name == "sqlite":
        # SQLite gives milliseconds; its DateTime texts have six digits.
        text = func.strftime("%Y-%m-%d %H:%M:%f", "now").concat("000")
        moment: datetime = await scalar(connection, select(type_coerce(text, UtcDateTime)))
    else:
        moment = await scalar(connection, select(type_coerce(func.utc_timestamp(6), UtcDateTime)))
    return moment
