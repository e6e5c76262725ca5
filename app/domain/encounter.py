"""What a TISS guide says besides the billed items: who requested the service, and the encounter (atendimento)."""

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
    """Codes of the TISS tables, as in the guide; None is exported as the usual value of its table.

    `priority` elective or urgent (table 23), `type` of encounter (50), `accident` (36), `setting` (regime, 76),
    `visit_type` first or return (52), `requester` who requested the service, `newborn` if billed on the mother's card.
    """

    priority: str | None = None
    type: str | None = None
    accident: str | None = None
    setting: str | None = None
    visit_type: str | None = None
    newborn: bool = False
    requester: Practitioner | None = None
