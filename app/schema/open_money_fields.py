"""The open fields of taxes and the bank, as those of `open_fields.py`."""

from typing import Final

MONEY: Final[dict[str, tuple[str, ...]]] = {
    "the answers of mutations on the bank, which need a permission": (
        "DismissBankEntryPayload.entries",
        "ImportBankFilePayload.alreadyImported",
        "ImportBankFilePayload.file",
        "MatchBankEntriesPayload.entries",
        "UnmatchBankEntryPayload.entries",
    ),
    "what is known of bank entries, which only `settlements:read_bank` leads to; amounts and texts are guarded": (
        "BankEntry.bookedOn",
        "BankEntry.createdAt",
        "BankEntry.direction",
        "BankEntry.file",
        "BankEntry.id",
        "BankEntry.payer",
        "BankEntry.provider",
        "BankEntry.status",
        "BankEntry.updatedAt",
        "BankEntry.version",
        "BankEntry.waitingDays",
        "BankFile.createdAt",
        "BankFile.entryCount",
        "BankFile.id",
        "BankFile.matchedEntryCount",
        "BankFile.newEntryCount",
        "BankFile.provider",
        "BankFile.source",
        "ThreeWayMatch.dismissals",
        "ThreeWayMatch.status",
        "ThreeWayMatch.waitingDays",
    ),
    "what may be done with a settlement or a bank entry, and why not, without an amount": (
        "BankEntry.availableActions",
        "Settlement.availableActions",
    ),
    "which kind of money an amount is; the amount itself is guarded": (
        "SettlementDeduction.kind",
        "Underpayment.performedOn",
        "WithheldTax.month",
        "WithheldTax.payer",
        "WithheldTax.tax",
    ),
}
MONEY_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "who has worked on a bank account: the subject of a token": ("BankEntry.changedBy", "BankFile.createdBy"),
}
