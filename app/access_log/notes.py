"""What one operation has shown and refused so far, for the entry of the access log that it ends in."""

from typing import Any

from app.domain import ids


class OperationNotes:
    """What one operation has shown and refused so far.

    `operation` names its root fields. `revealed` maps a person (a patient's id, a claim's id where the patient is not
    at hand, None for nobody) to the classes of data shown of them; `refused` holds (class or "", permission) pairs.
    `emergencies` maps a person to the emergency access that was used, `patients` a claim's id to the patient's.
    """

    def __init__(self) -> None:
        self.operation = ""
        self.revealed: dict[str | None, set[str]] = {}
        self.refused: set[tuple[str, str]] = set()
        self.emergencies: dict[str, str] = {}
        self.patients: dict[str, str] = {}

    def reveal(self, kind: str, record: Any) -> None:
        """Data of this class was shown: of a record's person, or of the patients of all claims in a document."""
        for claim_id in getattr(record, "claim_ids", ()):
            self.revealed.setdefault(claim_id, set()).add(kind)
        if hasattr(record, "claim_ids"):
            return
        person: str | None = getattr(record, "patient_id", None)
        if person is None:
            person = person_of(record)
        else:
            # Whoever shows a claim's items has mostly shown the claim: that spares the writer from looking it up.
            self.patients[record.id] = person
        known = self.revealed.get(person)
        if known is None:
            self.revealed[person] = {kind}
        else:
            known.add(kind)

    def refuse(self, kind: str, permission: str) -> None:
        """Data of this class ("" for none) was refused for want of the permission."""
        self.refused.add((kind, permission))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to record."""
        return not (self.revealed or self.refused)


def person_of(record: Any) -> str | None:
    """Whose data a record is: a patient's id, else the id of the claim that knows the patient."""
    found: str | None = getattr(record, "patient_id", None) or getattr(record, "claim_id", None)
    if found is None:
        found = getattr(record, "id", None)
        return found if isinstance(found, str) and found.startswith(ids.PATIENT) else None
    return found
