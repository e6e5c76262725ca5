"""Queries on debits and credits of statements beside the claims, and on what was done to explain them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import FromClause, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.adjustment_tables import adjustment_history
from app.db.children import Children
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.filters import OPEN_RANGE, Bounds, Condition, one_of, within
from app.db.pages import Chosen, Others
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_columns
from app.db.remittance_tables import remittance_adjustments, remittances
from app.db.scoping import parties_of, remittances_in
from app.db.statements import query, query_one, query_total
from app.domain.adjustments import AdjustmentStatus, AdjustmentStep, is_deduction
from app.domain.data_scope import DataScope
from app.domain.deductions import CODES, PCC, Deduction, kind_of, sums
from app.domain.money import Cents
from app.domain.statement import AdjustmentDirection, AdjustmentLevel
from app.values.frozen import frozen


@frozen
class AdjustmentRecord:
    id: str
    remittance_id: str
    sequence: int
    direction: AdjustmentDirection
    level: AdjustmentLevel
    type: str | None
    description: str | None
    amount_cents: int
    status: AdjustmentStatus
    version: int
    # Of a debit that was a line of the statement, whose amount it takes out of what the lines pay.
    line_id: str | None

    @property
    def is_deduction(self) -> bool:
        """Whether it is a tax or a discount, of which the statement's payments have their shares."""
        return is_deduction(self.direction, self.type, self.description)

    @property
    def is_counted(self) -> bool:
        """Whether it is a part of what the statement transfers."""
        return self.status is not AdjustmentStatus.WITHDRAWN

    @property
    def open_status(self) -> AdjustmentStatus | None:
        """How far it is explained; None of a tax or a discount, which explains itself."""
        return None if self.is_deduction else self.status


@frozen
class AdjustmentStepRecord:
    """A step, what explains the adjustment, and the status after it."""

    id: str
    adjustment_id: str
    action: AdjustmentStep
    undoes_id: str | None
    status: AdjustmentStatus
    claim_id: str | None
    settlement_id: str | None
    credit_id: str | None
    reason: str
    actor: str
    at: datetime


@frozen
class AdjustmentFilter:
    """An adjustment matches when every given part does; ranges include both ends."""

    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    status: tuple[AdjustmentStatus, ...] | None = None
    directions: tuple[AdjustmentDirection, ...] | None = None
    paid_on: Bounds[date] = OPEN_RANGE


def deductions_of(adjustments: Sequence[AdjustmentRecord]) -> list[Deduction]:
    """The taxes and discounts among the debits of a statement, one for each kind, in the order of kinds."""
    return sums(
        Deduction(kind, Cents(each.amount_cents))
        for each in adjustments
        if each.direction is AdjustmentDirection.DEBIT and (kind := kind_of(each.type, each.description)) is not None
    )


ADJUSTMENT: Final = columns(remittance_adjustments, AdjustmentRecord)
STEP: Final = columns(adjustment_history, AdjustmentStepRecord)
_TABLE: Final = remittance_adjustments.c


def _visible(scope: DataScope) -> Select[Any]:
    found = select(*ADJUSTMENT).join(remittances, remittances.c.id == _TABLE.remittance_id)
    return found.where(remittances_in(scope))


def _visible_steps(scope: DataScope) -> Select[Any]:
    found = select(*STEP).join(remittance_adjustments, _TABLE.id == adjustment_history.c.adjustment_id)
    return found.join(remittances, remittances.c.id == _TABLE.remittance_id).where(remittances_in(scope))


STEPS_OF: Final = Children(_visible_steps, adjustment_history.c.adjustment_id, AdjustmentStepRecord)


async def insert_adjustments(connection: AsyncConnection, adjustments: Sequence[AdjustmentRecord]) -> None:
    """Further debits and credits of a remittance that the caller has locked."""
    await insert_records(connection, remittance_adjustments, adjustments)


async def insert_step(connection: AsyncConnection, adjustment: AdjustmentRecord, step: AdjustmentStepRecord) -> None:
    """A step with an adjustment that the caller has locked, and the adjustment as it is after it."""
    await insert_records(connection, adjustment_history, [step])
    await update_columns(connection, remittance_adjustments, [adjustment], "status", "version")


@query(AdjustmentRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The adjustments with these ids, of remittances within the scope."""
    return _visible(scope).where(_TABLE.id.in_(ids))


@query(AdjustmentRecord)
def adjustments_of(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The debits, credits and taxes of these remittances, in statement order."""
    return _visible(scope).where(_TABLE.remittance_id.in_(ids)).order_by(_TABLE.remittance_id, _TABLE.sequence)


@query(AdjustmentRecord)
def of_line(scope: DataScope, line_id: str) -> Select[Any]:
    """The debits that this line was, also withdrawn ones."""
    return _visible(scope).where(_TABLE.line_id == line_id).order_by(_TABLE.id)


@query(AdjustmentStepRecord)
def steps_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of adjustments within the scope."""
    return _visible_steps(scope).where(adjustment_history.c.id.in_(ids))


@query_one(AdjustmentStepRecord)
def last_step(scope: DataScope, adjustment_id: str) -> Select[Any]:
    """The latest step with an adjustment."""
    found = _visible_steps(scope).where(adjustment_history.c.adjustment_id == adjustment_id)
    return found.order_by(adjustment_history.c.id.desc()).limit(1)


@query(AdjustmentRecord)
def page(scope: DataScope, where: AdjustmentFilter, keyset: Keyset) -> Select[Any]:
    """One page of the debits and credits that belong to no claim, within the scope."""
    chosen = _chosen(scope, where)
    return keyset.apply(select(*ADJUSTMENT).select_from(chosen.source).where(*chosen.every))


@query_total(row_count)
def count(scope: DataScope, where: AdjustmentFilter, most: int = CANDIDATES_MAX) -> Select[Any]:
    """How many there are; at most so many are asked for their statements, or so many statements for theirs."""
    return _chosen(scope, where).count(most)


def _chosen(scope: DataScope, where: AdjustmentFilter) -> Chosen:
    statements = _statements(scope, where)
    found_by, is_of_few = (_TABLE.remittance_id, remittances.c.id), where.paid_on != OPEN_RANGE
    columns = (_TABLE.id, _TABLE.remittance_id, _TABLE.direction, _TABLE.type, _TABLE.description)

    def conditions(adjustment: Any) -> list[Condition]:
        is_asked = one_of((adjustment.direction, where.directions))
        return [_needs_explanation(adjustment), *is_asked, remittances.c.cancelled_id == "", *statements.conditions]

    return Chosen(
        remittance_adjustments,
        one_of((_TABLE.status, where.status)),
        [(_TABLE.status, where.status)],
        Others(columns, _with_statement, [remittances.c.id], conditions),
        start=statements.first(_adjustments_of, *found_by, is_first=is_of_few) if statements.is_restricted else None,
        newest=_TABLE.id,
    )


def _statements(scope: DataScope, where: AdjustmentFilter) -> Chosen:
    table = remittances.c
    given = one_of((table.payer_ans, where.payers), (table.provider_cnes, where.providers))
    given += within((table.paid_on, where.paid_on))
    values = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return Chosen(remittances, [remittances_in(scope), *given], values, newest=table.created_at)


def _with_statement(adjustment: FromClause) -> FromClause:
    return adjustment.join(remittances, remittances.c.id == adjustment.c.remittance_id)


def _adjustments_of(statement: FromClause) -> FromClause:
    theirs = statement.join(remittance_adjustments, _TABLE.remittance_id == statement.c.start)
    return theirs.join(remittances, remittances.c.id == _TABLE.remittance_id)


def _needs_explanation(adjustment: Any) -> Condition:
    """No tax and no discount: `is_deduction` in SQL."""
    is_coded = and_(adjustment.type.is_not(None), adjustment.type.in_(sorted(CODES)))
    is_pcc = and_(adjustment.description.is_not(None), adjustment.description.icontains(PCC))
    return or_(adjustment.direction == AdjustmentDirection.CREDIT, and_(~is_coded, ~is_pcc))
