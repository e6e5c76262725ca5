"""The books: where all billed money is, added up month by month, so that no statement walks all claims.

A month is added up by one process at a time, in statements of its own, and its sums by provider and payer are stored.
The sums of all months are what the metrics show; their proof is as old as that of the month added up longest ago.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Final

from app.db import books as books_db
from app.db import breakdowns
from app.db import outbox as outbox_db
from app.db.books import MonthRecord, Parties
from app.db.breakdowns import KEY_COLUMN, BillingGroup, GroupedFilter, Grouping
from app.db.engine import Database, DatabaseUnavailable
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.domain.breakdown import months_from
from app.domain.calendar import business_day
from app.domain.data_scope import EVERYTHING
from app.domain.reconciliation import Period, Reconciliation
from app.values.frozen import frozen

SECONDS_MAX: Final = 5.0
"""How long one round adds up again what was added up before: the next one goes on."""
FRESH: Final = timedelta(minutes=4)
"""A month is not added up again before: sweeps of all processes are five minutes apart."""
GROUPS_AT_ONCE: Final = 500
_BY_PARTIES: Final = ("PROVIDER", "PAYER")

Sums = dict[Parties, BillingGroup]


@frozen
class Proof:
    """Where all billed money is, and when the oldest of its months was added up."""

    books: Reconciliation
    proven_at: datetime


async def prove(database: Database, now: datetime, *, fresh: timedelta = FRESH) -> Proof | None:
    """Add up the months that never were, and for some seconds those whose proof is the oldest; None as long as a month
    has no sums.

    Any number of processes may do this at once: each month is added up by one of them.
    """
    async with database.reading() as connection:
        first = await books_db.first_moment(connection)
        known = {each.month: each for each in await books_db.months(connection)}
    periods = _periods(first or now, now, known)
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS_MAX
    for month in _due(periods, known, now - fresh):
        if month in known and loop.time() > end:
            break
        await _prove_month(database, month, periods[month], known.get(month), now)
    return await _proof(database, set(periods), now)


def _periods(first: datetime, now: datetime, known: Iterable[str]) -> dict[str, Period]:
    """Month -> its days, up to this month or, after a clock that was wrong, to the last that was ever added up."""
    days = [business_day(first), business_day(now), *(date(int(each[:4]), int(each[4:]), 1) for each in known)]
    last = max(days)
    every = months_from(min(days))
    return {f"{each.first:%Y%m}": each for each in takewhile(lambda each: (each.first or last) <= last, every)}


def _due(periods: dict[str, Period], known: dict[str, MonthRecord], before: datetime) -> list[str]:
    """The months to add up, those that never were first, then by age."""
    new = [month for month in periods if month not in known]
    old = sorted((each.taken_at, month) for month, each in known.items() if each.taken_at <= before)
    return new + [month for _, month in old]


async def _prove_month(database: Database, month: str, period: Period, seen: MonthRecord | None, now: datetime) -> None:
    if not await database.transact(lambda connection: books_db.take(connection, month, seen, now)):
        return
    # Before the sums: what commits in between is in them, and counted as a change after them too.
    async with database.reading() as connection:
        position = await outbox_db.last_position(connection) or 0
    sums = await _sums(database, period)
    await database.transact(lambda connection: books_db.store(connection, month, sums, position, now))


async def _sums(database: Database, period: Period) -> Sums:
    """The sums of the days; of each half by itself where they take the database too long."""
    try:
        return await _sums_at_once(database, period)
    except DatabaseUnavailable:
        if period.first is None or period.last is None or period.first >= period.last:
            raise
        middle = period.first + (period.last - period.first) // 2
        halves = Period(period.first, middle), Period(middle + timedelta(days=1), period.last)
        return _together(*[await _sums(database, each) for each in halves])


async def _sums_at_once(database: Database, period: Period) -> Sums:
    where = GroupedFilter(Grouping(_BY_PARTIES), LedgerFilter(period=period))
    found: Sums = {}
    keyset = Keyset(KEY_COLUMN, KEY_COLUMN, descending=False, limit=GROUPS_AT_ONCE)
    while True:
        # One snapshot: the sums of several statements only match if they all see the same commits.
        async with database.snapshot() as connection:
            groups = await breakdowns.billing_groups(connection, EVERYTHING, where, keyset)
        found |= {(each.parts["PROVIDER"], each.parts["PAYER"]): each for each in groups}
        if len(groups) < GROUPS_AT_ONCE:
            return found
        keyset = replace(keyset, after=(groups[-1].key, groups[-1].key))


def _together(first: Sums, second: Sums) -> Sums:
    both = {**first, **second}
    for parties in first.keys() & second.keys():
        both[parties] = first[parties] + second[parties]
    return both


async def _proof(database: Database, months: set[str], now: datetime) -> Proof | None:
    async with database.reading() as connection:
        known = {each.month: each.proven_at for each in await books_db.months(connection)}
        books = await books_db.totals(connection)
    proven = [known.get(month) for month in months]
    if any(each is None for each in proven):
        return None
    return Proof(books, min((each for each in proven if each is not None), default=now))
