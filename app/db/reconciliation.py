"""Sums over claims, denials, invoice lines and payments: each part counted from its own rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.denials import DISPUTED, RECOVERED
from app.db.replacements import is_replaced
from app.db.scoping import claims_in, invoices_in
from app.db.tables import allocations, claims, denials, invoice_lines, invoices, settlements
from app.domain.calendar import business_day
from app.domain.claims import AWAITING_RETURN, DECIDED, INVOICEABLE, SENT
from app.domain.data_scope import DataScope
from app.domain.denials import DenialStatus
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.money import Cents
from app.domain.reconciliation import Indicators, Period, Reconciliation
from app.domain.settlements import SettlementStatus

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Books:
    """Which books to look at; every given part must hold."""

    payer: str | None = None
    provider: str | None = None
    period: Period = field(default_factory=Period)


async def reconcile(connection: AsyncConnection, scope: DataScope, books: Books) -> Reconciliation:
    """Where everything is that was billed by claims submitted in the period, and credits given in it.

    The connection must see one moment (`Database.snapshot`), or writers in between would seem unexplained.
    """
    counted, credit = _counted(scope, books), _credits(scope, books)
    billed, undecided, unbilled = await _sums(connection, _of_claims(counted))
    disputed, lost, won = await _sums(connection, _of_denials(counted))
    credited, debited, still_due = await _sums(connection, _of_lines(counted, credit))
    (paid,) = await _sums(connection, _paid(counted, credit))
    return Reconciliation(
        billed_cents=Cents(billed + credited),
        paid_cents=Cents(paid),
        in_dispute_cents=Cents(disputed),
        lost_cents=Cents(lost + debited),
        awaiting_cents=Cents(undecided + unbilled + won + still_due),
    )


def _counted(scope: DataScope, books: Books) -> Condition:
    """Claims that the payer has, in the period, and that no living claim replaces."""
    parts = [claims_in(scope), claims.c.status.in_(sorted(SENT)), ~is_replaced()]
    parts += _equal((claims.c.payer_ans, books.payer), (claims.c.provider_cnes, books.provider))
    return and_(*parts, *_within(claims.c.submitted_at, books.period))


def _equal(*pairs: tuple[ColumnElement[Any], str | None]) -> list[Condition]:
    return [column == value for column, value in pairs if value is not None]


def _within(column: ColumnElement[Any], period: Period) -> Iterable[Condition]:
    if period.begins_at is not None:
        yield column >= period.begins_at
    if period.ends_before is not None:
        yield column < period.ends_before


def _total(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


async def _sums(connection: AsyncConnection, query: Select[Any]) -> list[int]:
    row = (await connection.execute(query)).one()
    return [int(value) for value in row]


def _of_claims(counted: Condition) -> Select[Any]:
    """Claimed; claimed and not decided; approved and on no invoice."""
    table = claims.c
    line = select(invoice_lines.c.id).where(invoice_lines.c.billed_claim_id == table.id)
    undecided = case((table.status.in_(sorted(AWAITING_RETURN)), table.claimed_cents), else_=0)
    unbilled = case((and_(table.status.in_(sorted(INVOICEABLE)), ~line.exists()), table.approved_cents), else_=0)
    return select(_total(table.claimed_cents), _total(undecided), _total(unbilled)).where(counted)


def _of_denials(counted: Condition) -> Select[Any]:
    """In dispute; lost; won and on no invoice."""
    lost = denials.c.amount_cents - DISPUTED - RECOVERED
    line = select(invoice_lines.c.id).where(invoice_lines.c.billed_denial_id == denials.c.id)
    unbilled = case((~line.exists(), RECOVERED), else_=0)
    query = select(_total(DISPUTED), _total(lost), _total(unbilled)).select_from(denials)
    return query.join(claims, claims.c.id == denials.c.claim_id).where(counted)


def _credits(scope: DataScope, books: Books) -> Condition:
    """Credits of the period on invoices of these books."""
    line = invoice_lines.c
    parts = _equal((invoices.c.payer_ans, books.payer), (invoices.c.provider_cnes, books.provider))
    return and_(
        line.kind == InvoiceLineKind.CREDIT, invoices_in(scope), *parts, *_within(line.created_at, books.period)
    )


def _counted_lines(query: Select[Any], counted: Condition, credit: Condition) -> Select[Any]:
    """Lines on living invoices that bill a counted claim, or are a counted credit."""
    line = invoice_lines.c
    query = query.join(invoices, invoices.c.id == line.invoice_id)
    query = query.outerjoin(claims, claims.c.id == line.claim_id)
    return query.where(invoices.c.status != InvoiceStatus.CANCELLED, or_(counted, credit))


def _of_lines(counted: Condition, credit: Condition) -> Select[Any]:
    """Credits; taken by debits; due."""
    line = invoice_lines.c
    credited = case((line.kind == InvoiceLineKind.CREDIT, line.amount_cents), else_=0)
    due = line.amount_cents - line.debited_cents - line.settled_cents
    query = select(_total(credited), _total(line.debited_cents), _total(due)).select_from(invoice_lines)
    return _counted_lines(query, counted, credit)


def _paid(counted: Condition, credit: Condition) -> Select[Any]:
    """What payments left on these lines, reversals taken off, counted from the ledger."""
    sign = case((settlements.c.reverses_id.is_(None), 1), else_=-1)
    query = select(_total(sign * allocations.c.amount_cents)).select_from(allocations)
    query = query.join(settlements, settlements.c.id == allocations.c.settlement_id)
    query = query.join(invoice_lines, invoice_lines.c.id == allocations.c.line_id)
    confirmed = settlements.c.status == SettlementStatus.CONFIRMED
    return _counted_lines(query.where(confirmed), counted, credit)


async def indicators(
    connection: AsyncConnection, scope: DataScope, books: Books, *, expiring_until: date
) -> Indicators:
    """The figures of the period's claims; `expiring_until` is the last day that counts as about to be lost."""
    counted = _counted(scope, books)
    decided = and_(counted, claims.c.status.in_(sorted(DECIDED)))
    processed, denied = await _sums(
        connection, select(_total(claims.c.processed_cents), _total(claims.c.denied_cents)).where(decided)
    )
    _, lost, _ = await _sums(connection, _of_denials(counted))
    waiting = and_(counted, claims.c.status.in_(sorted(AWAITING_RETURN)))
    number, value = await _sums(connection, select(func.count(), _total(claims.c.claimed_cents)).where(waiting))
    expiring = select(_total(denials.c.amount_cents)).join(claims, claims.c.id == denials.c.claim_id)
    due = (denials.c.status == DenialStatus.OPEN, denials.c.appeal_deadline <= expiring_until)
    (at_risk,) = await _sums(connection, expiring.where(counted, *due))
    return Indicators(
        processed_cents=Cents(processed),
        denied_cents=Cents(denied),
        lost_cents=Cents(lost),
        days_to_payment_tenths=await _days_to_payment(connection, counted),
        claims_without_return=number,
        value_without_return_cents=Cents(value),
        expiring_cents=Cents(at_risk),
    )


async def _days_to_payment(connection: AsyncConnection, counted: Condition) -> int | None:
    """Mean days from a claim's submission to its first payment that stands, in tenths; None when nothing was paid.

    Counted claim by claim: a day's difference is not the same function on every server.
    """
    table, taken = settlements.c, _taken_back()
    stands = allocations.c.amount_cents > func.coalesce(taken.c.cents, 0)
    query = (
        select(claims.c.submitted_at, func.min(table.paid_on))
        .select_from(claims)
        .join(invoice_lines, invoice_lines.c.claim_id == claims.c.id)
        .join(allocations, allocations.c.line_id == invoice_lines.c.id)
        .join(settlements, table.id == allocations.c.settlement_id)
        .outerjoin(taken, and_(taken.c.reverses_id == table.id, taken.c.line_id == invoice_lines.c.id))
        .where(counted, table.reverses_id.is_(None), stands)
        .group_by(claims.c.id, claims.c.submitted_at)
    )
    rows = (await connection.execute(query)).all()
    if not rows:
        return None
    days: int = sum(max((paid_on - business_day(submitted)).days, 0) for submitted, paid_on in rows)
    return (days * 20 + len(rows)) // (2 * len(rows))


def _taken_back() -> Subquery:
    """Cents that reversals took back from each line of each settlement."""
    reversal = settlements.c
    query = select(reversal.reverses_id, allocations.c.line_id, func.sum(allocations.c.amount_cents).label("cents"))
    query = query.join(allocations, allocations.c.settlement_id == reversal.id).where(reversal.reverses_id.is_not(None))
    return query.group_by(reversal.reverses_id, allocations.c.line_id).subquery("taken_back")
