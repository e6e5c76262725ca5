"""What the books have of the payment that a statement announces: settlements, credits, and what was dismissed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.deduction_tables import settlement_deductions
from app.db.queue_tables import unapplied_credit_moves, unapplied_credits
from app.db.remittance_tables import remittance_lines, remittances
from app.db.scoping import remittances_in
from app.db.settlements import OF_STATEMENT
from app.db.statements import query, query_pairs
from app.db.sums import total
from app.db.tables import settlements
from app.domain.credits import CreditStep
from app.domain.data_scope import DataScope
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineStatus
from app.domain.settlements import SettlementStatus
from app.domain.three_way import Booked, Dismissed
from app.values.frozen import frozen

REMITTANCE = remittances.c.id


@frozen
class _DismissedSum:
    remittance_id: str
    reason: str | None
    cents: int


@frozen
class _Credits:
    """What is left of the credits of lines of a statement, and of its credits beside the claims."""

    of_lines: int
    beside: int


@frozen
class _Kept:
    """Taxes and discounts without a payment: of dismissed lines, of credits that went back, and of neither."""

    dismissed: int
    refunded: int
    beside: int


async def booked(connection: AsyncConnection, scope: DataScope, remittance_ids: Sequence[str]) -> dict[str, Booked]:
    """Remittance id -> what the books have of it; those of which they have nothing are left out."""
    settled = await _settled(connection, scope, remittance_ids)
    left = await _left(connection, scope, remittance_ids)
    refunded = await _refunded(connection, scope, remittance_ids)
    kept = await _kept(connection, scope, remittance_ids)
    dismissed: dict[str, list[Dismissed]] = {}
    for each in await _dismissed(connection, scope, remittance_ids):
        dismissed.setdefault(each.remittance_id, []).append(Dismissed(each.reason or "", Cents(int(each.cents))))
    found = {}
    for id in {*settled, *left, *refunded, *kept, *dismissed}:
        credits_, keeps = left.get(id, _Credits(0, 0)), kept.get(id, _Kept(0, 0, 0))
        found[id] = Booked(
            settled=Cents(int(settled.get(id, 0))),
            left=Cents(int(credits_.of_lines)),
            left_beside=Cents(int(credits_.beside)),
            refunded=Cents(int(refunded.get(id, 0)) - int(keeps.refunded)),
            dismissed=tuple(dismissed.get(id, ())),
            kept_of_dismissed=Cents(int(keeps.dismissed)),
            kept_beside=Cents(int(keeps.beside)),
        )
    return found


def _asked(scope: DataScope, remittance_ids: Sequence[str]) -> ColumnElement[bool]:
    """These statements, as far as they are in the scope."""
    return and_(remittances_in(scope), REMITTANCE.in_(remittance_ids))


@query_pairs(int)
def _settled(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    """Remittance id -> cents that its settlements say have arrived, less reversals; without settlements left out."""
    table = settlements.c
    net = table.amount_cents - table.withheld_cents - table.discount_cents
    sign = case((table.reverses_id.is_(None), 1), else_=-1)
    found = select(REMITTANCE, func.sum(sign * net)).join(settlements, OF_STATEMENT)
    found = found.where(_asked(scope, remittance_ids))
    return found.where(table.status == SettlementStatus.CONFIRMED).group_by(REMITTANCE)


@query_pairs(_Credits)
def _left(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    table = unapplied_credits.c
    left = table.amount_cents - table.used_cents
    found = select(REMITTANCE, _part(table.line_id.is_not(None), left), _part(table.line_id.is_(None), left))
    found = found.join(unapplied_credits, table.remittance_id == REMITTANCE)
    return found.where(_asked(scope, remittance_ids)).group_by(REMITTANCE)


@query_pairs(int)
def _refunded(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    """What of its credits went back to the payer: the money has come all the same."""
    move = unapplied_credit_moves.c
    found = select(REMITTANCE, func.sum(move.amount_cents))
    found = found.join(unapplied_credits, unapplied_credits.c.remittance_id == REMITTANCE)
    found = found.join(unapplied_credit_moves, move.credit_id == unapplied_credits.c.id)
    found = found.where(move.settlement_id.is_(None), move.action != CreditStep.WITHDRAW)
    return found.where(_asked(scope, remittance_ids)).group_by(REMITTANCE)


@query_pairs(_Kept)
def _kept(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    table = settlement_deductions.c
    of_none = and_(table.line_id.is_(None), table.credit_use_id.is_(None))
    parts = (table.line_id.is_not(None), table.credit_use_id.is_not(None), of_none)
    found = select(REMITTANCE, *(_part(each, table.amount_cents) for each in parts))
    found = found.join(settlement_deductions, table.remittance_id == REMITTANCE)
    return found.where(_asked(scope, remittance_ids)).group_by(REMITTANCE)


@query(_DismissedSum)
def _dismissed(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    """What dismissed lines pay or take back, by reason, the largest sums first."""
    line = remittance_lines.c
    cents = func.sum(line.paid_cents)
    found = select(REMITTANCE, line.dismissal_reason, cents).join(remittance_lines, line.remittance_id == REMITTANCE)
    found = found.where(_asked(scope, remittance_ids))
    found = found.where(line.status == RemittanceLineStatus.DISMISSED, line.paid_cents != 0)
    return found.group_by(REMITTANCE, line.dismissal_reason).order_by(func.abs(cents).desc(), line.dismissal_reason)


@query_pairs(int)
def taken_back(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    """Remittance id -> cents that its lines take back, above zero; without such lines left out. Reads all lines."""
    line = remittance_lines.c
    found = select(REMITTANCE, -func.sum(line.paid_cents)).join(remittance_lines, line.remittance_id == REMITTANCE)
    found = found.where(_asked(scope, remittance_ids))
    return found.where(line.paid_cents < 0, line.split_from_id.is_(None)).group_by(REMITTANCE)


def _part(condition: ColumnElement[bool], cents: ColumnElement[Any]) -> ColumnElement[Any]:
    return total(case((condition, cents), else_=0))
