"""Makes signed entries of what operations showed, refused and changed, with pseudonyms instead of persons."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache

import orjson

from app.access_log.notes import OperationNotes
from app.domain import ids
from app.domain.access_log import AccessDecision, AccessKind, DataClass, PurposeOfUse
from app.domain.access_log_entries import AccessedPerson, AccessEntry, AccessLogKey, SignedEntry
from app.domain.actor import Actor
from app.values.frozen import frozen

STARTED, STOPPED, ARCHIVED = "STARTED", "STOPPED", "ARCHIVED"
PROCESS_NAME = "billing"
TEXT_LENGTH_MAX = 200


@frozen
class PendingOperation:
    """An operation whose entries are not written yet; without an actor, an event of the process itself.

    `others` are callers of the same roles to whom the same answer was given as to the actor.
    """

    at: datetime
    actor: Actor | None
    notes: OperationNotes
    others: list[Actor] = field(default_factory=list)

    @property
    def entries(self) -> int:
        """The number of its entries: one for what was shown, one for what was refused."""
        return 1 if self.actor is None else bool(self.notes.revealed) + bool(self.notes.refused)

    def claims(self) -> Iterator[str]:
        """The claims whose patients are not known yet."""
        for person in self.notes.revealed:
            if person is not None and person.startswith(ids.CLAIM) and person not in self.notes.patients:
                yield person


class EntrySigner:
    """Makes the entries of one process, `writer`."""

    def __init__(self, key: AccessLogKey, writer: str) -> None:
        self._key = key
        self._writer = writer

    def of_operation(
        self, pending: PendingOperation, patients: Mapping[str, str], sequence: int
    ) -> Iterator[SignedEntry]:
        """The entries of one read operation, numbered from `sequence`; `patients` maps claims to patients."""
        notes = pending.notes
        if pending.actor is None:
            yield self.of_process(pending.at, notes.operation, sequence=sequence)
            return
        if notes.revealed:
            classes = frozenset[str]().union(*notes.revealed.values())
            persons = self._persons(notes, patients)
            yield self._signed(
                pending.at,
                pending.actor,
                AccessKind.READ,
                notes.operation,
                persons,
                classes,
                sequence=sequence,
                others=pending.others,
            )
        if notes.refused:
            yield self._refusal(pending, pending.actor, sequence + bool(notes.revealed))

    def _refusal(self, pending: PendingOperation, actor: Actor, sequence: int) -> SignedEntry:
        notes = pending.notes
        classes = {kind for kind, _ in notes.refused if kind}
        missing = ", ".join(sorted({permission for _, permission in notes.refused}))
        return self._signed(
            pending.at,
            actor,
            AccessKind.READ,
            notes.operation,
            (),
            classes,
            decision=AccessDecision.REFUSED,
            detail=missing,
            sequence=sequence,
            others=pending.others,
        )

    def _persons(self, notes: OperationNotes, patients: Mapping[str, str]) -> list[AccessedPerson]:
        """One row for each patient, for all their records that were shown."""
        shown: dict[str, frozenset[str]] = {}
        accesses: dict[str, str] = {}
        for person, classes in notes.revealed.items():
            if person is None:
                continue
            patient = notes.patients.get(person) or patients.get(person, person)
            shown[patient] = shown[patient] | classes if patient in shown else classes
            access = notes.emergencies.get(person)
            if access is not None:
                accesses[patient] = access
        rows = [
            AccessedPerson(self._key.pseudonym(patient), _text(classes), accesses.get(patient), None)
            for patient, classes in shown.items()
        ]
        return sorted(rows, key=_by_person)

    def of_change(
        self,
        at: datetime,
        actor: Actor,
        operation: str,
        changed: Iterable[tuple[str | None, str | None]],
        disclosed: Collection[DataClass],
        detail: str | None,
    ) -> SignedEntry:
        """The entry of a change of these (object id, patient id) pairs; its result carries these classes of data."""
        classes = ",".join(sorted(disclosed))
        objects: dict[str, list[str]] = {}
        for object_id, patient in changed:
            person_objects = objects.setdefault("" if patient is None else self._key.pseudonym(patient), [])
            if object_id is not None:
                person_objects.append(object_id)
        persons = [
            AccessedPerson(person, classes if person else "", None, ",".join(dict.fromkeys(found)) or None)
            for person, found in sorted(objects.items())
        ]
        return self._signed(at, actor, AccessKind.WRITE, operation, persons, disclosed, detail=detail)

    def of_process(
        self, at: datetime, event: str, *, detail: str | None = None, sequence: int | None = None
    ) -> SignedEntry:
        """The entry of an event of the process itself."""
        return self._signed(at, None, AccessKind.PROCESS, event, (), (), detail=detail, sequence=sequence)

    def _signed(
        self,
        at: datetime,
        actor: Actor | None,
        kind: AccessKind,
        operation: str,
        persons: Sequence[AccessedPerson],
        classes: Iterable[str],
        *,
        decision: AccessDecision = AccessDecision.ALLOWED,
        detail: str | None = None,
        sequence: int | None = None,
        others: Sequence[Actor] = (),
    ) -> SignedEntry:
        entry = AccessEntry(
            id=ids.new_id(ids.AUDIT, at=at),
            at=at,
            door=None if actor is None else actor.door,
            kind=kind,
            actor=PROCESS_NAME if actor is None else "" if others else actor.subject,
            roles="" if actor is None else ",".join(sorted(actor.roles))[:TEXT_LENGTH_MAX],
            purpose=PurposeOfUse.HSYSADMIN if actor is None else actor.purpose,
            operation=operation[:TEXT_LENGTH_MAX],
            decision=decision,
            data_classes=",".join(sorted(classes)),
            detail=None if detail is None else detail[:TEXT_LENGTH_MAX],
            persons=len(persons),
            request_id="-" if actor is None or others else actor.request_id,
            writer=self._writer,
            writer_sequence=sequence,
            hearers=None if actor is None or not others else _hearers([actor, *others]),
        )
        return self._key.sign(entry, persons)


def _hearers(actors: Iterable[Actor]) -> str:
    """Subject -> request ids, as JSON."""
    found: dict[str, dict[str, None]] = {}
    for actor in actors:
        found.setdefault(actor.subject, {})[actor.request_id] = None
    return orjson.dumps({subject: list(ids) for subject, ids in found.items()}, option=orjson.OPT_SORT_KEYS).decode()


@lru_cache(maxsize=1_000)
def _text(classes: frozenset[str]) -> str:
    return ",".join(sorted(classes))


def _by_person(row: AccessedPerson) -> str:
    return row.person
