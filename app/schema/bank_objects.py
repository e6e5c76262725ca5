"""Object types of providers' bank accounts: entries, files, and the three-way match of a statement's payment."""

from datetime import date, datetime

import strawberry

from app.db.bank import BankEntryRecord, BankFileRecord
from app.domain.bank import BankDirection, BankEntryStatus, BankSource
from app.domain.money import Cents
from app.domain.three_way import REASONS_MAX, ThreeWayStatus
from app.executor.reach import Owner
from app.resolvers import bank
from app.schema.actions import ACTIONS
from app.schema.base import lists
from app.schema.base.connections import Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.permissions import amount, financial, personal
from app.schema.base.relations import related
from app.schema.base.types import object_type
from app.schema.ledger_actions import AvailableBankEntryAction, bank_entry_actions
from app.schema.parties import Payer, Provider

described(BankSource, "Where bank entries are from; new values may be added.")
described(BankDirection, "Direction of a bank entry.")
described(BankEntryStatus, "Status of a bank entry; new values may be added.")
described(ThreeWayStatus, "How far claims, statement and bank agree; new values may be added.")
AGE = "Days since then, in Brasília, while it waits; null otherwise."


@object_type(description="A file of a provider's bank account, or entries that were typed together.")
class BankFile(Node):
    record = BankFileRecord
    owner = Owner.SCOPED

    source: BankSource = strawberry.field(description="Format.")
    entry_count: int = strawberry.field(description="Number of its entries, at most 5000.")
    new_entry_count: int = strawberry.field(description="Number of entries that no earlier file had, at most 5000.")
    matched_entry_count: int = strawberry.field(
        description="Number of new entries that were matched to a payment, at most 5000."
    )
    created_by: str = strawberry.field(description="Who imported it (subject of the token).")
    created_at: datetime = strawberry.field(description="Time of the import.")

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider whose account it is (prestador).",
    )


@object_type(description="An entry of a provider's bank account (lançamento).")
class BankEntry(Node):
    record = BankEntryRecord
    owner = Owner.PARTIES

    status: BankEntryStatus = strawberry.field(description="Status of the entry.")
    direction: BankDirection = strawberry.field(description="Whether money came in or went out.")
    booked_on: date = strawberry.field(description="Day of booking.")
    amount_cents: Cents | None = amount("amount", "Amount, above zero in both directions.")
    account: str | None = strawberry.field(
        description="Account, as the bank writes it; empty if unknown.", extensions=financial("settlements:read_bank")
    )
    document: str | None = strawberry.field(
        description="The bank's number of the entry; empty if unknown.", extensions=financial("settlements:read_bank")
    )
    description: str | None = strawberry.field(
        description="What the bank writes about it; empty if nothing.", extensions=personal("settlements:read_bank")
    )
    dismissal_reason: str | None = strawberry.field(
        description="Why it is not from a payer; null unless dismissed.", extensions=personal("settlements:read_bank")
    )
    version: int = strawberry.field(description="Increases with every change.")
    changed_by: str = strawberry.field(description="Who imported, matched or dismissed it last (subject of the token).")
    created_at: datetime = strawberry.field(description="Time of the import.")
    changed_at: datetime = strawberry.field(name="updatedAt", description="Time of the last change.")

    @strawberry.field(description=f"Age of an entry that came in and that no statement explains. {AGE}")
    def waiting_days(entry: strawberry.Parent[BankEntryRecord], info: Info) -> int | None:
        return bank.age(info.context, entry.booked_on) if bank.waits(entry) else None

    @strawberry.field(description=ACTIONS, directives=[lists.BANK_ENTRY_ACTIONS])
    def available_actions(entry: strawberry.Parent[BankEntryRecord], info: Info) -> list[AvailableBankEntryAction]:
        return bank_entry_actions(entry, info)

    file = related(
        BankFile | None, lambda loaders: loaders.bank_file, "file_id", description="The file that it is from."
    )
    payer = related(
        Payer | None,
        lambda loaders: loaders.payer,
        "payer_ans",
        description="The payer of the payments that it is matched to (operadora); null before.",
    )
    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider whose account it is (prestador).",
    )


@object_type(description="What lines of a statement pay that were dismissed for one reason.")
class DismissedAmount:
    reason: str | None = strawberry.field(
        description="Reason for the dismissal.", extensions=personal("remittances:read")
    )
    amount_cents: Cents | None = amount("amount", "What the lines pay; below zero if they take back.")


@object_type(description="What claims, statement and bank show of one payment (analysis, payment, bank).")
class ThreeWayMatch:
    status: ThreeWayStatus = strawberry.field(description="How far they agree.")
    posted_cents: Cents | None = amount(
        "postedAmount",
        "Books: what settlements of this statement say has arrived, less reversals, its unapplied credits, and its "
        "explained debits and credits.",
    )
    announced_cents: Cents | None = amount("announcedAmount", "Statement: the net amount that it announces.")
    received_cents: Cents | None = amount("receivedAmount", "Bank: what has come in for it.")
    difference_cents: Cents | None = amount("differenceAmount", "What is announced above what is in the books.")
    dismissed_cents: Cents | None = amount(
        "dismissedAmount", "What of it dismissed lines are, less their share of the taxes."
    )
    dismissals: list[DismissedAmount] = strawberry.field(
        description=f"What was dismissed, by reason, the largest sums first; at most {REASONS_MAX}.",
        directives=[lists.DISMISSALS],
    )
    waiting_days: int | None = strawberry.field(description=f"Age of a payment that has not arrived. {AGE}")
