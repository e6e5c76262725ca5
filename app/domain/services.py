"""What a TISS guide says of a billed item besides its code and price: kind, unit, times, route, teeth, the team."""

from collections.abc import Iterator
from datetime import time
from typing import Final

from app.domain.encounter import Practitioner
from app.domain.errors import ErrorCode, Failure
from app.domain.schema_codes import CodeTable
from app.domain.text import ascii_failure, text_failure
from app.values.frozen import frozen

NO_PRACTITIONER: Final = Practitioner()
TEAM_MAX: Final = 100
"""Members of the team of one item, which is one text in its row; the standard has no limit."""
TEAM_COUNTED: Final = 20
"""Members of a team for which the cost of an operation is counted: longer ones are rare."""


@frozen
class TeamMember:
    """A professional who took part: the degree of participation (grau de participação, table 35), who it is, and the
    code at the payer or the CPF by which the payer knows the person."""

    role: str | None = None
    practitioner: Practitioner = NO_PRACTITIONER
    code: str | None = None
    cpf: str | None = None


@frozen
class ServiceDetails:
    """Codes of TISS tables: kind of expense (table 25), unit of measure (60), access route (61), technique (48), tooth
    (28) or region of the mouth (42); the times of start and end; whether the payer authorized a dental service."""

    expense_kind: str | None = None
    unit: str | None = None
    access_route: str | None = None
    technique: str | None = None
    starts_at: time | None = None
    ends_at: time | None = None
    tooth: str | None = None
    mouth_region: str | None = None
    tooth_faces: str | None = None
    is_authorized: bool | None = None
    team: tuple[TeamMember, ...] = ()


NO_DETAILS: Final = ServiceDetails()


def details_failures(details: ServiceDetails | None, path: str) -> Iterator[Failure | None]:
    """Codes and texts that are too long for the guide."""
    if details is None:
        return
    yield CodeTable.EXPENSE.failure(details.expense_kind, f"{path}.expenseKind")
    yield CodeTable.UNIT.failure(details.unit, f"{path}.unit")
    yield CodeTable.ROUTE.failure(details.access_route, f"{path}.accessRoute")
    yield CodeTable.TECHNIQUE.failure(details.technique, f"{path}.technique")
    yield CodeTable.TOOTH.failure(details.tooth, f"{path}.tooth")
    yield CodeTable.MOUTH_REGION.failure(details.mouth_region, f"{path}.mouthRegion")
    yield ascii_failure(details.tooth_faces, f"{path}.toothFaces", 5)
    if len(details.team) > TEAM_MAX:
        yield Failure(ErrorCode.INVALID_INPUT, f"a team has at most {TEAM_MAX} members", f"{path}.team")
    for index, member in enumerate(details.team):
        yield from _member_failures(member, f"{path}.team.{index}")


def _member_failures(member: TeamMember, path: str) -> Iterator[Failure | None]:
    who = member.practitioner
    yield CodeTable.PARTICIPATION.failure(member.role, f"{path}.role")
    yield ascii_failure(member.code, f"{path}.code", 14)
    yield ascii_failure(member.cpf, f"{path}.cpf", 11)
    yield text_failure(who.name, f"{path}.practitioner.name", 70)
    yield CodeTable.COUNCIL.failure(who.council, f"{path}.practitioner.council")
    yield ascii_failure(who.number, f"{path}.practitioner.number", 15)
    yield CodeTable.STATE.failure(who.state, f"{path}.practitioner.state")
    yield CodeTable.OCCUPATION.failure(who.cbo, f"{path}.practitioner.cbo")
