"""What a TISS guide says beside what is billed: who asked for the service, and how the patient was attended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A professional: council (conselho, table 26), number, state (UF, table 59) and occupation (CBO, table 24)."""

    name: str | None = None
    council: str | None = None
    number: str | None = None
    state: str | None = None
    cbo: str | None = None


@dataclass(frozen=True, slots=True)
class Attendance:
    """Codes of the TISS tables, as the guide carries them; a part that is None is exported with its usual value.

    `character` elective or urgent (table 23), `kind` of attendance (50), `accident` (36), `regime` (76),
    `consultation` first or return (52), `requester` who asked for the service, `newborn` whether on the mother's card.
    """

    character: str | None = None
    kind: str | None = None
    accident: str | None = None
    regime: str | None = None
    consultation: str | None = None
    newborn: bool = False
    requester: Practitioner | None = None
