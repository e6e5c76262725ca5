"""Queries on the entries of providers' bank accounts."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bank_tables import bank_entries, bank_files, bank_matches
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.engine import fetch, run
from app.db.filters import OPEN_RANGE, Bounds, Condition, Elsewhere, one_of, within
from app.db.pages import Chosen, Others, Values
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record, update_records
from app.db.remittance_tables import remittances
from app.db.remittances import REMITTANCE, RemittanceRecord
from app.db.scoping import bank_entries_in, bank_files_in, parties_of, remittances_in
from app.db.statements import query, query_pairs, query_total
from app.domain.bank import DAYS_APART_MAX, BankDirection, BankEntryStatus, BankLine, BankSource
from app.domain.data_scope import DataScope
from app.domain.money import Cents
from app.values.frozen import frozen


@frozen
class BankFileRecord:
    id: str
    provider_cnes: str
    source: BankSource
    digest: str
    entry_count: int
    new_entry_count: int
    matched_entry_count: int
    created_by: str
    created_at: datetime


@frozen
class BankEntryRecord:
    id: str
    file_id: str
    provider_cnes: str
    payer_ans: str | None
    status: BankEntryStatus
    account: str
    booked_on: date
    direction: BankDirection
    amount_cents: int
    document: str
    description: str
    identity: str
    match_id: str | None
    dismissal_reason: str | None
    version: int
    changed_by: str
    created_at: datetime
    changed_at: datetime

    @property
    def line(self) -> BankLine:
        """The entry in the form that the rules use."""
        amount = Cents(self.amount_cents)
        return BankLine(self.booked_on, self.direction, amount, self.account, self.document, self.description)


@frozen
class BankMatchRecord:
    id: str
    match_id: str
    remittance_id: str
    active_remittance_id: str | None
    net_cents: int
    created_by: str
    created_at: datetime
    undone_by: str | None
    undone_at: datetime | None


@frozen
class BankEntryFilter:
    """An entry matches when every given part does; ranges include both ends, amounts are cents."""

    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    status: tuple[BankEntryStatus, ...] | None = None
    directions: tuple[BankDirection, ...] | None = None
    booked_on: Bounds[date] = OPEN_RANGE
    amount_cents: Bounds[int] = OPEN_RANGE


@frozen
class AnnouncedFilter:
    """A payment matches when every given part does; ranges include both ends."""

    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    paid_on: Bounds[date] = OPEN_RANGE


FILE: Final = columns(bank_files, BankFileRecord)
ENTRY: Final = columns(bank_entries, BankEntryRecord)
MATCH: Final = columns(bank_matches, BankMatchRecord)


def net_of(remittance: Any) -> ColumnElement[int]:
    """What a statement announces to transfer; typed ones without debits announce what they pay."""
    return func.coalesce(remittance.net_cents, remittance.paid_cents)


NET: Final = net_of(remittances.c)
_SLICE: Final = 500


@query(BankFileRecord)
def files_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The files with these ids within the scope."""
    return select(*FILE).where(bank_files_in(scope), bank_files.c.id.in_(ids))


async def file_by_digest(connection: AsyncConnection, provider: str, digest: str) -> BankFileRecord | None:
    """The file of this provider with the same entries."""
    found = select(*FILE).where(bank_files.c.provider_cnes == provider, bank_files.c.digest == digest)
    return next(iter(await fetch(connection, found, BankFileRecord)), None)


async def known_identities(connection: AsyncConnection, provider: str, identities: Sequence[str]) -> set[str]:
    """Which of these entries the provider has already."""
    table, found = bank_entries.c, set[str]()
    for start in range(0, len(identities), _SLICE):
        part = identities[start : start + _SLICE]
        rows = await connection.execute(
            select(table.identity).where(table.provider_cnes == provider, table.identity.in_(part))
        )
        found |= set(rows.scalars())
    return found


async def insert_file(connection: AsyncConnection, file: BankFileRecord, entries: Sequence[BankEntryRecord]) -> None:
    """A file and its new entries; IntegrityError if another caller has just stored one of them."""
    await insert_records(connection, bank_files, [file])
    await insert_records(connection, bank_entries, entries)


async def update_file(connection: AsyncConnection, file: BankFileRecord) -> None:
    """Write the row of a file that this transaction has inserted."""
    await update_record(connection, bank_files, file)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*ENTRY).where(bank_entries_in(scope))


@query(BankEntryRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The entries with these ids within the scope."""
    return _visible(scope).where(bank_entries.c.id.in_(ids))


@query(BankEntryRecord)
def lock_many(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The entries with these ids, locked in id order until the transaction ends."""
    return _visible(scope).where(bank_entries.c.id.in_(ids)).order_by(bank_entries.c.id).with_for_update()


@query(BankEntryRecord)
def page(scope: DataScope, where: BankEntryFilter, keyset: Keyset) -> Select[Any]:
    """One page of the entries within the scope."""
    return _chosen(scope, where).page(ENTRY, keyset)


@query_total(row_count)
def count(scope: DataScope, where: BankEntryFilter) -> Select[Any]:
    """How many entries within the scope match the filter."""
    return _chosen(scope, where).count()


def _chosen(scope: DataScope, where: BankEntryFilter) -> Chosen:
    return Chosen(bank_entries, [bank_entries_in(scope), *_conditions(where)], _values(scope, where))


def _conditions(where: BankEntryFilter) -> list[Condition]:
    table = bank_entries.c
    return [
        *one_of(
            (table.id, where.ids),
            (table.payer_ans, where.payers),
            (table.provider_cnes, where.providers),
            (table.status, where.status),
            (table.direction, where.directions),
        ),
        *within((table.booked_on, where.booked_on), (table.amount_cents, where.amount_cents)),
    ]


def _values(scope: DataScope, where: BankEntryFilter) -> list[Values]:
    table = bank_entries.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.status, where.status), *parties]


async def update_entries(connection: AsyncConnection, entries: Sequence[BankEntryRecord]) -> None:
    """Write the whole rows of entries that the caller has locked."""
    await update_records(connection, bank_entries, entries)


def _is_announced(remittance: Any) -> list[Condition]:
    return [remittance.cancelled_id == "", remittance.paid_on.is_not(None), net_of(remittance) > 0]


def _unmatched(remittance: Any) -> Elsewhere:
    matched = select(bank_matches.c.id).where(bank_matches.c.active_remittance_id == remittance.id)
    return Elsewhere(matched, is_wanted=False)


async def candidates(
    connection: AsyncConnection, scope: DataScope, provider: str, lines: Sequence[BankLine]
) -> list[RemittanceRecord]:
    """Announced payments of the provider around the days of the lines, which the bank has not got yet."""
    days = [line.booked_on for line in lines]
    apart = timedelta(days=DAYS_APART_MAX)
    where = AnnouncedFilter(providers=(provider,), paid_on=(min(days) - apart, max(days) + apart))
    found = select(*REMITTANCE).where(*_chosen_of_announced(scope, where).every)
    return await fetch(connection, found.order_by(remittances.c.id), RemittanceRecord)


@query(RemittanceRecord)
def announced_page(scope: DataScope, where: AnnouncedFilter, keyset: Keyset) -> Select[Any]:
    """One page of the payments that statements announce and the bank has not got."""
    return _chosen_of_announced(scope, where).page(REMITTANCE, keyset)


@query_total(row_count)
def count_announced(scope: DataScope, where: AnnouncedFilter, most: int = CANDIDATES_MAX) -> Select[Any]:
    """How many such payments there are; at most so many statements are asked for what the bank has of them."""
    return _chosen_of_announced(scope, where).count(most)


def _chosen_of_announced(scope: DataScope, where: AnnouncedFilter) -> Chosen:
    table = remittances.c
    given = one_of((table.payer_ans, where.payers), (table.provider_cnes, where.providers))
    given += within((table.paid_on, where.paid_on))
    values = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    columns = (table.id, table.cancelled_id, table.paid_on, table.net_cents, table.paid_cents)
    others = Others(columns, conditions=_is_announced, elsewhere=lambda remittance: [_unmatched(remittance)])
    return Chosen(remittances, [remittances_in(scope), *given], values, others, newest=table.created_at)


async def waiting_of(
    connection: AsyncConnection, scope: DataScope, provider: str, *, paid_on: date, cents: int
) -> list[BankEntryRecord]:
    """Entries of this amount that came in around this day and that no payment explains."""
    table, apart = bank_entries.c, timedelta(days=DAYS_APART_MAX)
    found = _visible(scope).where(table.provider_cnes == provider, table.status == BankEntryStatus.WAITING)
    found = found.where(table.booked_on >= paid_on - apart, table.booked_on <= paid_on + apart)
    found = found.where(table.direction == BankDirection.CREDIT, table.amount_cents == cents)
    return await fetch(connection, found.order_by(table.id), BankEntryRecord)


async def insert_matches(connection: AsyncConnection, rows: Sequence[BankMatchRecord]) -> None:
    """New matches; IntegrityError if one of the payments is matched already."""
    await insert_records(connection, bank_matches, rows)


async def entries_of_match(connection: AsyncConnection, match_id: str) -> list[BankEntryRecord]:
    """The entries of a match, locked; the caller has found one of them in the data scope."""
    found = select(*ENTRY).where(bank_entries.c.match_id == match_id).order_by(bank_entries.c.id).with_for_update()
    return await fetch(connection, found, BankEntryRecord)


async def undo_match(connection: AsyncConnection, match_id: str, *, by: str, at: datetime) -> None:
    """Free the payments of a match, whose entries the caller has locked."""
    matched = update(bank_matches).where(bank_matches.c.match_id == match_id)
    await run(connection, matched.values(active_remittance_id=None, undone_by=by, undone_at=at))


@query(BankEntryRecord)
def of_matches(scope: DataScope, match_ids: Sequence[str]) -> Select[Any]:
    """The entries of these matches within the scope."""
    return _visible(scope).where(bank_entries.c.match_id.in_(match_ids)).order_by(bank_entries.c.id)


@query_pairs(str)
def matches_of_remittances(scope: DataScope, remittance_ids: Sequence[str]) -> Select[Any]:
    """Remittance id -> its active match; those without one are left out."""
    found = select(remittances.c.id, bank_matches.c.match_id)
    found = found.join(bank_matches, bank_matches.c.active_remittance_id == remittances.c.id)
    return found.where(remittances_in(scope), remittances.c.id.in_(remittance_ids))


@query_pairs(str)
def remittances_of_matches(scope: DataScope, match_ids: Sequence[str]) -> Select[Any]:
    """Remittance id -> the active match that it belongs to, of these matches."""
    found = select(remittances.c.id, bank_matches.c.match_id)
    found = found.join(bank_matches, bank_matches.c.active_remittance_id == remittances.c.id)
    return found.where(remittances_in(scope), bank_matches.c.match_id.in_(match_ids))
