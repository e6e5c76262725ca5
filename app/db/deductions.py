"""Queries on what payers keep back of payments."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.breakdowns import SEPARATOR
from app.db.deduction_tables import settlement_deductions
from app.db.engine import scalar
from app.db.filters import Condition, equal
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.db.records import columns, insert_records
from app.db.remittances import RemittanceRecord
from app.db.scoping import deductions_in
from app.db.statements import query
from app.db.sums import total
from app.db.tables import settlements
from app.domain.data_scope import DataScope
from app.domain.deductions import TAXES, Deduction, DeductionKind
from app.domain.money import Cents
from app.domain.settlements import taken_back_by
from app.values.frozen import frozen


@frozen
class DeductionRecord:
    id: str
    settlement_id: str | None
    provider_cnes: str
    payer_ans: str
    kind: DeductionKind
    paid_on: date
    month: str
    amount_cents: int
    # Of a row without a settlement: the statement, and its dismissed line or the use that gave a credit back; neither
    # for what is above all that the statement pays.
    remittance_id: str | None
    line_id: str | None
    credit_use_id: str | None


@frozen
class WithheldTax:
    """What a payer withheld of one tax in a month, less reversals, in cents; `key` is its place in the list."""

    key: str
    payer_ans: str
    month: str
    tax: DeductionKind
    amount_cents: Cents


DEDUCTION: Final = columns(settlement_deductions, DeductionRecord)
_TABLE: Final = settlement_deductions.c
_KEY: Final = _TABLE.payer_ans + SEPARATOR + _TABLE.month + SEPARATOR + _TABLE.kind


async def insert(connection: AsyncConnection, rows: Sequence[DeductionRecord]) -> None:
    """Store what was kept back of a settlement; those of a reversal are below zero."""
    await insert_records(connection, settlement_deductions, rows)


@query(DeductionRecord)
def of_settlements(scope: DataScope, settlement_ids: Sequence[str]) -> Select[Any]:
    """What was kept back of these settlements."""
    found = select(*DEDUCTION).where(deductions_in(scope), _TABLE.settlement_id.in_(settlement_ids))
    return found.order_by(_TABLE.id)


async def of_statement(connection: AsyncConnection, remittance: RemittanceRecord) -> tuple[Cents, list[Deduction]]:
    """What the payments of a statement have settled, and what of its deductions they have, less reversals; what it
    takes back of earlier statements does not count.

    The caller has locked the remittance.
    """
    table = settlements.c
    own = (
        table.statement_number == remittance.statement_number,
        table.provider_cnes == remittance.provider_cnes,
        table.payer_ans == remittance.payer_ans,
        func.coalesce(table.reason, "") != taken_back_by(remittance.statement_number),
    )
    sign = case((table.reverses_id.is_(None), 1), else_=-1)
    settled = await scalar(connection, select(total(sign * table.amount_cents)).where(*own))
    kinds = select(_TABLE.kind, func.sum(_TABLE.amount_cents)).join(settlements, table.id == _TABLE.settlement_id)
    rows = (await connection.execute(kinds.where(*own).group_by(_TABLE.kind))).all()
    return Cents(int(settled)), [Deduction(DeductionKind(kind), Cents(int(cents))) for kind, cents in rows]


@query(DeductionRecord)
def apart(remittance_id: str) -> Select[Any]:
    """What of a statement's deductions belongs to no payment, and what of that was given back; the caller has locked
    the remittance."""
    return select(*DEDUCTION).where(_TABLE.remittance_id == remittance_id).order_by(_TABLE.id)


async def left(connection: AsyncConnection, settlement_ids: Sequence[str]) -> dict[DeductionKind, int]:
    """Kind -> cents kept back of these settlements together, which the caller has locked by their invoice."""
    found = select(_TABLE.kind, func.sum(_TABLE.amount_cents)).where(_TABLE.settlement_id.in_(settlement_ids))
    rows = (await connection.execute(found.group_by(_TABLE.kind).order_by(_TABLE.kind))).all()
    return {DeductionKind(kind): int(cents) for kind, cents in rows}


async def withheld_taxes(
    connection: AsyncConnection, scope: DataScope, where: LedgerFilter, keyset: Keyset
) -> list[WithheldTax]:
    """The sums by payer, month and tax, in this order or backwards; the period is that of the payments."""
    found = select(_KEY.label("group_key"), _TABLE.payer_ans, _TABLE.month, _TABLE.kind, total(_TABLE.amount_cents))
    found = found.where(_counted(scope, where)).group_by(_TABLE.payer_ans, _TABLE.month, _TABLE.kind)
    found = keyset.apply_to_groups(found, _KEY, _TABLE.payer_ans, _TABLE.month, _TABLE.kind)
    rows: Sequence[Any] = (await connection.execute(found)).all()
    return [
        WithheldTax(key, payer, month, DeductionKind(kind), Cents(int(sum_))) for key, payer, month, kind, sum_ in rows
    ]


async def count_withheld_taxes(connection: AsyncConnection, scope: DataScope, where: LedgerFilter) -> int:
    """The number of these sums."""
    groups = select(_KEY).where(_counted(scope, where)).distinct()
    return int(await scalar(connection, select(func.count()).select_from(groups.subquery())))


def _counted(scope: DataScope, where: LedgerFilter) -> Condition:
    parts = equal((_TABLE.payer_ans, where.payer), (_TABLE.provider_cnes, where.provider))
    if where.period.first is not None:
        parts.append(_TABLE.paid_on >= where.period.first)
    if where.period.last is not None:
        parts.append(_TABLE.paid_on <= where.period.last)
    return and_(deductions_in(scope), _TABLE.kind.in_(sorted(TAXES)), *parts)
