"""The access log of one process: writes the entries of reads in batches twice a second, and seals the entries of all
processes. Changes write their entries in their own transaction."""

import asyncio
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.entries import STARTED, STOPPED, EntrySigner, PendingOperation
from app.access_log.notes import OperationNotes
from app.access_log.sealer import Sealer
from app.db import access_log as access_log_db
from app.db.engine import Database
from app.domain.access_log import DataClass
from app.domain.access_log_entries import AccessLogKey, SignedEntry
from app.domain.actor import Actor
from app.tasks.waiting import wait_at_most
from app.telemetry.metrics import Metrics
from app.telemetry.outages import Outage

FLUSH_SECONDS: Final = 0.5
SEAL_SECONDS: Final = 2.0
QUIET_SECONDS: Final = 10.0
"""So long after it has written something, a process looks as seldom for entries of others, which seal their own."""
# Signing and formatting 1,000 person rows takes about 5 ms, during which nobody else is served.
BATCH_OPERATIONS_MAX: Final = 200
BATCH_PERSONS_MAX: Final = 1_000
OTHERS_MAX: Final = 1_000
HEARERS_OF_A_PERSON: Final = 10
"""So many hearers are as much work as a person row."""
# While the database is down nothing can be read, so little is added: more operations than this are not expected.
PENDING_MAX: Final = 100_000
REPORT_SECONDS: Final = 3_600.0  # the end of the chain goes to the process log so often
_log = structlog.get_logger("billing.access_log")


class AccessLogWriter:
    """Writes and seals entries; `writer` names this process in them."""

    def __init__(self, database: Database, key: AccessLogKey, *, now: Callable[[], datetime], metrics: Metrics) -> None:
        self.key = key
        self.writer = secrets.token_hex(8)
        self._signer = EntrySigner(key, self.writer)
        self._sealer = Sealer(database, key)
        self._database = database
        self._now = now
        self._metrics = metrics
        self._pending: deque[PendingOperation] = deque()
        self._heard: dict[Hashable, PendingOperation] = {}
        self._batch: Sequence[SignedEntry] = ()
        # Entries that `store` could not write, or was cancelled at: whether they are stored is not known.
        self._uncertain: deque[Sequence[SignedEntry]] = deque()
        self._sequence = 0
        self._seal_at = self._report_at = self._written_at = -math.inf
        self._noted = asyncio.Event()
        self._is_stopping = asyncio.Event()
        self._outage = Outage(
            "billing.access_log", down="access_log_failed", back="access_log_back", effect="entries wait in memory"
        )

    def note(self, actor: Actor, notes: OperationNotes) -> None:
        """Add what an operation showed; it is written within a second."""
        pending = PendingOperation(self._now(), actor, notes)
        if len(self._pending) < PENDING_MAX:
            self._pending.append(pending)
            self._noted.set()
        else:
            self._metrics.audit_lost.inc(pending.entries)
            self._sequence += pending.entries  # the check reports the gap

    def note_heard(self, actor: Actor, notes: OperationNotes) -> None:
        """Add that the actor received an answer which others may receive too: those who do before it is written, and
        whose roles are the same, have one entry."""
        key = (id(notes), actor.door, actor.purpose, actor.roles)
        known = self._heard.get(key)
        if known is not None and len(known.others) < OTHERS_MAX:
            known.others.append(actor)
            return
        self.note(actor, notes)
        if self._pending and self._pending[-1].notes is notes:
            self._heard[key] = self._pending[-1]

    async def store(self, actor: Actor, notes: OperationNotes) -> None:
        """Store the entry of what an operation showed at once; raises what the database raises.

        A failed one is written later all the same: the caller has seen nothing, but the numbers of this process have
        no gap.
        """
        pending = PendingOperation(self._now(), actor, notes)
        patients = await self._patients(set(pending.claims()))
        batch = list(self._signer.of_operation(pending, patients, self._sequence + 1))
        self._sequence += len(batch)
        try:
            await self._write(batch)
        except BaseException:
            self._uncertain.append(batch)
            self._noted.set()
            raise

    async def record(
        self,
        connection: AsyncConnection,
        actor: Actor,
        *,
        operation: str,
        changed: Iterable[tuple[str | None, str | None]],
        disclosed: Collection[DataClass] = (),
        detail: str | None = None,
    ) -> None:
        """Write a change of these (object id, patient id) pairs in the transaction that makes it; `disclosed` are the
        classes of their data that its result shows."""
        self._written()
        entry = self._signer.of_change(self._now(), actor, operation, changed, disclosed, detail)
        await access_log_db.insert_entries(connection, [entry])

    async def run(self) -> None:
        """Write and seal until `stop`; while the database is down, entries wait in memory."""
        self._note_process(STARTED)
        while not self._is_stopping.is_set():
            await self._round()
            await self._pause()
        self._note_process(STOPPED)
        self._seal_at = self._report_at = -math.inf
        await self._round()

    def stop(self) -> None:
        """Make `run` write what is pending, and return."""
        self._is_stopping.set()
        self._noted.set()

    def _note_process(self, event: str) -> None:
        notes = OperationNotes()
        notes.operation = event
        self._pending.append(PendingOperation(self._now(), None, notes))

    async def _pause(self) -> None:
        """Half a second, in which operations are collected; longer while there is nothing to write or to seal."""
        is_waiting = self._pending or self._batch or self._uncertain
        if not is_waiting and time.monotonic() - self._written_at > QUIET_SECONDS:
            await wait_at_most(self._noted, QUIET_SECONDS)
        self._noted.clear()
        await wait_at_most(self._is_stopping, FLUSH_SECONDS)

    async def _round(self) -> None:
        """Write everything that is pending and, two seconds after the last time or later, seal."""
        is_sealing = time.monotonic() >= self._seal_at
        try:
            await self.flush()
            sealed = await self._sealer.seal() if is_sealing else None
        except Exception as error:  # noqa: BLE001 - any failure is retried in the next round
            self._outage.failed(error)
            return
        if is_sealing:  # the other rounds may have nothing to write, and prove nothing
            self._outage.succeeded()
            self._seal_at = time.monotonic() + SEAL_SECONDS
        if sealed is not None and time.monotonic() >= self._report_at:
            _log.info("access_log", position=sealed.position, hash=sealed.digest)
            self._report_at = time.monotonic() + REPORT_SECONDS

    def _written(self) -> None:
        """Something is to be sealed."""
        self._written_at = time.monotonic()
        self._noted.set()

    async def flush(self) -> None:
        """Write everything that is pending."""
        while self._uncertain:
            await self._write(self._uncertain[0])
            self._uncertain.popleft()
        while self._batch or self._pending:
            if not self._batch:
                self._batch = await self._next_batch()
            await self._write(self._batch)
            self._batch = ()

    async def _next_batch(self) -> list[SignedEntry]:
        """The entries of the oldest operations; a retry writes the same entries, with the same ids."""
        chosen = self._oldest()
        # Whoever receives one of these from now on has another entry: what is signed is not changed.
        self._heard.clear()
        patients = await self._patients({claim for pending in chosen for claim in pending.claims()})
        batch: list[SignedEntry] = []
        for pending in chosen:
            batch += self._signer.of_operation(pending, patients, self._sequence + len(batch) + 1)
        self._sequence += len(batch)
        for _ in chosen:
            self._pending.popleft()
        return batch

    async def _patients(self, claims: set[str]) -> dict[str, str]:
        if not claims:
            return {}
        async with self._database.reading() as connection:
            return await access_log_db.patients_of(connection, claims)

    def _oldest(self) -> list[PendingOperation]:
        found: list[PendingOperation] = []
        persons = 0
        for pending in self._pending:
            if len(found) == BATCH_OPERATIONS_MAX or persons >= BATCH_PERSONS_MAX:
                break
            found.append(pending)
            persons += len(pending.notes.revealed) + len(pending.others) // HEARERS_OF_A_PERSON
        return found

    async def _write(self, batch: Sequence[SignedEntry]) -> None:
        self._written()
        try:
            await self._database.transact(lambda connection: access_log_db.insert_entries(connection, batch))
        except IntegrityError:
            # The connection may have been lost during a COMMIT that succeeded: then the retry's ids are duplicates.
            async with self._database.reading() as connection:
                if not await access_log_db.is_written(connection, batch[0].entry.id):
                    raise
        self._sealer.expect(batch[0].entry.id)
