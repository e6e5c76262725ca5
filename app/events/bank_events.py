"""Events of providers' bank accounts; the aggregate is the file or the entry."""

from datetime import datetime

from app.db.bank import BankEntryRecord, BankFileRecord
from app.domain.money import format_money
from app.events.bank_contracts import BankEntryEventData, BankFileEventData
from app.events.contracts import Event


def bank_file_event(file: BankFileRecord, *, at: datetime) -> Event:
    """An imported file."""
    data: BankFileEventData = {
        "bankFileId": file.id,
        "provider": file.provider_cnes,
        "payer": None,
        "source": file.source.value,
        "entries": file.entry_count,
        "newEntries": file.new_entry_count,
        "matchedEntries": file.matched_entry_count,
    }
    return Event("BankFileImported", file.id, file.provider_cnes, None, data, at)


def bank_entry_event(name: str, entry: BankEntryRecord, *, payer: str | None, at: datetime) -> Event:
    """An entry after a change; `name` is a key of BANK_CONTRACTS, `payer` that of its payments."""
    data: BankEntryEventData = {
        "bankEntryId": entry.id,
        "provider": entry.provider_cnes,
        "payer": payer,
        "status": entry.status.value,
        "direction": entry.direction.value,
        "amount": format_money(entry.amount_cents),
        "version": entry.version,
    }
    return Event(name, entry.id, entry.provider_cnes, payer, data, at)
