"""Seals the entries of every process, in the order of their ids, as one chain.

The digest of a seal covers those of its entries and of the seal before it, so that a later change or removal shows.
Seals are rows of their own: rows are only ever inserted into the log, and entries are never updated.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError

from app.db import access_log as access_log_db
from app.db.access_log import Unsealed
from app.db.engine import Database
from app.domain import ids
from app.domain.access_log_entries import AccessLogKey, ChainHead, Seal

SEAL_SIZE: Final = 200
# An entry gets its id before its transaction commits, seconds later at most: it may become visible after later ids were
# sealed. Each search goes back by a minute; the first one, and then every 300th, by an hour, for processes whose clocks
# are wrong.
OVERLAP_SECONDS: Final = 60
WIDE_OVERLAP_SECONDS: Final = 3_600
WIDE_EVERY: Final = 300
_log = structlog.get_logger("billing.access_log")


class Sealer:
    """Seals entries that are not sealed yet. Any number of processes may do it: the primary key of the position lets
    only one of them insert the next seal."""

    def __init__(self, database: Database, key: AccessLogKey) -> None:
        self._database = database
        self._key = key
        self._searches = 0
        self._known: ChainHead | None = None
        self._expected: str | None = None

    def expect(self, entry_id: str) -> None:
        """Search from this entry on: its id may be old if the database was down when the entry was made."""
        self._expected = entry_id if self._expected is None else min(entry_id, self._expected)

    async def seal(self) -> Seal | None:
        """Seal what is not sealed; the last new seal, None if nothing was left or another process was faster."""
        last: Seal | None = None
        while (sealed := await self._seal_once()) is not None:
            last = sealed
            if sealed.entries < SEAL_SIZE:
                break
        return last

    async def _seal_once(self) -> Seal | None:
        async with self._database.reading() as connection:
            end = await access_log_db.head(connection)
            found = await access_log_db.unsealed(connection, self._since(end), SEAL_SIZE)
        head = None if end is None else end.head
        self._notice_loss(head)
        if not found:
            self._expected = None
            return None
        try:
            sealed = await self._insert(head, found)
        except IntegrityError:
            return None  # another process has sealed them, or will
        self._known = sealed.head
        self._expected = None if len(found) < SEAL_SIZE else self._expected
        return sealed

    async def _insert(self, head: ChainHead | None, found: Sequence[Unsealed]) -> Seal:
        seal = self._key.seal(head, [(each.entry_id, each.digest) for each in found], sealed_at=found[0].read_at)
        entry_ids = [each.entry_id for each in found]
        await self._database.transact(lambda connection: access_log_db.insert_seal(connection, seal, entry_ids))
        return seal

    def _since(self, end: Seal | None) -> str:
        """The id from which to search for unsealed entries."""
        is_wide = self._searches % WIDE_EVERY == 0
        self._searches += 1
        if end is None:
            return ""
        overlap = WIDE_OVERLAP_SECONDS if is_wide else OVERLAP_SECONDS
        # The database's time of the seal bounds it too: one id of a process whose clock was far ahead would otherwise
        # hide every entry that comes after it.
        by_time = ids.lowest_at(ids.AUDIT, end.sealed_at - timedelta(seconds=overlap))
        since = min(ids.earlier(end.last_entry_id, overlap), by_time)
        return since if self._expected is None else min(since, self._expected)

    def _notice_loss(self, head: ChainHead | None) -> None:
        """Report once that the chain ends before a seal that this process has seen."""
        known, self._known = self._known, head
        if known is not None and (head is None or head.position < known.position):
            _log.error("access_log_cut_off", known=known.position, found=0 if head is None else head.position)
