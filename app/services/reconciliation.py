"""Where billed money is: the stored sums of the months that nothing has changed since, and the rows of the others.

The stored sums have all changes up to a position of the event log. In one snapshot, later events say which months have
changed; only their rows are added up, and those of months that the period has a part of. So the answer is that of all
rows at this moment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import book_changes, breakdowns
from app.db import books as books_db
from app.db import reconciliation as reconciliation_db
from app.db.books import MonthRecord
from app.db.breakdowns import BillingGroup, GroupedFilter
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.domain.breakdown import month_of
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, refuse
from app.domain.reconciliation import Period, Reconciliation

AGE_MAX: Final = timedelta(hours=1)
"""Older proofs are left: there are too many events to look at, and some day they are deleted."""
CLAIMS_MAX: Final = 200_000
"""So many claims are added up from their rows in some seconds."""


async def check_size(connection: AsyncConnection, scope: DataScope, where: LedgerFilter) -> None:
    """INVALID_INPUT if what has no stored sums would have to add up more claims than the database does in its time."""
    if await reconciliation_db.has_more_claims(connection, scope, where, CLAIMS_MAX):
        text = f"there are more than {CLAIMS_MAX} claims to add up: name a shorter period, a payer or a provider"
        raise refuse(ErrorCode.INVALID_INPUT, text, "period")


async def reconcile(
    connection: AsyncConnection, scope: DataScope, where: LedgerFilter, now: datetime
) -> Reconciliation:
    """What has become of the money billed by claims submitted in the period and by credits of the period.

    Needs a connection that sees one moment (`Database.snapshot`).
    """
    months = [each.month for each in await _unchanged(connection, scope, where, now)]
    if not months:
        return await reconciliation_db.reconcile(connection, scope, where)
    books = await books_db.totals_of(connection, scope, where, months)
    for rest in _rest(where, months):
        books += await reconciliation_db.reconcile(connection, scope, rest)
    return books


async def billing_groups(
    connection: AsyncConnection, scope: DataScope, where: GroupedFilter, keyset: Keyset, now: datetime
) -> list[BillingGroup]:
    """The same by payer, provider and month: the groups of a page."""
    months = await _with_figures(connection, scope, where, now)
    found: dict[str, BillingGroup] = {}
    if months:
        found = {each.key: each for each in await books_db.groups_of(connection, scope, where, months, keyset)}
    for rest in _rest(where.ledger, months):
        for group in await breakdowns.billing_groups(connection, scope, replace(where, ledger=rest), keyset):
            found[group.key] = found[group.key] + group if group.key in found else group
    return [found[key] for key in breakdowns.first_keys(found, keyset)]


async def count_billing_groups(
    connection: AsyncConnection, scope: DataScope, where: GroupedFilter, now: datetime
) -> int:
    """The number of these groups."""
    months = await _with_figures(connection, scope, where, now)
    keys = [books_db.keys_of(scope, where, months)] if months else []
    for rest in _rest(where.ledger, months):
        keys += breakdowns.billing_keys(scope, replace(where, ledger=rest))
    return await breakdowns.count_keys(connection, keys)


async def _with_figures(
    connection: AsyncConnection, scope: DataScope, where: GroupedFilter, now: datetime
) -> list[str]:
    found = await _unchanged(connection, scope, where.ledger, now)
    return [each.month for each in found if each.has_figures]


def _rest(where: LedgerFilter, months: Sequence[str]) -> Iterator[LedgerFilter]:
    """What is asked for beside these months."""
    for period in _others(where.period, [month_of(each) for each in months]):
        yield LedgerFilter(where.payer, where.provider, period)


async def _unchanged(
    connection: AsyncConnection, scope: DataScope, where: LedgerFilter, now: datetime
) -> list[MonthRecord]:
    """The months within the period whose stored sums are those of their rows, in order."""
    if scope.patient is not None:
        return []
    known = await books_db.months(connection)
    fresh = [each for each in known if _is_fresh(each, now) and _is_within(month_of(each.month), where.period)]
    if not fresh:
        return []
    days = Period(month_of(known[0].month).first, month_of(known[-1].month).last)
    after = min(each.last_position or 0 for each in fresh)
    changed = await book_changes.changed_months(connection, scope, where, after=after, days=days)
    return [] if changed is None else [each for each in fresh if each.month not in changed]


def _is_fresh(month: MonthRecord, now: datetime) -> bool:
    return month.last_position is not None and month.proven_at is not None and now - month.proven_at <= AGE_MAX


def _is_within(month: Period, period: Period) -> bool:
    first, last = period.first or date.min, period.last or date.max
    return first <= (month.first or date.min) and (month.last or date.max) <= last


def _others(period: Period, months: Sequence[Period]) -> Iterator[Period]:
    """The days of the period that are in none of the months; these are in order."""
    following = period.first
    for month in months:
        assert month.first and month.last  # noqa: S101, PT018 - months have both
        if following is None or following < month.first:
            yield Period(following, month.first - timedelta(days=1))
        following = month.last + timedelta(days=1)
    if period.last is None or following is None or following <= period.last:
        yield Period(following, period.last)
