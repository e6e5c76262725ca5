"""Resolvers for the entries of providers' bank accounts, and how they fit what payers announce."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.db import bank, bank_tables, remittance_tables
from app.db.bank import BankEntryRecord
from app.db.remittances import RemittanceRecord
from app.domain.bank import BankDirection, ThreeWayStatus
from app.domain.calendar import business_day
from app.domain.described import DescribedEnum
from app.domain.money import Cents
from app.resolvers.context import Context
from app.resolvers.paging import Order, ScopedList, order_by


class BankEntryOrderField(DescribedEnum):
    BOOKED_ON = "BOOKED_ON", "Day of booking."


ORDERS: Final[dict[BankEntryOrderField, Order[BankEntryRecord]]] = {
    BankEntryOrderField.BOOKED_ON: order_by(bank_tables.bank_entries, "booked_on", date),
}
OLDEST_FIRST: Final = ORDERS[BankEntryOrderField.BOOKED_ON]
ENTRIES: Final = ScopedList("bankEntries", bank.page, bank.count)
ANNOUNCED: Final = ScopedList("announcedPayments", bank.announced_page, bank.count_announced)
LONGEST_AWAITED_FIRST: Final[Order[RemittanceRecord]] = order_by(remittance_tables.remittances, "paid_on", date)


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """What claims, statement and bank show of one payment, in cents; days are None unless something is awaited."""

    status: ThreeWayStatus
    posted_cents: Cents
    announced_cents: Cents
    received_cents: Cents
    waiting_days: int | None


def age(ctx: Context, day: date) -> int:
    """Days since then, in Brasília."""
    return max((business_day(ctx.now()) - day).days, 0)


async def three_way(ctx: Context, remittances: Sequence[RemittanceRecord]) -> list[ThreeWay]:
    """For each statement what its settlements, itself and the bank show."""
    ids = [each.id for each in remittances]
    posted = await ctx.loaders.posted_cents.load_many(ids)
    matches = await ctx.loaders.bank_match_of_remittance.load_many(ids)
    return [
        _three_way(ctx, each, Cents(cents), is_received=match is not None)
        for each, cents, match in zip(remittances, posted, matches, strict=True)
    ]


def _three_way(ctx: Context, remittance: RemittanceRecord, posted: Cents, *, is_received: bool) -> ThreeWay:
    announced = Cents(0 if remittance.paid_on is None else remittance.announced_cents)
    # A match is made of entries whose sum is that of the payments, so each of these has arrived whole.
    received = announced if is_received else Cents(0)
    if remittance.paid_on is None:
        return ThreeWay(ThreeWayStatus.UNPAID, posted, announced, received, None)
    if not is_received:
        return ThreeWay(ThreeWayStatus.ANNOUNCED, posted, announced, received, age(ctx, remittance.paid_on))
    status = ThreeWayStatus.COMPLETE if posted == announced else ThreeWayStatus.UNPOSTED
    return ThreeWay(status, posted, announced, received, None)


async def entries_of(ctx: Context, remittances: Sequence[RemittanceRecord]) -> list[list[BankEntryRecord]]:
    """For each statement the bank entries that its payment is, alone or with others."""
    matches = await ctx.loaders.bank_match_of_remittance.load_many([each.id for each in remittances])
    known = [each for each in matches if each is not None]
    found = dict(zip(known, await ctx.loaders.bank_entries_of_match.load_many(known), strict=True))
    return [found.get(each, []) if each is not None else [] for each in matches]


def waits(entry: BankEntryRecord) -> bool:
    """Whether it came in and no payment explains it."""
    return entry.direction is BankDirection.CREDIT and entry.match_id is None and entry.dismissal_reason is None
