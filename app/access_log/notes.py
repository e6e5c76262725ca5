"""Notes for the access log: what one operation has shown and refused so far."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from app.domain import ids


class OperationNotes:
    """What one operation has shown and refused so far.

    `operation` names its root fields. `revealed` maps a person (a patient's id, a claim's id if the patient is
    not known, None for no person) to the classes of data shown of them; `refused` has (class or "", permission) pairs.
    `emergencies` maps a person to the emergency access that was used, `patients` a claim's id to the patient's.
    """

    def __init__(self) -> None:
        self.operation = ""
        self.revealed: dict[str | None, frozenset[str]] = {}
        self.refused: set[tuple[str, str]] = set()
        self.emergencies: dict[str, str] = {}
        self.patients: dict[str, str] = {}

    def reveal(self, kind: str, record: Any) -> None:
        """Note that data of this class was shown: of a record's person, or of the patients of a document's claims."""
        kinds = (kind,)
        if hasattr(record, "claim_ids"):
            self._reveal_persons(kinds, record.claim_ids)
            return
        person: str | None = getattr(record, "patient_id", None)
        if person is None:
            person = person_of(record)
        else:
            # A claim's items are mostly shown together with the claim, so the writer need not look up their patient.
            self.patients[record.id] = person
        self.revealed[person] = with_kinds(self.revealed.get(person), kinds)

    def reveal_all(self, kinds: Sequence[str], records: Sequence[Any]) -> None:
        """As `reveal` of each class and record."""
        for record in self._unusual(kinds, records):
            for kind in kinds:
                self.reveal(kind, record)

    def _unusual(self, kinds: Sequence[str], records: Sequence[Any]) -> Sequence[Any]:
        """Note the records that name a patient or a claim, a level of one class at once; the others are returned."""
        first = records[0]
        if len(set(map(type, records))) > 1 or hasattr(first, "claim_ids"):
            return records
        if hasattr(first, "patient_id"):
            self.patients |= {each.id: each.patient_id for each in records if each.patient_id is not None}
            self._reveal_persons(kinds, {each.patient_id for each in records} - {None})
            return [each for each in records if each.patient_id is None]
        if hasattr(first, "claim_id"):
            self._reveal_persons(kinds, {each.claim_id for each in records} - {None})
            return [each for each in records if each.claim_id is None]
        return list({person_of(each): each for each in records}.values())

    def _reveal_persons(self, kinds: Sequence[str], persons: Iterable[str]) -> None:
        revealed, added = self.revealed, tuple(kinds)
        for person in persons:
            revealed[person] = with_kinds(revealed.get(person), added)

    def refuse(self, kind: str, permission: str) -> None:
        """Note that data of this class ("" for none) was refused because the permission is missing."""
        self.refused.add((kind, permission))

    def copy(self) -> "OperationNotes":
        """What was noted until now, whatever is noted later."""
        found = OperationNotes()
        found.operation, found.revealed, found.refused = self.operation, dict(self.revealed), set(self.refused)
        found.emergencies, found.patients = dict(self.emergencies), dict(self.patients)
        return found

    @property
    def persons(self) -> int:
        """How many persons' data was shown: a claim and its patient are one, where the patient is known."""
        return len({self.patients.get(each, each) for each in self.revealed if each is not None})

    @property
    def is_empty(self) -> bool:
        """Whether nothing was noted."""
        return not (self.revealed or self.refused)


def person_of(record: Any) -> str | None:
    """The person of a record: a patient's id, or else the id of a claim, from which the patient can be found."""
    found: str | None = getattr(record, "patient_id", None) or getattr(record, "claim_id", None)
    if found is None:
        found = getattr(record, "id", None)
        return found if isinstance(found, str) and found.startswith(ids.PATIENT) else None
    return found


@lru_cache(maxsize=1_000)
def with_kinds(known: frozenset[str] | None, kinds: tuple[str, ...]) -> frozenset[str]:
    """The classes with further ones. There are few combinations: a list of fifty persons makes no set for each."""
    return (known or frozenset()) | frozenset(kinds)
