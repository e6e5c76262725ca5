"""Resolvers for the entries of providers' bank accounts, and how they fit what payers announce."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from app.db import bank, bank_tables, remittance_tables
from app.db.adjustments import AdjustmentRecord, deductions_of
from app.db.bank import BankEntryRecord
from app.db.remittances import RemittanceRecord
from app.domain.adjustments import EXPLAINED
from app.domain.bank import BankDirection
from app.domain.calendar import business_day
from app.domain.described import DescribedEnum
from app.domain.money import NO_CENTS, Cents
from app.domain.remittances import RemittanceStatus
from app.domain.statement import AdjustmentDirection
from app.domain.three_way import NOTHING_BOOKED, REASONS_MAX, Booked, ThreeWay, ThreeWayStatus, kept_of_left, matched
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


def age(ctx: Context, day: date) -> int:
    """Days since then, in Brasília."""
    return max((business_day(ctx.now()) - day).days, 0)


async def three_way(ctx: Context, remittances: Sequence[RemittanceRecord]) -> list[ThreeWay]:
    """For each statement what the books, itself and the bank show."""
    ids = [each.id for each in remittances]
    booked = [each or NOTHING_BOOKED for each in await ctx.loaders.booked.load_many(ids)]
    adjustments = await ctx.loaders.adjustments_of_remittance.load_many(ids)
    matches = await ctx.loaders.bank_match_of_remittance.load_many(ids)
    # Only credits that wait for their taxes need to know of what these are a share.
    of_tax = [
        id for id, books, rows in zip(ids, booked, adjustments, strict=True) if books.left and deductions_of(rows)
    ]
    taken_back = dict(zip(of_tax, await ctx.loaders.taken_back_cents.load_many(of_tax), strict=True))
    found = []
    for remittance, books, rows, match in zip(remittances, booked, adjustments, matches, strict=True):
        gross = Cents(remittance.paid_cents + int(taken_back.get(remittance.id, 0)))
        posted = _posted(books, rows, gross)
        found.append(_three_way(ctx, remittance, books, posted, is_received=match is not None))
    return found


def _posted(books: Booked, adjustments: Sequence[AdjustmentRecord], gross: Cents) -> Cents:
    """What of the payment is in the books: debits and credits beside the claims when they are explained."""
    kept = kept_of_left(deductions_of(adjustments), left=books.left, gross=gross)
    explained = sum(
        -each.amount_cents if each.direction is AdjustmentDirection.DEBIT else each.amount_cents
        for each in adjustments
        if each.open_status in EXPLAINED
    )
    return Cents(books.settled + books.left + books.left_beside + books.refunded - kept - books.kept_beside + explained)


def _three_way(
    ctx: Context, remittance: RemittanceRecord, books: Booked, posted: Cents, *, is_received: bool
) -> ThreeWay:
    announced = Cents(0 if remittance.paid_on is None else remittance.announced_cents)
    # A match is made of entries whose sum is that of the payments, so each of these has arrived whole.
    received = announced if is_received else NO_CENTS
    dismissed = books.dismissed_net
    days = None
    if remittance.paid_on is None:
        status = ThreeWayStatus.UNPAID
    elif not announced and remittance.status is not RemittanceStatus.POSTED:
        status = ThreeWayStatus.UNPOSTED
    elif is_received or not announced:
        # Nothing arrives of a statement that denies all, or takes back as much as it pays.
        status = matched(posted=posted, announced=announced, dismissed=dismissed)
    else:
        status, days = ThreeWayStatus.ANNOUNCED, age(ctx, remittance.paid_on)
    return ThreeWay(status, posted, announced, received, dismissed, books.dismissed[:REASONS_MAX], days)


async def entries_of(ctx: Context, remittances: Sequence[RemittanceRecord]) -> list[list[BankEntryRecord]]:
    """For each statement the bank entries that its payment is, alone or with others."""
    matches = await ctx.loaders.bank_match_of_remittance.load_many([each.id for each in remittances])
    known = [each for each in matches if each is not None]
    found = dict(zip(known, await ctx.loaders.bank_entries_of_match.load_many(known), strict=True))
    return [found.get(each, []) if each is not None else [] for each in matches]


def waits(entry: BankEntryRecord) -> bool:
    """Whether it came in and no payment explains it."""
    return entry.direction is BankDirection.CREDIT and entry.match_id is None and entry.dismissal_reason is None
