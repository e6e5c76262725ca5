"""Invoices: queries and mutations."""

from datetime import date
from enum import Enum
from typing import Annotated, Any, Final

import strawberry

from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.domain.calendar import business_day
from app.domain.identifiers import AnsCode, Cnes
from app.domain.invoices import YearMonth
from app.domain.money import Cents
from app.resolvers import invoices
from app.resolvers.invoices import InvoiceOrderField
from app.resolvers.paging import Slice
from app.schema.base import filters, lists
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.described import described
from app.schema.base.enums import InvoiceLineKind, InvoiceStatus
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, needs_of, ordered, sort_by
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.base.ranges import DateRangeInput, DateTimeRangeInput, MoneyRangeInput, bounds
from app.schema.base.types import input_type, object_type
from app.schema.invoice_objects import Invoice
from app.schema.summed_lists import InvoiceConnection
from app.services import invoices as service
from app.services.invoices import InvoiceForm

described(InvoiceOrderField, "What invoices can be sorted by.")


@input_type(description="Order of a list of invoices.")
class InvoiceOrder(Ordering):
    field: InvoiceOrderField = sort_by()
    direction: OrderDirection = direction()


# Sorting by an amount reveals it.
ORDER_NEEDS: Final = {InvoiceOrderField.TOTAL_AMOUNT: ("amounts:read",)}


@strawberry.enum(description="Direction of an adjustment.")
class AdjustmentKind(Enum):
    CREDIT = strawberry.enum_value("CREDIT", description="In the provider's favor: increases the total.")
    DEBIT = strawberry.enum_value("DEBIT", description="In the payer's favor: reduces the total.")


@input_type(description="Filter for invoices. Every given condition must match; ranges include both ends.")
class InvoiceFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    status: list[InvoiceStatus] | None = filters.any_of("Status", len(InvoiceStatus))
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    numbers: list[int] | None = filters.any_of("Number of the invoice", name="number")
    billing_months: list[YearMonth] | None = filters.any_of("Billing month (competência)", name="billingMonth")
    due_date: DateRangeInput | None = strawberry.field(default=None, description="Due date.")
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of creation.")
    total_amount: MoneyRangeInput | None = guarded("amounts:read", description="Total.")
    overdue: bool | None = strawberry.field(
        default=None, description="Whether the invoice is past due and not settled."
    )
    in_dispute: bool | None = guarded(
        "amounts:read",
        "claims:read_items",
        description="Whether a claim of the invoice has an open or appealed denial.",
    )

    def where(self, today: date) -> InvoiceFilter:
        """The filter as the database layer expects it."""
        return InvoiceFilter(
            ids=given(self.ids),
            status=given(self.status),
            payers=given(self.payers),
            providers=given(self.providers),
            numbers=given(self.numbers),
            billing_months=given(self.billing_months),
            due_date=bounds(self.due_date),
            created_at=bounds(self.created_at),
            total_cents=bounds(self.total_amount),
            is_overdue=self.overdue,
            today=None if self.overdue is None else today,
            is_in_dispute=self.in_dispute,
        )


class InvoiceQuery:
    @strawberry.field(
        graphql_type=Invoice | None,
        description="An invoice by id; null if it does not exist in the caller's data scope.",
        extensions=[Requires("invoices:read")],
    )
    async def invoice(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the invoice.")]
    ) -> InvoiceRecord | None:
        return await info.context.loaders.invoice.load(id)

    @strawberry.field(
        graphql_type=InvoiceConnection | None,
        description="Invoices in the caller's data scope, by default newest first.",
        extensions=[Requires("invoices:read")],
        directives=[lists.PAGE],
    )
    async def invoices(
        self,
        info: Info,
        filter: Annotated[InvoiceFilterInput | None, FILTER] = None,
        order_by: Annotated[InvoiceOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        ctx, criteria = info.context, filter or InvoiceFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria, *needs_of(order_by, ORDER_NEEDS))
        where = criteria.where(business_day(ctx.now()))
        order = ordered(invoices.ORDERS, order_by, invoices.NEWEST_FIRST)
        return await invoices.INVOICES.page(ctx, where, order, at=Slice(first, after, last, before))


@input_type(description="A new invoice for approved claims, and for won appeals that are on no invoice yet.")
class CreateInvoiceInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    billing_month: YearMonth = strawberry.field(description="Billing month (competência).")
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of up to 100 approved claims; may be empty if there are won appeals to bill.",
        directives=lists.up_to(service.CLAIMS_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": InvoiceForm(self.provider, self.payer, self.billing_month, tuple(self.claim_ids))}


@input_type(description="The invoice to issue.")
class IssueInvoiceInput:
    id: strawberry.ID = strawberry.field(name="invoiceId", description="Id of a draft invoice.")
    due_date: date | None = strawberry.field(
        default=None, description="Due date; by default the issue date plus the contract's payment term."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="A credit or debit on an invoice, as an adjustment.")
class AdjustInvoiceInput:
    id: strawberry.ID = strawberry.field(
        name="invoiceId", description="Id of an invoice that is neither settled nor cancelled."
    )
    kind: AdjustmentKind = strawberry.field(description="Direction of the adjustment.")
    amount: Cents = strawberry.field(description="Amount, above zero.")
    reason: str = strawberry.field(description="Reason, up to 200 characters.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        kind = InvoiceLineKind[self.kind.name]
        return {"id": self.id, "kind": kind, "amount": self.amount, "reason": self.reason, "version": self.version}


@input_type(description="The invoice to withdraw.")
class CancelInvoiceInput:
    id: strawberry.ID = strawberry.field(name="invoiceId", description="Id of an invoice on which nothing is settled.")
    reason: str | None = strawberry.field(
        default=None, description="Reason, up to 200 characters; stored in the history."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a mutation on one invoice.")
class InvoicePayload(MutationPayload):
    invoice: Invoice | None = strawberry.field(
        default=None, description="The invoice after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        service.CREATE,
        CreateInvoiceInput,
        InvoicePayload,
        "Creates a draft invoice with a line for each approved claim and each won appeal.",
    ),
    mutation(service.ISSUE, IssueInvoiceInput, InvoicePayload, "Sends a draft invoice to the payer."),
    mutation(service.CANCEL, CancelInvoiceInput, InvoicePayload, "Withdraws an invoice on which nothing is settled."),
    mutation(service.ADJUST, AdjustInvoiceInput, InvoicePayload, "Adds a credit or a debit to an invoice."),
)
