"""Stream cursors for tests: made for any position, and read without the key."""

import base64

import orjson

from app.db import identity
from app.db import outbox as outbox_db
from app.db.engine import Database
from app.db.outbox import LogPlace
from app.domain.cursor_key import TAG_BYTES, CursorKey
from app.events.cursors import StreamCursors
from app.runtime.build import secret_of
from app.runtime.settings import Settings

NO_EVENT = "no such event"


async def stream_cursor(settings: Settings, database: Database, position: int) -> str:
    """The cursor that a gateway with these settings makes for this position; where the log has no event, for one that
    is in no log."""
    await identity.of(database)
    async with database.reading() as connection:
        event_id = await outbox_db.event_at(connection, position) or (NO_EVENT if position else "")
    cursors = StreamCursors(CursorKey(secret_of(settings, "cache_secret")), database)
    return cursors.cursor(LogPlace(position, event_id))


def position_of(cursor: str) -> int:
    """The position that a gateway wrote into a cursor."""
    plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    _, position, *_ = orjson.loads(plain[TAG_BYTES:])
    return int(position)
