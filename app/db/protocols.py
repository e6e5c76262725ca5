"""Queries on what payers have analysed under the numbers of their protocols."""

from typing import Any, Final

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.filters import Condition, lacks
from app.db.queue_tables import remittance_line_history
from app.db.remittance_tables import remittance_lines, remittances
from app.db.scoping import remittances_in
from app.db.statements import query
from app.domain.data_scope import DataScope
from app.domain.line_work import LineStep
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceStatus
from app.values.frozen import frozen

LEFT_OUT: Final = (RemittanceLineStatus.DISMISSED, RemittanceLineStatus.CANCELLED, RemittanceLineStatus.SPLIT)
"""Lines that say nothing of a protocol: the parts of a split one do."""
NOT_READ: Final = (RemittanceStatus.REVIEW, RemittanceStatus.IMPORTING)
"""Statements that nobody may rely on yet."""


@frozen
class AnalysedClaim:
    """What an analysis approves of one claim, by the numbers that it gives the claim."""

    provider_claim_number: str | None
    payer_claim_number: str | None
    approved: Cents

    @property
    def authorization_number(self) -> None:
        """None: it is named by its numbers."""


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
        statement.status.notin_(NOT_READ),
        line.protocol_number == protocol_number,
        line.status.notin_(LEFT_OUT),
    )
    found = found.group_by(line.provider_claim_number, line.payer_claim_number).having(approved > 0)
    return found.order_by(func.min(line.id))


async def divisible_payments(connection: AsyncConnection, limit: int) -> list[str]:
    """Some of the statements with a line about a protocol of which, by now, analyses have posted exactly what it pays.

    A line whose division a person has taken back is left alone.
    """
    line, payment = remittance_lines.c, remittances.c
    other, analysis = remittance_lines.alias("analysed"), remittances.alias("analysis")
    posted = case((other.c.status == RemittanceLineStatus.POSTED, other.c.paid_cents), else_=0)
    said = select(other.c.id).join(analysis, analysis.c.id == other.c.remittance_id)
    said = said.where(
        other.c.protocol_number == line.protocol_number,
        analysis.c.provider_cnes == payment.provider_cnes,
        analysis.c.payer_ans == payment.payer_ans,
        analysis.c.paid_on.is_(None),
        analysis.c.cancelled_id == "",
        analysis.c.status.notin_(NOT_READ),
        other.c.status.notin_(LEFT_OUT),
    )
    exact = said.having(and_(func.sum(other.c.paid_cents) == line.paid_cents, func.sum(posted) == line.paid_cents))
    found = select(payment.id).distinct().select_from(remittance_lines)
    found = found.join(remittances, payment.id == line.remittance_id).where(
        line.status == RemittanceLineStatus.UNMATCHED,
        line.problem == RemittanceLineProblem.UNKNOWN_CLAIM,
        line.protocol_number.is_not(None),
        line.provider_claim_number.is_(None),
        line.payer_claim_number.is_(None),
        line.authorization_number.is_(None),
        line.paid_cents > 0,
        payment.status.in_((RemittanceStatus.IMPORTED, RemittanceStatus.PARTIALLY_POSTED)),
        exact.with_only_columns(func.count()).correlate(remittance_lines, remittances).exists(),
        is_not_joined_again(),
    )
    return list((await connection.execute(found.limit(limit))).scalars())


def is_not_joined_again() -> Condition:
    """Whether no person has taken back the division of the line."""
    undone, split = remittance_line_history.alias("undone"), remittance_line_history.alias("split")
    found = select(undone.c.id).join(split, split.c.id == undone.c.undoes_id)
    return lacks(found.where(undone.c.line_id == remittance_lines.c.id, split.c.action == LineStep.SPLIT))
