"""Queries on what payers have analysed under the numbers of their protocols."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from app.db.remittance_tables import remittance_lines, remittances
from app.db.scoping import remittances_in
from app.db.statements import query
from app.domain.data_scope import DataScope
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineStatus, RemittanceStatus


@dataclass(frozen=True, slots=True)
class AnalysedClaim:
    """What an analysis approves of one claim, by the numbers that it gives the claim."""

    provider_claim_number: str | None
    payer_claim_number: str | None
    approved: Cents


@query(AnalysedClaim)
def analysed(scope: DataScope, provider: str, payer: str, protocol_number: str) -> Select[Any]:
    """The claims that analyses have under this protocol, in statement order, without those that they pay nothing of."""
    line, statement = remittance_lines.c, remittances.c
    approved = func.sum(line.paid_cents)
    found = select(line.provider_claim_number, line.payer_claim_number, approved)
    found = found.join(remittances, remittances.c.id == line.remittance_id).where(
        remittances_in(scope),
        statement.provider_cnes == provider,
        statement.payer_ans == payer,
        statement.paid_on.is_(None),
        statement.cancelled_id == "",
        statement.status.notin_([RemittanceStatus.REVIEW, RemittanceStatus.IMPORTING]),
        line.protocol_number == protocol_number,
        line.status.notin_([RemittanceLineStatus.DISMISSED, RemittanceLineStatus.CANCELLED]),
    )
    found = found.group_by(line.provider_claim_number, line.payer_claim_number).having(approved > 0)
    return found.order_by(func.min(line.id))
