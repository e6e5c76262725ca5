"""The access log of one process: what operations showed is written in batches twice a second, and everybody's entries
are sealed in order. Changes write their entries in their own transaction."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.entries import STARTED, STOPPED, EntrySigner, Waiting
from app.access_log.notes import OperationNotes
from app.access_log.sealer import Sealer
from app.db import access_log as access_log_db
from app.db.engine import Database, DatabaseUnavailable
from app.domain.access_log import DataClass
from app.domain.access_log_entries import AccessLogKey, SignedEntry
from app.domain.actor import Actor
from app.telemetry.metrics import Metrics

FLUSH_SECONDS: Final = 0.5
SEAL_ROUNDS: Final = 4
# Signing and formatting 1,000 person rows takes about 5 ms, during which nobody else is served.
BATCH_OPERATIONS_MAX: Final = 200
BATCH_PERSONS_MAX: Final = 1_000
# A database that is down lets nothing be read either: this many operations are more than can come together.
WAITING_MAX: Final = 100_000
REPORT_ROUNDS: Final = 7_200  # the end of the chain goes to the process log about once an hour
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
        self._waiting: deque[Waiting] = deque()
        self._batch: Sequence[SignedEntry] = ()
        self._sequence = 0
        self._report_at = 0
        self._is_stopping = asyncio.Event()

    def note(self, actor: Actor, notes: OperationNotes) -> None:
        """Take what an operation showed, to be written within a second."""
        waiting = Waiting(self._now(), actor, notes)
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(waiting)
        else:
            self._metrics.audit_lost.inc(waiting.entries)
            self._sequence += waiting.entries  # the gap shows

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
        classes of their data that its result carries."""
        entry = self._signer.of_change(self._now(), actor, operation, changed, disclosed, detail)
        await access_log_db.insert_entries(connection, [entry])

    async def run(self) -> None:
        """Write and seal until `stop`; a database that is down is waited for."""
        self._note_process(STARTED)
        rounds = 0
        while not self._is_stopping.is_set():
            await self._round(rounds)
            rounds += 1
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._is_stopping.wait()
            except TimeoutError:
                continue
        self._note_process(STOPPED)
        self._report_at = 0
        await self._round(0)

    def stop(self) -> None:
        """Let `run` write what it has, and end."""
        self._is_stopping.set()

    def _note_process(self, event: str) -> None:
        notes = OperationNotes()
        notes.operation = event
        self._waiting.append(Waiting(self._now(), None, notes))

    async def _round(self, number: int) -> None:
        """Write everything that waits and, in every fourth round, seal what is in no seal."""
        try:
            await self.flush()
            sealed = await self._sealer.seal() if number % SEAL_ROUNDS == 0 else None
        except DatabaseUnavailable:
            return
        except Exception as error:  # noqa: BLE001 - whatever fails, the next round tries again
            _log.error("access_log_failed", error=type(error).__name__, effect="tried again, nothing is dropped")
            return
        if sealed is not None and number >= self._report_at:
            _log.info("access_log", position=sealed.position, hash=sealed.digest)
            self._report_at = number + REPORT_ROUNDS

    async def flush(self) -> None:
        """Write everything that waits."""
        while self._batch or self._waiting:
            if not self._batch:
                self._batch = await self._next_batch()
            await self._write(self._batch)
            self._batch = ()

    async def _next_batch(self) -> list[SignedEntry]:
        """The entries of the operations at the front; they keep their ids until they are written."""
        chosen = self._front()
        patients = await self._patients({claim for waiting in chosen for claim in waiting.claims()})
        batch: list[SignedEntry] = []
        for waiting in chosen:
            batch += self._signer.of_operation(waiting, patients, self._sequence + len(batch) + 1)
        self._sequence += len(batch)
        for _ in chosen:
            self._waiting.popleft()
        return batch

    async def _patients(self, claims: set[str]) -> dict[str, str]:
        if not claims:
            return {}
        async with self._database.reading() as connection:
            return await access_log_db.patients_of(connection, claims)

    def _front(self) -> list[Waiting]:
        found: list[Waiting] = []
        persons = 0
        for waiting in self._waiting:
            if len(found) == BATCH_OPERATIONS_MAX or persons >= BATCH_PERSONS_MAX:
                break
            found.append(waiting)
            persons += len(waiting.notes.revealed)
        return found

    async def _write(self, batch: Sequence[SignedEntry]) -> None:
        try:
            await self._database.transact(lambda connection: access_log_db.insert_entries(connection, batch))
        except IntegrityError:
            # A connection that broke during COMMIT leaves open whether the batch was written; the second try shows it.
            async with self._database.reading() as connection:
                if not await access_log_db.is_written(connection, batch[0].entry.id):
                    raise
        self._sealer.expect(batch[0].entry.id)
