"""What a TISS guide says beside what is billed: who asked for the service, and how the encounter (atendimento) went."""

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
class Encounter:
    """Codes of the TISS tables, as the guide carries them; a part that is None is exported with its usual value.

    `priority` elective or urgent (table 23), `type` of encounter (50), `accident` (36), `setting` (regime, 76),
    `visit_type` first or return (52), `requester` who asked for the service, `newborn` whether on the mother's card.
    """

    priority: str | None = None
    type: str | None = None
    accident: str | None = None
    setting: str | None = None
    visit_type: str | None = None
    newborn: bool = False
    requester: Practitioner | None = None
