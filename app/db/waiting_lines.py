"""Queries on lines of statements that wait for their claim to come, or have waited in vain."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.filters import Condition
from app.db.protocols import is_not_joined_again
from app.db.remittance_tables import remittance_lines, remittances
from app.db.remittances import LINE, REMITTANCE, RemittanceLineRecord, RemittanceRecord
from app.db.replacements import is_replaced
from app.db.statements import query, query_total
from app.db.tables import claims
from app.domain.claims import SENT
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus

PROTOCOLS_MAX: Final = 100
"""Protocols that one call looks for."""
_WAITING: Final = remittance_lines.c.status == RemittanceLineStatus.UNMATCHED
_PROBLEMS: Final = (RemittanceLineProblem.UNKNOWN_CLAIM, RemittanceLineProblem.NOT_PAYABLE)
"""What the submission of a claim may end."""
_SAME_PARTIES: Final = and_(
    claims.c.provider_cnes == remittances.c.provider_cnes, claims.c.payer_ans == remittances.c.payer_ans
)
_OWN_NUMBER: Final = claims.c.provider_claim_number == remittance_lines.c.provider_claim_number
_PAYER_NUMBER: Final = claims.c.payer_claim_number == remittance_lines.c.payer_claim_number
_AUTHORIZATION: Final = claims.c.authorization_number == remittance_lines.c.authorization_number
# Few payers name authorizations. To the server an index that has hardly anything but NULL looks useless, and it would
# compare everything of the same parties.
_OF_LINES: Final = "ix_remittance_lines_authorization_number_status"
_OF_CLAIMS: Final = "ix_claims_authorization_number"


@query(RemittanceLineRecord)
def of_claim(claim_id: str) -> Select[Any]:
    """The lines that wait for this claim under its own number, the payer's or its authorization, in a fixed order,
    without a data scope: they are its payer's."""
    by_own, *others = (_lines_for(claim_id, each) for each in (_OWN_NUMBER, _PAYER_NUMBER, _AUTHORIZATION))
    found = by_own.union(*others).subquery()
    return select(*(found.c[column.name] for column in LINE)).order_by(found.c.id)


def _lines_for(claim_id: str, is_named: Condition) -> Select[Any]:
    found = select(*LINE).join(remittances, remittances.c.id == remittance_lines.c.remittance_id)
    found = found.join(claims, and_(_SAME_PARTIES, is_named))
    return found.where(claims.c.id == claim_id, _WAITING, remittance_lines.c.problem.in_(_PROBLEMS))


@query(RemittanceLineRecord)
def of_protocols(remittance_id: str) -> Select[Any]:
    """Lines of a remittance, which the caller has locked, that name a protocol and no claim, and wait as they came; not
    those whose division a person has taken back."""
    line = remittance_lines.c
    found = select(*LINE).where(line.remittance_id == remittance_id, _WAITING, line.protocol_number.is_not(None))
    found = found.where(line.problem == RemittanceLineProblem.UNKNOWN_CLAIM, line.provider_claim_number.is_(None))
    found = found.where(line.payer_claim_number.is_(None), line.authorization_number.is_(None), line.paid_cents > 0)
    found = found.where(is_not_joined_again())
    return found.order_by(line.sequence).limit(PROTOCOLS_MAX)


@query(RemittanceRecord)
def lock_remittances(ids: Sequence[str]) -> Select[Any]:
    """These remittances, locked in id order."""
    return select(*REMITTANCE).where(remittances.c.id.in_(ids)).order_by(remittances.c.id).with_for_update()


async def among(connection: AsyncConnection, claim_ids: Sequence[str]) -> list[str]:
    """Those of these claims that lines wait for under the provider's number or the authorization."""
    by_own = _come(claim_ids, _OWN_NUMBER, "ix_remittance_lines_provider_claim_number_status")
    by_authorization = _come(claim_ids, _AUTHORIZATION, _OF_LINES)
    return list((await connection.execute(by_own.union(by_authorization))).scalars())


def _come(claim_ids: Sequence[str], is_named: Condition, index: str) -> Select[Any]:
    """The claims are few, and the lines that wait may be many: the server, which may think otherwise, begins with the
    claims."""
    found = select(claims.c.id).distinct().prefix_with("STRAIGHT_JOIN", dialect="mysql").select_from(claims)
    found = found.join(remittance_lines, is_named).with_hint(remittance_lines, f"FORCE INDEX ({index})", "mysql")
    found = found.join(remittances, and_(remittances.c.id == remittance_lines.c.remittance_id, _SAME_PARTIES))
    found = found.where(claims.c.id.in_(claim_ids), claims.c.status.in_(SENT))
    return found.where(_WAITING, remittance_lines.c.problem.in_(_PROBLEMS))


async def all_claims(connection: AsyncConnection, limit: int) -> list[str]:
    """Some of the claims that are there, and that lines wait for under either number or the authorization."""
    found: dict[str, None] = {}
    for is_named in (_OWN_NUMBER, _PAYER_NUMBER, _AUTHORIZATION):
        is_unknown = remittance_lines.c.problem == RemittanceLineProblem.UNKNOWN_CLAIM
        some = _claims(is_named).where(is_unknown, claims.c.freed_id == "", ~is_replaced()).limit(limit)
        if is_named is _AUTHORIZATION:
            some = some.where(remittance_lines.c.authorization_number.is_not(None))
            some = some.with_hint(claims, f"FORCE INDEX ({_OF_CLAIMS})", "mysql")
        found |= dict.fromkeys((await connection.execute(some)).scalars())
    return list(found)


def _claims(is_named: Condition) -> Select[Any]:
    found = select(claims.c.id).distinct().select_from(remittance_lines)
    found = found.join(remittances, remittances.c.id == remittance_lines.c.remittance_id)
    return found.join(claims, and_(_SAME_PARTIES, is_named)).where(_WAITING, claims.c.status.in_(SENT))


@query_total(int)
def count_waiting(remittance_id: str) -> Select[Any]:
    """How many lines of a remittance, which the caller has locked, wait for a person."""
    return select(func.count()).where(remittance_lines.c.remittance_id == remittance_id, _WAITING)


async def dismissed(connection: AsyncConnection, remittance_id: str) -> list[tuple[str, Cents]]:
    """The id and the paid amount of each dismissed line of a remittance, in statement order."""
    table = remittance_lines.c
    of_status = (table.remittance_id == remittance_id, table.status == RemittanceLineStatus.DISMISSED)
    found = select(table.id, table.paid_cents).where(*of_status, table.paid_cents > 0).order_by(table.sequence)
    return [(id, Cents(paid)) for id, paid in (await connection.execute(found)).all()]
