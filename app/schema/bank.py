"""Providers' bank accounts: lists of what waits, the import of files, and matches by hand."""

from datetime import date
from typing import Annotated, Any

import strawberry

from app.db.bank import AnnouncedFilter, BankEntryFilter
from app.domain.bank import ENTRIES_MAX, GROUP_MAX, BankDirection, BankEntryStatus, BankLine
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.resolvers import bank
from app.resolvers.bank import BankEntryOrderField
from app.resolvers.paging import Slice
from app.schema.bank_objects import BankEntry, BankFile
from app.schema.base import filters, inputs, lists, weights
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, check_arguments, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, ordered, sort_by
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.base.ranges import DateRangeInput, MoneyRangeInput, bounds
from app.schema.base.types import input_type, object_type
from app.schema.remittance_objects import Remittance
from app.services import bank as service
from app.services import bank_matches
from app.services.bank import BankForm

described(BankEntryOrderField, "What bank entries can be sorted by.")


@input_type(description="Order of a list of bank entries.")
class BankEntryOrder(Ordering):
    field: BankEntryOrderField = sort_by()
    direction: OrderDirection = direction()


@input_type(description="Filter for bank entries. Every given condition must match; ranges include both ends.")
class BankEntryFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    status: list[BankEntryStatus] | None = filters.any_of("Status", len(BankEntryStatus))
    directions: list[BankDirection] | None = filters.any_of("Direction", len(BankDirection), name="direction")
    booked_on: DateRangeInput | None = strawberry.field(default=None, description="Day of booking.")
    amount: MoneyRangeInput | None = guarded("amounts:read", description="Amount.")

    def where(self) -> BankEntryFilter:
        """The filter as the database layer expects it."""
        return BankEntryFilter(
            ids=given(self.ids),
            payers=given(self.payers),
            providers=given(self.providers),
            status=given(self.status),
            directions=given(self.directions),
            booked_on=bounds(self.booked_on),
            amount_cents=bounds(self.amount),
        )


@input_type(description="Filter for announced payments. Every given condition must match.")
class AnnouncedPaymentFilterInput:
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    paid_on: DateRangeInput | None = strawberry.field(default=None, description="Day of payment.")

    def where(self) -> AnnouncedFilter:
        """The filter as the database layer expects it."""
        return AnnouncedFilter(given(self.payers), given(self.providers), bounds(self.paid_on))


class BankQuery:
    @strawberry.field(
        graphql_type=Connection[BankEntry] | None,
        description="Entries of bank accounts in the caller's data scope, by default oldest first. Those that came in "
        "without a statement have the status WAITING and the direction CREDIT.",
        extensions=[Requires("settlements:read_bank")],
        directives=[lists.PAGE],
    )
    async def bank_entries(
        self,
        info: Info,
        filter: Annotated[BankEntryFilterInput | None, FILTER] = None,
        order_by: Annotated[BankEntryOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or BankEntryFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria)
        order = ordered(bank.ORDERS, order_by, bank.OLDEST_FIRST)
        return await bank.ENTRIES.page(info.context, criteria.where(), order, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[Remittance] | None,
        description="Statements in the caller's data scope that announce a payment which no bank entry is matched to, "
        "longest awaited first.",
        extensions=[Requires("settlements:read_bank")],
        directives=[lists.PAGE],
    )
    async def announced_payments(
        self,
        info: Info,
        filter: Annotated[AnnouncedPaymentFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or AnnouncedPaymentFilterInput()
        check_arguments(filter=criteria)
        order = bank.LONGEST_AWAITED_FIRST
        return await bank.ANNOUNCED.page(info.context, criteria.where(), order, at=Slice(first, after, last, before))


@input_type(description="A bank entry to store.")
class BankEntryInput:
    booked_on: date = strawberry.field(description="Day of booking, not in the future.")
    amount: Cents = strawberry.field(description="Amount, above zero.")
    direction: BankDirection = strawberry.field(
        default=BankDirection.CREDIT, description="Whether money came in or went out."
    )
    account: str | None = strawberry.field(default=None, description="Account, up to 40 characters.")
    document: str | None = strawberry.field(default=None, description="The bank's number, up to 60 characters.")
    description: str | None = strawberry.field(default=None, description="What the bank writes, up to 200 characters.")

    def to_domain(self) -> BankLine:
        """The entry as a domain value."""
        texts = (self.account or "", self.document or "", self.description or "")
        return BankLine(self.booked_on, self.direction, self.amount, *texts)


@input_type(one_of=True, description="Bank entries: typed, or as a file (OFX or CNAB 240).")
class BankFileContentInput:
    entries: list[BankEntryInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Typed entries, 1 to 5000.",
        directives=lists.up_to(ENTRIES_MAX, checked_by_service=True),
    )
    text: str | None = strawberry.field(default=strawberry.UNSET, description="A short file, as text.")
    document_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="An uploaded file of up to 2 MiB (POST /documents), by id."
    )


@input_type(description="A bank file to import.")
class ImportBankFileInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider whose account it is, by CNES.")
    content: BankFileContentInput = strawberry.field(description="The entries.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        entries = inputs.member(self.content.entries)
        lines = None if entries is None else tuple(each.to_domain() for each in entries)
        text, document = inputs.member(self.content.text), inputs.member(self.content.document_id)
        return {"form": BankForm(self.provider, lines, text, document)}


@object_type(description="Result of importing a bank file.")
class ImportBankFilePayload(MutationPayload):
    file: BankFile | None = strawberry.field(default=None, description="The file; null if refused.")
    already_imported: bool = strawberry.field(
        default=False, description="Whether a file with the same entries was imported before and nothing was changed."
    )


@input_type(description="Bank entries and the payments that they are.")
class MatchBankEntriesInput:
    entry_ids: list[strawberry.ID] = strawberry.field(
        description=f"Ids of bank entries, 1 to {GROUP_MAX}.",
        directives=lists.up_to(GROUP_MAX, checked_by_service=True),
    )
    remittance_ids: list[strawberry.ID] = strawberry.field(
        description=f"Ids of statements whose payments they are, 1 to {GROUP_MAX}.",
        directives=lists.up_to(GROUP_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"entry_ids": tuple(self.entry_ids), "remittance_ids": tuple(self.remittance_ids)}


@input_type(description="The bank entry whose match or dismissal is taken back.")
class UnmatchBankEntryInput:
    id: strawberry.ID = strawberry.field(name="bankEntryId", description="Id of a matched or dismissed bank entry.")
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The bank entry that is not from a payer.")
class DismissBankEntryInput:
    id: strawberry.ID = strawberry.field(name="bankEntryId", description="Id of a waiting bank entry.")
    reason: str = strawberry.field(description="Reason, up to 500 characters.")
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of a change of bank entries.")
class BankEntriesPayload(MutationPayload):
    entries: list[BankEntry] = strawberry.field(
        default_factory=list,
        description="The entries after the mutation, at most 20; empty if refused.",
        directives=[lists.BANK_GROUP],
    )


MUTATIONS = (
    mutation(
        service.IMPORT,
        ImportBankFileInput,
        ImportBankFilePayload,
        "Stores the entries of a bank file that no earlier one had, and matches them to announced payments where that "
        "is clear; the same file again changes nothing.",
        directives=weights.STATEMENT,
    ),
    mutation(
        bank_matches.MATCH,
        MatchBankEntriesInput,
        BankEntriesPayload,
        "Says that bank entries are the payments of statements; both must have the same sum.",
    ),
    mutation(
        bank_matches.UNMATCH,
        UnmatchBankEntryInput,
        BankEntriesPayload,
        "Takes a match back, or a dismissal: its entries and payments wait again.",
    ),
    mutation(
        bank_matches.DISMISS,
        DismissBankEntryInput,
        BankEntriesPayload,
        "Takes a bank entry that is not from a payer out of the list of those that wait.",
    ),
)
