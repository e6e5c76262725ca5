"""Entries of providers' bank accounts: taken from files or typed, once, and matched to payments where that is clear."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import bank as bank_db
from app.db import parties as parties_db
from app.db.bank import BankEntryRecord, BankFileRecord
from app.domain import bank_files, ids
from app.domain.bank import (
    FILE_BYTES_MAX,
    Announced,
    BankEntryStatus,
    BankLine,
    BankSource,
    choose,
    digest_of,
    identities,
    line_failures,
)
from app.domain.bank_files import BankFile
from app.domain.errors import ErrorCode, Failure, conflict, not_found, raise_any
from app.domain.identifiers import cnes_failure
from app.domain.money import Cents
from app.domain.refusals import Refusals
from app.events.bank_events import bank_file_event
from app.services import bank_matches, documents
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

_TOO_LARGE: Final = Failure(
    ErrorCode.INVALID_INPUT, "a bank file has at most 2 MiB: export a shorter period", "documentId"
)


@frozen
class BankForm:
    """What a caller gives: typed lines, or a file as text, or an uploaded document."""

    provider: str
    lines: tuple[BankLine, ...] | None = None
    text: str | None = None
    document_id: str | None = None


@frozen
class ImportedFile:
    """The file, and whether all of it had been imported before."""

    file: BankFileRecord
    already_imported: bool


async def import_file(unit: UnitOfWork, *, form: BankForm) -> ImportedFile:
    """Store those entries of a file that no earlier one had, and match them to payments where that is clear.

    The same file again, under another name or in another encoding, changes nothing. INVALID_INPUT for a file that
    cannot be read, NOT_FOUND for a provider or document outside the data scope.
    """
    refusals = Refusals([cnes_failure(form.provider, "provider")])
    # A payer sees which of its payments have arrived, but has no account here.
    is_in_scope = unit.scope.contains(provider=form.provider, payer=None, patient=None)
    with refusals.also():
        if not is_in_scope or await parties_db.provider(unit.connection, form.provider) is None:
            raise not_found("provider", "provider")
    with refusals.also():
        read = await _read(unit, form)
        raise_any(line_failures(read.lines, today=unit.today))
    refusals.raise_any()
    names = identities(read.lines)
    known = await bank_db.file_by_digest(unit.connection, form.provider, digest_of(names))
    if known is not None:
        unit.changed(known.id)
        return ImportedFile(known, already_imported=True)
    return await _store(unit, form.provider, read, names)


async def _read(unit: UnitOfWork, form: BankForm) -> BankFile:
    if form.lines is not None:
        return BankFile(BankSource.TYPED, form.lines)
    if form.text is not None:
        content = form.text.encode()
    else:
        content = await documents.small_content(unit, form.document_id or "", FILE_BYTES_MAX, _TOO_LARGE)
    # Up to two megabytes.
    return await asyncio.to_thread(bank_files.read, content)


async def _store(unit: UnitOfWork, provider: str, read: BankFile, names: Sequence[str]) -> ImportedFile:
    before = await bank_db.known_identities(unit.connection, provider, names)
    file = BankFileRecord(
        id=ids.new_id(ids.BANK_FILE),
        provider_cnes=provider,
        source=read.source,
        digest=digest_of(names),
        entry_count=len(names),
        new_entry_count=len(set(names) - before),
        matched_entry_count=0,
        created_by=unit.subject,
        created_at=unit.now,
    )
    new = [(line, name) for line, name in zip(read.lines, names, strict=True) if name not in before]
    entries = [_entry(unit, file, line, name) for line, name in new]
    try:
        await bank_db.insert_file(unit.connection, file, entries)
    except IntegrityError:
        raise conflict("the same entries were imported concurrently: try again", "content") from None
    matched = await _match(unit, provider, entries)
    stored = replace(file, matched_entry_count=matched)
    await bank_db.update_file(unit.connection, stored)
    unit.emit(bank_file_event(stored, at=unit.now))
    unit.changed(stored.id)
    return ImportedFile(stored, already_imported=False)


def _entry(unit: UnitOfWork, file: BankFileRecord, line: BankLine, identity: str) -> BankEntryRecord:
    return BankEntryRecord(
        id=ids.new_id(ids.BANK_ENTRY),
        file_id=file.id,
        provider_cnes=file.provider_cnes,
        payer_ans=None,
        status=BankEntryStatus.WAITING,
        account=line.account,
        booked_on=line.booked_on,
        direction=line.direction,
        amount_cents=line.amount,
        document=line.document,
        description=line.description,
        identity=identity,
        match_id=None,
        dismissal_reason=None,
        version=1,
        changed_by=unit.subject,
        created_at=unit.now,
        changed_at=unit.now,
    )


async def _match(unit: UnitOfWork, provider: str, entries: Sequence[BankEntryRecord]) -> int:
    """Match the new entries that are clearly one payment each; how many were."""
    if not entries:
        return 0
    lines = [each.line for each in entries]
    payments = {each.id: each for each in await bank_db.candidates(unit.connection, unit.scope, provider, lines)}
    open_ = {
        each.id: Announced(each.id, each.paid_on, Cents(each.announced_cents), each.bank_reference)
        for each in payments.values()
        if each.paid_on is not None
    }
    matched = 0
    for entry, line in zip(entries, lines, strict=True):
        found = choose(line, list(open_.values()))
        if found is not None:
            del open_[found.id]
            matched += await bank_matches.match_one(unit, entry, found.id)
    return matched


def _stored_facts(imported: ImportedFile) -> Any:
    return [_STORED_FILE.facts(imported.file), imported.already_imported]


async def _rebuild(unit: UnitOfWork, facts: Any) -> ImportedFile:
    stored, already_imported = facts
    (file,) = await _STORED_FILE.read(unit, [stored])
    return ImportedFile(file, already_imported)


_STORED_FILE: Final = StoredRecord(BankFileRecord, bank_db.files_by_ids)
"""Without columns: a file never changes."""
IMPORT: Final = Action(
    "importBankFile",
    import_file,
    needs="remittances:import",
    answer=StoredAnswer(_stored_facts, _rebuild),
    aggregates=lambda arguments: [arguments["form"].provider],
)
