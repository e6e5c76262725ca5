"""The access log of one process: what operations showed is written in batches twice a second, and everybody's entries
are sealed in order. Changes write their entries themselves, in their own transaction."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log import chain as audit
from app.db import access_log as audit_db
from app.db.access_log import ChainHead
from app.db.engine import Database, DatabaseUnavailable
from app.domain import ids
from app.domain.access_log import AccessDecision, AccessKind, Entry, PurposeOfUse, Seal
from app.domain.actor import Actor
from app.telemetry.metrics import Metrics

FLUSH_SECONDS: Final = 0.5
BATCH_MAX: Final = 2_000
# A database that is away lets nothing be read either: this many entries are more than can come together.
WAITING_MAX: Final = 100_000
NOTED_EVERY: Final = 7_200  # rounds: the end of the log is told to the process log about once an hour
_log = structlog.get_logger("billing.audit")


@dataclass(frozen=True, slots=True)
class Who:
    """The caller as the log names them."""

    actor: str
    roles: str
    purpose: PurposeOfUse


@dataclass(frozen=True, slots=True)
class Seen:
    """What one operation showed and what it refused.

    `revealed` maps persons (a patient's id, a claim's id where the patient is not at hand, None for nobody) to the
    classes of data shown of them; `refused` holds (class or "", permission) pairs, `emergencies` the accesses used.
    """

    operation: str
    revealed: Mapping[str | None, frozenset[str]]
    refused: frozenset[tuple[str, str]]
    emergencies: Mapping[str, str]


def who_of(actor: Actor) -> Who:
    """The actor as the log names them."""
    return Who(actor.subject, ",".join(sorted(actor.roles))[:200], actor.purpose)


def person_of(record: Any) -> str | None:
    """Whose data a record is: a patient's id, else the id of the claim that knows the patient."""
    found: str | None = getattr(record, "patient_id", None) or getattr(record, "claim_id", None)
    if found is None:
        found = getattr(record, "id", None)
        return found if isinstance(found, str) and found.startswith(ids.PATIENT) else None
    return found


class AccessLogWriter:
    """Writes and seals entries; `writer` names this process in them."""

    def __init__(self, database: Database, seal: Seal, *, now: Callable[[], datetime], metrics: Metrics) -> None:
        self.seal = seal
        self.writer = secrets.token_hex(8)
        self._database = database
        self._now = now
        self._metrics = metrics
        self._waiting: deque[Entry] = deque()
        self._sequence = 0
        self._is_stopping = asyncio.Event()

    def note(self, who: Who, request_id: str, seen: Seen) -> None:
        """Keep what an operation showed, to be written within a second."""
        for entry in self._entries(who, request_id, seen):
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append(entry)
            else:
                self._metrics.audit_lost.inc()
                self._sequence += 1  # the gap shows

    def _entries(self, who: Who, request_id: str, seen: Seen) -> Iterable[Entry]:
        blank = self._entry(who, AccessKind.READ, seen.operation, request_id)
        for person, classes in seen.revealed.items():
            access = seen.emergencies.get(person or "")
            purpose = PurposeOfUse.BTG if access else who.purpose
            told = ",".join(sorted(classes))
            yield replace(
                blank, id=ids.new_id(ids.AUDIT), person=person, data_classes=told, purpose=purpose, detail=access
            )
        if seen.refused:
            classes = frozenset(kind for kind, _ in seen.refused if kind)
            missing = ", ".join(sorted({permission for _, permission in seen.refused}))
            yield replace(
                blank,
                id=ids.new_id(ids.AUDIT),
                data_classes=",".join(sorted(classes)),
                decision=AccessDecision.REFUSED,
                detail=missing[:200],
            )

    def _entry(self, who: Who, kind: AccessKind, operation: str, request_id: str) -> Entry:
        return Entry(
            id=ids.new_id(ids.AUDIT),
            at=self._now(),
            kind=kind,
            actor=who.actor,
            roles=who.roles,
            purpose=who.purpose,
            operation=operation[:200],
            object_id=None,
            person=None,
            data_classes="",
            decision=AccessDecision.ALLOWED,
            detail=None,
            request_id=request_id,
            writer=self.writer,
            writer_sequence=None,
        )

    async def record(
        self,
        connection: AsyncConnection,
        actor: Actor,
        *,
        operation: str,
        changed: Iterable[tuple[str | None, str | None]],
        detail: str | None = None,
    ) -> None:
        """Write a change of these (object id, person) pairs in the transaction that makes it."""
        blank = self._entry(who_of(actor), AccessKind.WRITE, operation, actor.request_id)
        entries = [
            replace(blank, id=ids.new_id(ids.AUDIT), object_id=each, person=person, detail=detail)
            for each, person in changed
        ]
        await audit_db.insert_entries(connection, await self._pseudonymous(connection, entries or [blank]))

    async def _pseudonymous(self, connection: AsyncConnection, entries: list[Entry]) -> list[Entry]:
        """The entries with pseudonyms in the place of patients and claims."""
        claims = {entry.person for entry in entries if entry.person and entry.person.startswith(ids.CLAIM)}
        patients = await audit_db.patients_of(connection, claims)
        return [self._hidden(entry, patients) for entry in entries]

    def _hidden(self, entry: Entry, patients: Mapping[str, str]) -> Entry:
        if entry.person is None:
            return entry
        return replace(entry, person=self.seal.person(patients.get(entry.person, entry.person)))

    async def run(self) -> None:
        """Write and seal until `stop`; a database that is away is waited for."""
        self._waiting.append(self._process(audit.STARTED))
        rounds = 0
        while not self._is_stopping.is_set():
            place = await self._round()
            if place is not None and rounds % NOTED_EVERY == 0:
                _log.info("access_log", position=place.position, hash=place.hash)
            rounds += place is not None
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._is_stopping.wait()
            except TimeoutError:
                continue
        self._waiting.append(self._process(audit.STOPPED))
        await self._round()

    def stop(self) -> None:
        """Let `run` write what it has, and end."""
        self._is_stopping.set()

    def _process(self, event: str) -> Entry:
        return self._entry(Who("billing", "", PurposeOfUse.HSYSADMIN), AccessKind.PROCESS, event, "-")

    async def _round(self) -> ChainHead | None:
        """Everything that waits, written and sealed; the new end of the log, if it has grown."""
        try:
            await self._flush()
            return await self._seal()
        except DatabaseUnavailable:
            return None
        except Exception as error:  # noqa: BLE001 - whatever fails, the next round tries again
            _log.error("access_log_failed", error=type(error).__name__, effect="tried again, nothing is dropped")
            return None

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting[place] for place in range(min(len(self._waiting), BATCH_MAX))]

            async def work(connection: AsyncConnection, entries: list[Entry] = batch) -> int:
                numbered = self._numbered(await self._pseudonymous(connection, entries))
                await audit_db.insert_entries(connection, numbered)
                return len(numbered)

            self._sequence += await self._database.transact(work)
            for _ in batch:
                self._waiting.popleft()

    def _numbered(self, entries: list[Entry]) -> list[Entry]:
        """One entry for each person in an operation, numbered; only now is it known whose a claim is."""
        merged: dict[tuple[object, ...], Entry] = {}
        for entry in entries:
            key = (entry.request_id, entry.actor, entry.operation, entry.person, entry.decision, entry.detail, entry.at)
            known = merged.setdefault(key, entry)
            if known is not entry:
                both = {*known.data_classes.split(","), *entry.data_classes.split(",")} - {""}
                merged[key] = replace(known, data_classes=",".join(sorted(both)))
        return [
            replace(entry, writer_sequence=number) for number, entry in enumerate(merged.values(), self._sequence + 1)
        ]

    async def _seal(self) -> ChainHead | None:
        place = None
        while True:
            async with self._database.reading() as connection:
                if not await audit_db.is_any_unsealed(connection):
                    return place
            place = await self._database.transact(lambda connection: audit.seal_batch(connection, seal=self.seal))
