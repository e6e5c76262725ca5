"""The entries of the access log that executions leave in its tables."""

from typing import Any, Final

from sqlalchemy import select

from app.access_log.writer import AccessLogWriter
from app.db.access_log_tables import access_log_entries as entries
from app.db.access_log_tables import access_log_persons as persons
from app.db.clock import process_time
from app.resolvers.context import Context
from tests.gateway import Gateway

_OWN: Final = frozenset({"id", "at", "writer", "writer_sequence", "digest"})
_ENTRY: Final = tuple(each for each in entries.c if each.name not in _OWN)
_PERSON: Final = tuple(each for each in persons.c if each.name not in ("entry_id", "at"))


class StoredLog:
    """An access log of a gateway with a writer of its own, which writes when it is told."""

    def __init__(self, gateway: Gateway) -> None:
        self._database = gateway.database
        parts = gateway.parts
        self._writer = AccessLogWriter(gateway.database, parts.access_log.key, now=process_time, metrics=parts.metrics)

    async def enter(self, context: Context) -> None:
        """Enter what an operation of this context has shown and refused, as after its execution."""
        context.access_log = self._writer
        await context.store_disclosures()
        context.record_disclosures(context.disclosures())

    def enter_heard(self, context: Context) -> None:
        """The same of an event of a subscription."""
        context.access_log = self._writer
        context.record_heard(context.disclosures())

    async def rows(self) -> list[dict[str, Any]]:
        """Each entry as it is stored, and the rows of its persons as "seen", in the order of their numbers; without
        what differs each time: ids, times, the writer, its numbers and the digest."""
        await self._writer.flush()
        own = entries.c.writer == self._writer.writer
        async with self._database.reading() as connection:
            made = await connection.execute(
                select(*_ENTRY, entries.c.id).where(own).order_by(entries.c.writer_sequence)
            )
            seen = await connection.execute(
                select(persons.c.entry_id, *_PERSON)
                .join(entries, entries.c.id == persons.c.entry_id)
                .where(own)
                .order_by(persons.c.entry_id, persons.c.person)
            )
        found: dict[str, list[Any]] = {}
        for entry_id, *person in seen:
            found.setdefault(entry_id, []).append(person)
        return [{**row._mapping, "seen": found.get(row.id, []), "id": None} for row in made]
