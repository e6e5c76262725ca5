"""An access log that nobody writes to, for tests that do to it what must never be done."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.chain import Report
from app.access_log.check import check
from app.db import access_log as access_log_db
from app.db.access_log_tables import access_log_entries, access_log_sealed, access_log_seals
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey, ChainHead, Seal, SignedEntry
from app.runtime.build import access_log_key_of
from app.runtime.settings import Settings
from tests.commands import billing
from tests.factories import new_world
from tests.faults.processes import environment_of
from tests.gateway import embedded_settings, running_gateway

LOOK = "query($id: ID!) { claim(id: $id) { id clinicalIndication items { code totalAmount } } }"
SEALED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class StoppedLog:
    """The log of a gateway that has stopped: five entries in three seals, of two, two and one entries, a day apart."""

    settings: Settings
    database: Database
    key: AccessLogKey

    @classmethod
    def at(cls, directory: Path) -> "StoppedLog":
        """The log in this directory."""
        settings = embedded_settings(directory)
        return cls(settings, Database(settings.database), access_log_key_of(settings))

    async def report(self, expected: ChainHead | None = None, *archives: Path) -> Report:
        """What a check finds."""
        return await check(self.database, key=self.key, expected=expected, archives=archives)

    async def problems(self, expected: ChainHead | None = None) -> list[str]:
        """What a check finds wrong."""
        return (await self.report(expected)).problems

    async def change(self, *statements: Any) -> None:
        """Do to the log what nobody may do."""

        async def work(connection: AsyncConnection) -> None:
            for statement in statements:
                await connection.execute(statement)

        await self.database.transact(work)

    async def ids(self) -> list[str]:
        """The ids of all entries, in order."""
        async with self.database.reading() as connection:
            query = select(access_log_entries.c.id).order_by(access_log_entries.c.id)
            return [row.id for row in (await connection.execute(query)).all()]

    async def entry(self, entry_id: str) -> SignedEntry:
        """One entry with its persons."""
        async with self.database.reading() as connection:
            return (await access_log_db.entries_by_ids(connection, [entry_id]))[entry_id]

    async def seals(self) -> list[Seal]:
        """All seals, in order."""
        async with self.database.reading() as connection:
            return await access_log_db.seals_after(connection, 0, 100)

    def billing(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output and errors of the command line on this log."""
        done = billing(*arguments, **environment_of(self.settings))
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout.strip(), done.stderr


async def make_original(directory: Path) -> None:
    """Run a gateway in this directory for a claim and a look at it, then seal its entries in known groups."""
    async with running_gateway(embedded_settings(directory)) as gateway:
        world = await new_world(gateway)
        claim = (await world.submitted_claim())["id"]
        await world.call("reviewer", LOOK, id=claim)
    log = StoppedLog.at(directory)
    await log.change(delete(access_log_sealed), delete(access_log_seals))
    await _seal(log)
    await log.database.dispose()


async def _seal(log: StoppedLog) -> None:
    entries = await log.ids()
    head: ChainHead | None = None
    for number, group in enumerate((entries[:2], entries[2:4], entries[4:])):
        signed = [await log.entry(entry_id) for entry_id in group]
        pairs = [(each.entry.id, each.digest) for each in signed]
        seal = log.key.seal(head, pairs, sealed_at=SEALED_AT + timedelta(days=number))
        await log.database.transact(partial(access_log_db.insert_seal, seal=seal, entry_ids=group))
        head = seal.head


def copy_of(original: Path, directory: Path) -> StoppedLog:
    """A copy to spoil."""
    shutil.copytree(original, directory)
    return StoppedLog.at(directory)
