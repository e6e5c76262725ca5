"""What a TISS guide says besides the billed items: who requested the service, and the encounter (atendimento)."""

from datetime import date, time

from app.values.frozen import frozen


@frozen
class Practitioner:
    """A professional: council (conselho, table 26), number, state (UF, table 59) and occupation (CBO, table 24)."""

    name: str | None = None
    council: str | None = None
    number: str | None = None
    state: str | None = None
    cbo: str | None = None


@frozen
class Facility:
    """Another provider that the guide names: its code at the payer, its name and CNES."""

    code: str | None = None
    name: str | None = None
    cnes: str | None = None


@frozen
class Admission:
    """The billed part of a hospital stay: its days and times, and the kind (table 57) and regime (41) of the stay."""

    starts_on: date | None = None
    starts_at: time | None = None
    ends_on: date | None = None
    ends_at: time | None = None
    type: str | None = None
    regime: str | None = None


@frozen
class Encounter:
    """Codes of the TISS tables and texts, as in the guide.

    `priority` elective or urgent (table 23), `type` of encounter (50; 51 in a dental guide), `accident` (36), `setting`
    (regime, 76), `visit_type` first or return (52), `requester` who requested the service, `newborn` if billed on the
    mother's card, `billing_type` (55; 49 in a dental guide), `discharge_reason` (39), `main_claim_number` of the guide
    that this one belongs to, `location` where professionals who bill for themselves worked.
    """

    priority: str | None = None
    type: str | None = None
    accident: str | None = None
    setting: str | None = None
    visit_type: str | None = None
    newborn: bool = False
    requester: Practitioner | None = None
    requesting_provider: Facility | None = None
    requested_on: date | None = None
    main_claim_number: str | None = None
    location: Facility | None = None
    admission: Admission | None = None
    billing_type: str | None = None
    discharge_reason: str | None = None
    issued_on: date | None = None
    plan_name: str | None = None
    notes: str | None = None
