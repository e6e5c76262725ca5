"""Cursors of the event streams: signed places in the event log, opaque to clients."""

import hashlib
from typing import Final

import orjson

from app.db.engine import Database
from app.db.outbox import LogPlace
from app.domain.cursor_key import CursorKey
from app.values.frozen import frozen

KIND: Final = "stream"
"""Cursors of lists have the same key, and a hexadecimal digest in this place."""
MARK_BYTES: Final = 6


@frozen
class StreamPlace:
    """What a cursor says: a position, and the marks of the event there and of the database's incarnation."""

    position: int
    event: str
    incarnation: str

    def is_of(self, event_id: str | None, incarnation: str) -> bool:
        """Whether the event with this id has the position in this incarnation; None for an event that is not known."""
        return self.incarnation == _mark(incarnation) and (event_id is None or self.event == _mark(event_id))


class StreamCursors:
    """Makes and reads the cursors of one database.

    A restored event log gives the positions after its end to other events, so a cursor does not only have a position.
    The event and the incarnation are digests: a cursor does not name an event that its client may not see.
    """

    def __init__(self, key: CursorKey, database: Database) -> None:
        self._key = key
        self._database = database

    def cursor(self, place: LogPlace) -> str:
        """The cursor from which a stream continues after this place."""
        # While the incarnation is not known yet, the cursor is of none, and expired from the beginning.
        incarnation = _mark(self._database.incarnation or "")
        return self._key.sign(orjson.dumps([KIND, place.position, _mark(place.event_id), incarnation]))

    def place(self, cursor: str) -> StreamPlace:
        """What the cursor says; ValueError unless it is a stream cursor that was signed with this key."""
        kind, *rest = orjson.loads(self._key.content(cursor))
        if kind != KIND:
            raise ValueError(cursor)
        return StreamPlace(*rest)


def _mark(identifier: str) -> str:
    return hashlib.blake2b(identifier.encode(), digest_size=MARK_BYTES).hexdigest()
