"""Which payments the entries of a bank account are: matched, taken back, or dismissed as not from a payer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import bank as bank_db
from app.db import remittances as remittances_db
from app.db.bank import BankEntryRecord, BankMatchRecord
from app.db.remittances import RemittanceRecord
from app.domain import ids
from app.domain.actions import BankEntryOperation
from app.domain.bank import (
    GROUP_MAX,
    Announced,
    BankAction,
    BankEntryStatus,
    check_group,
    choose_entry,
    next_status,
)
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, conflict, not_found, raise_any, refuse
from app.domain.money import Cents
from app.domain.text import text_failure
from app.events.bank_events import bank_entry_event
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord
from app.unit_of_work.unit import UnitOfWork

REASON_LENGTH_MAX: Final = 500


async def match(
    unit: UnitOfWork, *, entry_ids: tuple[str, ...], remittance_ids: tuple[str, ...]
) -> list[BankEntryRecord]:
    """Say by hand that these entries are these payments; INVALID_AMOUNT unless both have the same sum."""
    for name, given in (("entryIds", entry_ids), ("remittanceIds", remittance_ids)):
        if not 1 <= len(given) <= GROUP_MAX or len(set(given)) < len(given):
            raise refuse(ErrorCode.INVALID_INPUT, f"name 1 to {GROUP_MAX}, each once", name)
    payments = [await _payment(unit, each) for each in sorted(remittance_ids)]
    entries = await bank_db.lock_many(unit.connection, unit.scope, entry_ids)
    if len(entries) < len(entry_ids):
        raise not_found("bank entry", "entryIds")
    if {(each.provider_cnes, each.payer_ans) for each in payments} != {
        (each.provider_cnes, payments[0].payer_ans) for each in entries
    }:
        raise conflict("the entries and payments belong to different providers or payers", "remittanceIds")
    check_group(
        [(each.direction, Cents(each.amount_cents)) for each in entries],
        [Cents(each.announced_cents) for each in payments],
    )
    return await _store(unit, entries, payments)


async def match_one(unit: UnitOfWork, entry: BankEntryRecord, remittance_id: str) -> bool:
    """Match an entry that this transaction has stored to the payment that it clearly is; False if the payment has
    changed meanwhile."""
    found = await remittances_db.lock(unit.connection, unit.scope, remittance_id)
    is_same = found is not None and not found.cancelled_id and found.announced_cents == entry.amount_cents
    if found is None or not is_same or found.paid_on is None:
        return False
    if await bank_db.matches_of_remittances(unit.connection, unit.scope, [remittance_id]):
        return False
    await _store(unit, [entry], [found])
    return True


async def match_payment(unit: UnitOfWork, remittance: RemittanceRecord) -> None:
    """Match a payment that a statement has just announced to the bank entry that it clearly is, if there is one."""
    if remittance.paid_on is None:
        return
    # Entries that wait belong to no payer: a payer's own scope, such as that of a statement from Kafka, has none.
    of_provider = DataScope(providers=frozenset({remittance.provider_cnes}))
    waiting = await bank_db.waiting_of(
        unit.connection,
        of_provider,
        remittance.provider_cnes,
        paid_on=remittance.paid_on,
        cents=remittance.announced_cents,
    )
    announced = Announced(
        remittance.id, remittance.paid_on, Cents(remittance.announced_cents), remittance.bank_reference
    )
    index = choose_entry([each.line for each in waiting], announced)
    if index is None:
        return
    entries = await bank_db.lock_many(unit.connection, of_provider, [waiting[index].id])
    if [each.status for each in entries] == [BankEntryStatus.WAITING]:
        await _store(unit, entries, [remittance])


async def release(unit: UnitOfWork, remittance_id: str) -> None:
    """Take back the match of a statement that is cancelled, and that the caller has locked: its entries wait again."""
    matches = await bank_db.matches_of_remittances(unit.connection, unit.scope, [remittance_id])
    if remittance_id in matches:
        await _undo(unit, matches[remittance_id])


async def _payment(unit: UnitOfWork, remittance_id: str) -> RemittanceRecord:
    """The announced payment, locked; NOT_FOUND outside the data scope, CONFLICT if it is none."""
    found = await remittances_db.lock(unit.connection, unit.scope, remittance_id)
    if found is None:
        raise not_found("remittance", "remittanceIds")
    if found.cancelled_id or found.paid_on is None:
        raise conflict("the statement announces no payment, or is cancelled", "remittanceIds")
    return found


async def _store(
    unit: UnitOfWork, entries: Sequence[BankEntryRecord], payments: Sequence[RemittanceRecord]
) -> list[BankEntryRecord]:
    match_id = ids.new_id(ids.BANK_MATCH)
    rows = [
        BankMatchRecord(
            id=ids.new_id(ids.BANK_MATCH),
            match_id=match_id,
            remittance_id=each.id,
            active_remittance_id=each.id,
            net_cents=each.announced_cents,
            created_by=unit.subject,
            created_at=unit.now,
            undone_by=None,
            undone_at=None,
        )
        for each in payments
    ]
    try:
        await bank_db.insert_matches(unit.connection, rows)
    except IntegrityError:
        raise conflict("one of the payments is matched already: take that match back first", "remittanceIds") from None
    payer = payments[0].payer_ans
    changed = [_after(unit, each, BankAction.MATCH, match_id=match_id, payer_ans=payer) for each in entries]
    return await _changed(unit, "BankEntryMatched", changed)


async def unmatch(unit: UnitOfWork, *, id: str) -> list[BankEntryRecord]:
    """Take back the match of an entry, with all entries and payments of it, or its dismissal: they wait again."""
    # Read without the lock only to find the match; read again under the lock.
    seen = next(iter(await bank_db.by_ids(unit.connection, unit.scope, [id])), None)
    if seen is None:
        raise not_found("bank entry", "entryId")
    next_status(seen.status, BankAction.UNMATCH)
    if seen.match_id is None:
        return await _take_dismissal_back(unit, id)
    payments = await bank_db.remittances_of_matches(unit.connection, unit.scope, [seen.match_id])
    for remittance_id in sorted(payments):
        await remittances_db.lock(unit.connection, unit.scope, remittance_id)
    undone = await _undo(unit, seen.match_id)
    if not undone:
        raise conflict("the match was taken back concurrently", "entryId")
    return undone


async def _undo(unit: UnitOfWork, match_id: str) -> list[BankEntryRecord]:
    entries = await bank_db.entries_of_match(unit.connection, match_id)
    await bank_db.undo_match(unit.connection, match_id, by=unit.subject, at=unit.now)
    changed = [_after(unit, each, BankAction.UNMATCH, match_id=None, payer_ans=None) for each in entries]
    payer = next((each.payer_ans for each in entries), None)
    return await _changed(unit, "BankEntryUnmatched", changed, payer=payer)


async def _take_dismissal_back(unit: UnitOfWork, entry_id: str) -> list[BankEntryRecord]:
    entries = await bank_db.lock_many(unit.connection, unit.scope, [entry_id])
    if any(each.match_id is not None for each in entries):
        raise conflict("the entry was matched concurrently: try again", "entryId")
    changed = [_after(unit, each, BankAction.UNMATCH) for each in entries]
    return await _changed(unit, "BankEntryUnmatched", changed)


async def dismiss(unit: UnitOfWork, *, id: str, reason: str) -> list[BankEntryRecord]:
    """Take an entry out of the list of those that wait, with the reason: it is not from a payer."""
    entries = await bank_db.lock_many(unit.connection, unit.scope, [id])
    unknown = [] if entries else not_found("bank entry", "entryId").failures
    raise_any([text_failure(reason, "reason", REASON_LENGTH_MAX), *unknown])
    changed = [_after(unit, each, BankAction.DISMISS, dismissal_reason=reason) for each in entries]
    return await _changed(unit, "BankEntryDismissed", changed)


def _after(unit: UnitOfWork, entry: BankEntryRecord, action: BankAction, **changes: Any) -> BankEntryRecord:
    changes = {"dismissal_reason": None, **changes}
    moved = replace(entry, status=next_status(entry.status, action), version=entry.version + 1, **changes)
    return replace(moved, changed_by=unit.subject, changed_at=unit.now)


async def _changed(
    unit: UnitOfWork, event: str, entries: list[BankEntryRecord], *, payer: str | None = None
) -> list[BankEntryRecord]:
    await bank_db.update_entries(unit.connection, entries)
    for each in entries:
        unit.emit(bank_entry_event(event, each, payer=payer or each.payer_ans, at=unit.now))
        unit.changed(each.id)
    return entries


def _facts(entries: list[BankEntryRecord]) -> Any:
    return [_STORED_ENTRY.facts(each) for each in entries]


async def _rebuild(unit: UnitOfWork, facts: Any) -> list[BankEntryRecord]:
    return await _STORED_ENTRY.read(unit, facts)


_STORED_ENTRY: Final = StoredRecord(
    BankEntryRecord,
    bank_db.by_ids,
    *("status", "payer_ans", "match_id", "version", "changed_by", "changed_at"),
    texts=("dismissal_reason",),
)
_ANSWER: Final[StoredAnswer[list[BankEntryRecord]]] = StoredAnswer(_facts, _rebuild)
MATCH: Final = Action(
    "matchBankEntries",
    match,
    needs="remittances:import",
    answer=_ANSWER,
    aggregates=lambda arguments: sorted([*arguments["remittance_ids"], *arguments["entry_ids"]]),
    offers=BankEntryOperation.MATCH,
)
UNMATCH: Final = Action(
    "unmatchBankEntry", unmatch, needs="remittances:import", answer=_ANSWER, offers=BankEntryOperation.UNMATCH
)
DISMISS: Final = Action(
    "dismissBankEntry",
    dismiss,
    needs="remittances:import",
    answer=_ANSWER,
    # Matching the entry erases it.
    resent=lambda entries, given: [replace(each, dismissal_reason=given["reason"]) for each in entries],
    offers=BankEntryOperation.DISMISS,
)
