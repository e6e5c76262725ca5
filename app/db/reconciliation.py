"""Sums over claims, denials, invoice lines and payments: each part counted from its own rows.

Example, in cents. A claim of 1000_00: the payer approved 700_00 and denied 300_00. Of the denial 200_00 were appealed,
of which 150_00 were won. An invoice bills the 700_00, another one the 150_00, and 500_00 of the first have been paid:

    billed    1000_00  claims.claimed_cents
    paid       492_50  allocations of confirmed settlements, without what the payer kept back
    withheld     7_50  the allocations' share of withheld taxes: 1.5 % of the 500_00
    lost       150_00  the denial: 300_00 minus the 150_00 won
    patient         0  nothing of it is owed by the patient
    awaiting   350_00  due on the lines: 200_00 of the first and 150_00 of the second
    in dispute      0  the appeal is answered
    unexplained     0  1000_00 - 492_50 - 7_50 - 150_00 - 350_00
    unapplied       0  beside these: unused credits, which are part of no claim

Each cent is in exactly one part because the parts divide the claim by state: undecided (`awaiting`), owed by the
patient, denied (divided by `shares` into in dispute, won and lost), and approved or won. The last is either on no
invoice (`awaiting`) or on one line of an active invoice, which divides into settled, taken by debits (`lost`) and due
(`awaiting`). What is settled divides into what arrived (`paid`), taxes (`withheld`) and discounts (`lost`). A credit
adds to what is billed and to its own line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_of
from app.db.denials import DISPUTED, LOST, OPEN_CENTS, RECOVERED
from app.db.engine import scalar
from app.db.filters import Condition, equal
from app.db.queue_tables import unapplied_credits
from app.db.replacements import is_replaced
from app.db.scoping import claims_in, credits_in, invoices_in
from app.db.sums import sums, total
from app.db.tables import allocations, claims, denials, invoice_lines, invoices, settlements
from app.domain.calendar import business_day
from app.domain.claims import AWAITING_RETURN, DECIDED, INVOICEABLE, SENT
from app.domain.data_scope import DataScope
from app.domain.denials import DenialStatus
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.money import Cents
from app.domain.reconciliation import Indicators, Period, Reconciliation
from app.domain.settlements import SettlementStatus
from app.values.frozen import frozen


@frozen
class LedgerFilter:
    """Which claims and credits to count: of this payer, of this provider, of this period; None restricts nothing."""

    payer: str | None = None
    provider: str | None = None
    period: Period = field(default_factory=Period)


async def reconcile(connection: AsyncConnection, scope: DataScope, where: LedgerFilter) -> Reconciliation:
    """What has become of the money billed by claims submitted in the period and by credits of the period.

    Needs a connection that sees one moment (`Database.snapshot`): a payment between two of the sums would seem
    unexplained.
    """
    counted, credit = counted_claims(scope, where), counted_credits(scope, where)
    # Lines of claims are found by the index of these, credits by one of their own; "or" would walk all lines.
    return books_of(
        await sums(connection, of_claims(counted)),
        await sums(connection, of_denials(counted)),
        await _added(connection, of_lines(counted, false()), of_lines(false(), credit)),
        await _added(connection, of_payments(counted, false()), of_payments(false(), credit)),
        await sums(connection, of_unapplied(scope, where)),
    )


async def _added(connection: AsyncConnection, *queries: Select[Any]) -> list[int]:
    rows = [await sums(connection, each) for each in queries]
    return [sum(column) for column in zip(*rows, strict=True)]


def books_of(
    claims_: Sequence[int],
    denials_: Sequence[int],
    lines: Sequence[int],
    payments: Sequence[int],
    unapplied: Sequence[int],
) -> Reconciliation:
    """The books from the sums of `of_claims`, `of_denials`, `of_lines`, `of_payments` and `of_unapplied`."""
    billed, undecided, unbilled, of_patients = claims_
    disputed, lost, won = denials_
    credited, debited, still_due, underpaid = lines
    settled, withheld, discount = payments
    return Reconciliation(
        billed_cents=Cents(billed + credited),
        paid_cents=Cents(settled - withheld - discount),
        in_dispute_cents=Cents(disputed),
        lost_cents=Cents(lost + debited + discount),
        awaiting_cents=Cents(undecided + unbilled + won + still_due),
        withheld_cents=Cents(withheld),
        patient_cents=Cents(of_patients),
        underpaid_cents=Cents(underpaid),
        unapplied_cents=Cents(sum(unapplied)),
    )


def counted_claims(scope: DataScope, where: LedgerFilter) -> Condition:
    """Claims that the payer has, submitted in the period, without an active replacement."""
    parts = [claims_in(scope), claims.c.status.in_(sorted(SENT)), ~is_replaced()]
    parts += equal((claims.c.payer_ans, where.payer), (claims.c.provider_cnes, where.provider))
    return and_(*parts, *_in_period(claims.c.submitted_at, where.period))


async def has_more_claims(connection: AsyncConnection, scope: DataScope, where: LedgerFilter, most: int) -> bool:
    """Whether there are more claims than so many, of these parties and submitted in the period; drafts count too if it
    is open. Counted to the bound, in an index."""
    parts = equal((claims.c.payer_ans, where.payer), (claims.c.provider_cnes, where.provider))
    parts += _in_period(claims.c.submitted_at, where.period)
    found = select(claims.c.id).where(claims_in(scope), *parts)
    return int(await scalar(connection, count_of(found, most))) > most


def _in_period(column: ColumnElement[Any], period: Period) -> Iterable[Condition]:
    if period.begins_at is not None:
        yield column >= period.begins_at
    if period.ends_before is not None:
        yield column < period.ends_before


def of_claims(counted: Condition) -> Select[Any]:
    """Sums of: claimed; claimed and not decided; approved and on no invoice; owed by patients."""
    table = claims.c
    line = select(invoice_lines.c.id).where(invoice_lines.c.billed_claim_id == table.id)
    undecided = case((table.status.in_(sorted(AWAITING_RETURN)), table.claimed_cents), else_=0)
    unbilled = case((and_(table.status.in_(sorted(INVOICEABLE)), ~line.exists()), table.approved_cents), else_=0)
    return select(*map(total, (table.claimed_cents, undecided, unbilled, table.patient_cents))).where(counted)


def of_denials(counted: Condition) -> Select[Any]:
    """Sums of: in dispute; lost; won and on no invoice."""
    line = select(invoice_lines.c.id).where(invoice_lines.c.billed_denial_id == denials.c.id)
    unbilled = case((~line.exists(), RECOVERED), else_=0)
    query = select(total(DISPUTED), total(LOST), total(unbilled)).select_from(denials)
    return query.join(claims, claims.c.id == denials.c.claim_id).where(counted)


def counted_credits(scope: DataScope, where: LedgerFilter) -> Condition:
    """Lines that are credits of the period, on invoices of this payer and provider."""
    line = invoice_lines.c
    parts = equal((invoices.c.payer_ans, where.payer), (invoices.c.provider_cnes, where.provider))
    return and_(
        line.kind == InvoiceLineKind.CREDIT, invoices_in(scope), *parts, *_in_period(line.created_at, where.period)
    )


def counted_lines(query: Select[Any], counted: Condition, credit: Condition) -> Select[Any]:
    """The query over lines of active invoices that bill a counted claim or are a counted credit."""
    line = invoice_lines.c
    query = query.join(invoices, invoices.c.id == line.invoice_id)
    # An outer join, because credits and debits belong to no claim: `counted` is not true for them. Credits count by
    # `credit`; lines of debits are left out, because `debited_cents` of the other lines says what they took.
    query = query.outerjoin(claims, claims.c.id == line.claim_id)
    return query.where(invoices.c.status != InvoiceStatus.CANCELLED, or_(counted, credit))


def of_lines(counted: Condition, credit: Condition) -> Select[Any]:
    """Sums of: credits; taken by debits; due; due on lines that are paid in part."""
    line = invoice_lines.c
    credited = case((line.kind == InvoiceLineKind.CREDIT, line.amount_cents), else_=0)
    due = line.amount_cents - line.debited_cents - line.settled_cents
    rest = case((line.settled_cents > 0, due), else_=0)
    query = select(total(credited), total(line.debited_cents), total(due), total(rest)).select_from(invoice_lines)
    return counted_lines(query, counted, credit)


def of_payments(counted: Condition, credit: Condition) -> Select[Any]:
    """Sums of what settlements paid to these lines minus what reversals took back, and of what of it payers kept back
    as tax and as discount.

    Counted from allocations and not from `invoice_lines.settled_cents`, so that the two check each other: `due` above
    subtracts the latter, and a difference between them is unexplained.
    """
    sign = case((settlements.c.reverses_id.is_(None), 1), else_=-1)
    moved = (allocations.c.amount_cents, allocations.c.withheld_cents, allocations.c.discount_cents)
    query = select(*[total(sign * each) for each in moved]).select_from(allocations)
    query = query.join(settlements, settlements.c.id == allocations.c.settlement_id)
    query = query.join(invoice_lines, invoice_lines.c.id == allocations.c.line_id)
    confirmed = settlements.c.status == SettlementStatus.CONFIRMED
    return counted_lines(query.where(confirmed), counted, credit)


def of_unapplied(scope: DataScope, where: LedgerFilter) -> Select[Any]:
    """The sum of what is left of unapplied credits that were recorded in the period."""
    credit = unapplied_credits.c
    parts = equal((credit.payer_ans, where.payer), (credit.provider_cnes, where.provider))
    left = credit.used_cents < credit.amount_cents
    query = select(total(credit.amount_cents - credit.used_cents)).select_from(unapplied_credits)
    return query.where(credits_in(scope), left, *parts, *_in_period(credit.created_at, where.period))


async def indicators(
    connection: AsyncConnection, scope: DataScope, where: LedgerFilter, *, expiring_until: date
) -> Indicators:
    """Figures of the claims of the period; `expiring_until` is the last appeal deadline counted as expiring."""
    counted = counted_claims(scope, where)
    decided = and_(counted, claims.c.status.in_(sorted(DECIDED)))
    processed, denied = await sums(
        connection, select(total(claims.c.processed_cents), total(claims.c.denied_cents)).where(decided)
    )
    _, lost, _ = await sums(connection, of_denials(counted))
    undecided = and_(counted, claims.c.status.in_(sorted(AWAITING_RETURN)))
    number, value = await sums(connection, select(func.count(), total(claims.c.claimed_cents)).where(undecided))
    expiring = select(total(OPEN_CENTS)).join(claims, claims.c.id == denials.c.claim_id)
    due = (denials.c.status == DenialStatus.OPEN, denials.c.appeal_deadline <= expiring_until)
    (at_risk,) = await sums(connection, expiring.where(counted, *due))
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
    """Mean days from a claim's submission to its first payment not reversed, in tenths; None when nothing was paid.

    Joins claim -> its lines -> allocations to them -> settlements, and for each (settlement, line) what reversals took
    back. Example, in cents: 300_00 paid on the 10th and reversed in full, 300_00 paid on the 15th; the first allocation
    is 300_00 of which 300_00 were taken back and does not count, so the claim was paid on the 15th.

    The days are subtracted here, because servers have no common function for the difference of two dates.
    """
    table, taken_back = settlements.c, _taken_back()
    is_kept = allocations.c.amount_cents > func.coalesce(taken_back.c.cents, 0)
    query = (
        select(claims.c.submitted_at, func.min(table.paid_on))
        .select_from(claims)
        .join(invoice_lines, invoice_lines.c.claim_id == claims.c.id)
        .join(allocations, allocations.c.line_id == invoice_lines.c.id)
        .join(settlements, table.id == allocations.c.settlement_id)
        .outerjoin(taken_back, and_(taken_back.c.reverses_id == table.id, taken_back.c.line_id == invoice_lines.c.id))
        .where(counted, table.reverses_id.is_(None), is_kept)
        .group_by(claims.c.id, claims.c.submitted_at)
    )
    rows = (await connection.execute(query)).all()
    if not rows:
        return None
    days: int = sum(max((paid_on - business_day(submitted)).days, 0) for submitted, paid_on in rows)
    # days * 10 / rows, rounded half up in integers: 7 days over 4 claims are 17.5, so 18 tenths.
    return (days * 20 + len(rows)) // (2 * len(rows))


def _taken_back() -> Subquery:
    """(settlement, line) -> cents that reversals took back."""
    reversal = settlements.c
    query = select(reversal.reverses_id, allocations.c.line_id, func.sum(allocations.c.amount_cents).label("cents"))
    query = query.join(allocations, allocations.c.settlement_id == reversal.id).where(reversal.reverses_id.is_not(None))
    return query.group_by(reversal.reverses_id, allocations.c.line_id).subquery("taken_back")
