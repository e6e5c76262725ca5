"""Queries on denials (glosas) and the appeals against them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.claims import ClaimFilter
from app.db.claims import chosen as chosen_claims
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.filters import OPEN_RANGE, Bounds, Condition, Elsewhere, one_of, within
from app.db.pages import Chosen, Others, itself
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.replacements import is_replaced
from app.db.scoping import claims_in
from app.db.statements import query, query_one, query_total
from app.db.sums import Amounts
from app.db.tables import claims, denials, invoice_lines
from app.domain.data_scope import DataScope
from app.domain.denials import AFTER_APPEAL, WON, DenialStatus, Shares, contestable, shares
from app.domain.money import Cents
from app.values.frozen import frozen


@frozen
class DenialRecord:
    id: str
    claim_id: str
    item_id: str
    code: str
    amount_cents: int
    status: DenialStatus
    created_at: datetime
    appeal_deadline: date
    appealed_cents: int | None
    justification: str | None
    appealed_at: datetime | None
    answered_cents: int | None
    payer_justification: str | None
    answered_at: datetime | None
    appeal_instance: int

    @property
    def is_after_appeal(self) -> bool:
        """Whether the payer was asked to reconsider it, in this instance or before."""
        return self.status in AFTER_APPEAL or self.appeal_instance > 1

    @property
    def contestable_cents(self) -> Cents:
        """How much of it can be appealed: in the second instance, what was appealed in the first one."""
        return contestable(Cents(self.amount_cents), self.appealed_cents, self.appeal_instance)

    @property
    def shares(self) -> Shares:
        """What of the amount is in dispute, won or lost."""
        answered = None if self.answered_cents is None else Cents(self.answered_cents)
        appealed = None if self.appealed_cents is None else Cents(self.appealed_cents)
        return shares(self.status, Cents(self.amount_cents), appealed, answered)


@frozen
class DenialFilter:
    """A denial matches when every given part does; ranges include both ends, amounts are cents."""

    ids: tuple[str, ...] | None = None
    status: tuple[DenialStatus, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    codes: tuple[str, ...] | None = None
    appeal_deadline: Bounds[date] = OPEN_RANGE
    created_at: Bounds[datetime] = OPEN_RANGE
    amount_cents: Bounds[int] = OPEN_RANGE
    is_recovery_invoiced: bool | None = None


@frozen
class DenialSums:
    """Sums over denials, in cents; `about_to_be_lost` are open ones, of claims that are not replaced."""

    amount_cents: Cents
    in_dispute_cents: Cents
    won_cents: Cents
    lost_cents: Cents
    about_to_be_lost_cents: Cents


DENIAL = columns(denials, DenialRecord)
_OF_CLAIM: Final = claims.c.id == denials.c.claim_id
OPEN_CENTS: ColumnElement[int] = func.coalesce(denials.c.appealed_cents, denials.c.amount_cents)
"""What of an open denial can still be appealed: all of it, or what its upheld first appeal was about."""
DISPUTED: ColumnElement[int] = case(
    (denials.c.status == DenialStatus.OPEN, OPEN_CENTS),
    (denials.c.status == DenialStatus.APPEALED, func.coalesce(denials.c.appealed_cents, 0)),
    else_=0,
)
"""The part of a denial that is in dispute, as `shares` divides it: all of 100.00 while it is open, 60.00 once 60.00 of
it is appealed, nothing after the answer."""
RECOVERED: ColumnElement[int] = func.coalesce(denials.c.answered_cents, 0)
"""The part of a denial that an appeal won back."""
LOST: ColumnElement[int] = denials.c.amount_cents - DISPUTED - RECOVERED
"""The part of a denial that is finally lost: what is neither in dispute nor won."""
_AT_RISK = case((and_(denials.c.status == DenialStatus.OPEN, ~is_replaced()), OPEN_CENTS), else_=0)
AMOUNTS: Final = Amounts(DenialSums, (denials.c.amount_cents, DISPUTED, RECOVERED, LOST, _AT_RISK))


def _visible(scope: DataScope) -> Select[Any]:
    return select(*DENIAL).join(claims, _OF_CLAIM).where(claims_in(scope))


@query(DenialRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The denials with these ids whose claims are within the scope."""
    return _visible(scope).where(denials.c.id.in_(ids))


@query_one(DenialRecord)
def one(scope: DataScope, denial_id: str) -> Select[Any]:
    """One denial; the lock on its claim protects it."""
    return _visible(scope).where(denials.c.id == denial_id)


@query(DenialRecord)
def of_items(scope: DataScope, item_ids: Sequence[str]) -> Select[Any]:
    """The denials of these items, oldest first."""
    return _visible(scope).where(denials.c.item_id.in_(item_ids)).order_by(denials.c.id)


@query(DenialRecord)
def of_claims(scope: DataScope, claim_ids: Sequence[str]) -> Select[Any]:
    """The denials of these claims, oldest first."""
    return _visible(scope).where(denials.c.claim_id.in_(claim_ids)).order_by(denials.c.id)


@query(DenialRecord)
def page(scope: DataScope, where: DenialFilter, keyset: Keyset) -> Select[Any]:
    """One page of the denials within the scope."""
    return _chosen(scope, where).page(DENIAL, keyset)


@query_total(row_count)
def count(scope: DataScope, where: DenialFilter, most: int = CANDIDATES_MAX) -> Select[Any]:
    """How many denials within the scope match the filter; at most so many are asked for their claims and invoices, or
    so many claims for their denials."""
    return _chosen(scope, where).count(most)


@query_total(AMOUNTS.of)
def sums(scope: DataScope, where: DenialFilter) -> Select[Any]:
    """Sums over the denials within the scope that match the filter."""
    chosen = _chosen(scope, where)
    return select(*AMOUNTS.totals).select_from(chosen.source).where(*chosen.every)


def _chosen(scope: DataScope, where: DenialFilter) -> Chosen:
    """The denials of a list; with their claims only if these are restricted. Denials do not repeat whose claim it is:
    they may be counted from their claims."""
    table = denials.c
    needs_claims = not scope.is_everything or where.payers is not None or where.providers is not None
    of_claim = chosen_claims(scope, ClaimFilter(payers=where.payers, providers=where.providers))
    # Few denials are won: without a status in the filter, each status of these has its page.
    status = where.status if where.is_recovery_invoiced is None else where.status or tuple(sorted(WON))
    return Chosen(
        denials,
        _conditions(where),
        values=[(table.status, status), (table.code, where.codes)],
        others=Others(
            (table.id, table.claim_id),
            _with_claim if needs_claims else itself,
            [claims.c.id] if needs_claims else (),
            lambda _denial: of_claim.conditions if needs_claims else (),
            lambda denial: _elsewhere(where, denial.id),
        ),
        start=of_claim.first(_denials_of, table.claim_id, claims.c.id) if needs_claims else None,
        newest=table.appeal_deadline,
    )


def _with_claim(denial: FromClause) -> FromClause:
    return denial.join(claims, claims.c.id == denial.c.claim_id)


def _denials_of(claim: FromClause) -> FromClause:
    return claim.join(denials, denials.c.claim_id == claim.c.start).join(claims, _OF_CLAIM)


async def insert_denials(connection: AsyncConnection, rows: Sequence[DenialRecord]) -> None:
    """The denials of one decision."""
    await insert_records(connection, denials, rows)


async def update_denial(connection: AsyncConnection, denial: DenialRecord) -> None:
    """Write the whole row of a denial whose claim is locked."""
    await update_record(connection, denials, denial)


async def overdue_claims(connection: AsyncConnection, day: date, limit: int) -> list[str]:
    """Claims with an open denial whose last appeal day is before this day."""
    late = (denials.c.status == DenialStatus.OPEN, denials.c.appeal_deadline < day)
    query = select(denials.c.claim_id).where(*late).distinct().order_by(denials.c.claim_id).limit(limit)
    return [row[0] for row in (await connection.execute(query)).all()]


@query(DenialRecord)
def first_open(scope: DataScope, where: DenialFilter, today: date, limit: int) -> Select[Any]:
    """The first denials of the filter that can be appealed today, the earliest deadline first."""
    table = denials.c
    chosen = _chosen(scope, where)
    query = _visible(scope).where(*chosen.every)
    query = query.where(table.status == DenialStatus.OPEN, table.appeal_deadline >= today, ~is_replaced())
    return query.order_by(table.appeal_deadline, table.id).limit(limit)


@query(DenialRecord)
def won_and_unbilled(scope: DataScope, provider: str, payer: str, limit: int) -> Select[Any]:
    """Won appeals of this provider with this payer that no active invoice bills, oldest first.

    Appeals of a replaced claim are left out: the replacement bills the service.
    """
    billed = select(invoice_lines.c.id).where(invoice_lines.c.billed_denial_id == denials.c.id)
    query = (
        _visible(scope)
        .where(claims.c.provider_cnes == provider, claims.c.payer_ans == payer)
        .where(denials.c.status.in_(sorted(WON)), ~billed.exists(), ~is_replaced())
    )
    return query.order_by(denials.c.id).limit(limit)


def _conditions(where: DenialFilter) -> list[Condition]:
    table = denials.c
    found = one_of(
        (table.id, where.ids),
        (table.status, where.status),
        (table.code, where.codes),
    )
    found += within(
        (table.appeal_deadline, where.appeal_deadline),
        (table.created_at, where.created_at),
        (table.amount_cents, where.amount_cents),
    )
    if where.is_recovery_invoiced is not None:
        found.append(table.status.in_(sorted(WON)))
    return found


def _elsewhere(where: DenialFilter, denial: ColumnElement[str]) -> list[Elsewhere]:
    if where.is_recovery_invoiced is None:
        return []
    billed = select(invoice_lines.c.id).where(invoice_lines.c.billed_denial_id == denial)
    return [Elsewhere(billed, where.is_recovery_invoiced)]
