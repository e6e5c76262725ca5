"""The contracts of events about providers' bank accounts."""

from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from app.domain.bank import BankDirection, BankEntryStatus, BankSource
from app.events.event_contract import EventContract
from app.events.payloads import Amount, Cnes, Version, status_of

Payer = Annotated[str | None, Field(description="The payer's registro ANS; null while no payment is known.")]


class BankFileEventData(TypedDict):
    """A file of a bank account, or typed entries, after the import."""

    bankFileId: str
    provider: Cnes
    payer: Payer
    source: Annotated[str, status_of(BankSource)]
    entries: Annotated[int, Field(ge=0)]
    newEntries: Annotated[int, Field(ge=0)]
    matchedEntries: Annotated[int, Field(ge=0)]


class BankEntryEventData(TypedDict):
    """An entry of a bank account after a change."""

    bankEntryId: str
    provider: Cnes
    payer: Payer
    status: Annotated[str, status_of(BankEntryStatus)]
    direction: Annotated[str, status_of(BankDirection)]
    amount: Amount
    version: Version


BANK_CONTRACTS: Final = {
    "BankFileImported": EventContract(
        "br.billing.bank.file_imported.v1", BankFileEventData, "A bank file is imported, or entries are typed."
    ),
    "BankEntryMatched": EventContract(
        "br.billing.bank.entry_matched.v1", BankEntryEventData, "A bank entry is matched to payments."
    ),
    "BankEntryUnmatched": EventContract(
        "br.billing.bank.entry_unmatched.v1",
        BankEntryEventData,
        "The match or the dismissal of a bank entry is taken back.",
    ),
    "BankEntryDismissed": EventContract(
        "br.billing.bank.entry_dismissed.v1", BankEntryEventData, "A bank entry is dismissed as not from a payer."
    ),
}
"""The contracts by the event's short name."""
