"""Invoices: queries and mutations."""

from datetime import date
from enum import Enum
from typing import Annotated, Any

import strawberry

from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.domain.calendar import business_day
from app.domain.money import Cents
from app.resolvers import invoices
from app.resolvers.invoices import InvoiceOrder
from app.schema.base import lists
from app.schema.base.arguments import FILTER, ORDER, After, First
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.enums import InvoiceLineKind, InvoiceStatus
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.invoice_objects import Invoice
from app.services import invoices as service
from app.services.invoices import InvoiceForm

described(InvoiceOrder, "Order of a list of invoices.")
# Sorting by an amount reveals it.
ORDER_NEEDS = dict.fromkeys((InvoiceOrder.TOTAL_AMOUNT_ASC, InvoiceOrder.TOTAL_AMOUNT_DESC), ("amounts:read",))


@strawberry.enum(description="Direction of an adjustment.")
class AdjustmentKind(Enum):
    CREDIT = strawberry.enum_value("CREDIT", description="In the provider's favor: increases the total.")
    DEBIT = strawberry.enum_value("DEBIT", description="In the payer's favor: reduces the total.")


@strawberry.input(description="Filter for invoices. Every given condition must match; ranges include both ends.")
class InvoiceFilterInput:
    status: list[InvoiceStatus] | None = strawberry.field(
        default=None, description="Status: any of these.", directives=lists.up_to(len(InvoiceStatus))
    )
    payer: str | None = strawberry.field(default=None, description="Payer, by registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Provider, by CNES.")
    billing_month: str | None = strawberry.field(default=None, description="Billing month (competência), YYYYMM.")
    due_from: date | None = strawberry.field(default=None, description="Due on or after this day.")
    due_to: date | None = strawberry.field(default=None, description="Due on or before this day.")
    amount_from: Cents | None = guarded("amounts:read", description="Minimum total.")
    amount_to: Cents | None = guarded("amounts:read", description="Maximum total.")
    overdue: bool | None = strawberry.field(
        default=None, description="`true` for invoices that are past due and not settled; `false` does not restrict."
    )
    in_dispute: bool | None = guarded(
        "amounts:read",
        "claims:read_items",
        description="Whether a claim of the invoice has an open or appealed denial.",
    )

    def where(self, today: date) -> InvoiceFilter:
        """The filter as the database layer expects it."""
        return InvoiceFilter(
            status=None if self.status is None else tuple(self.status),
            payer=self.payer,
            provider=self.provider,
            billing_month=self.billing_month,
            due_from=self.due_from,
            due_to=self.due_to,
            amount_from=self.amount_from,
            amount_to=self.amount_to,
            is_overdue_on=today if self.overdue else None,
            is_in_dispute=self.in_dispute,
        )


@strawberry.type
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
        graphql_type=Connection[Invoice] | None,
        description="Invoices in the caller's data scope.",
        extensions=[Requires("invoices:read")],
        directives=[lists.PAGE],
    )
    async def invoices(
        self,
        info: Info,
        filter: Annotated[InvoiceFilterInput | None, FILTER] = None,
        order_by: Annotated[InvoiceOrder, ORDER] = InvoiceOrder.NEWEST_FIRST,
        first: First = 20,
        after: After = None,
    ) -> Any:
        ctx, criteria = info.context, filter or InvoiceFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria, *ORDER_NEEDS.get(order_by, ()))
        where = criteria.where(business_day(ctx.now()))
        return await invoices.page(ctx, where=where, order=order_by, first=first, after=after)


@strawberry.input(description="A new invoice for approved claims, and for won appeals that are on no invoice yet.")
class CreateInvoiceInput:
    provider: str = strawberry.field(description="Provider, by CNES.")
    payer: str = strawberry.field(description="Payer, by registro ANS.")
    billing_month: str = strawberry.field(description="Billing month (competência), YYYYMM.")
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of up to 100 approved claims; may be empty if there are won appeals to bill.",
        directives=lists.up_to(service.CLAIMS_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": InvoiceForm(self.provider, self.payer, self.billing_month, tuple(self.claim_ids))}


@strawberry.input(description="The invoice to issue.")
class IssueInvoiceInput:
    id: strawberry.ID = strawberry.field(description="Id of a draft invoice.")
    due_date: date | None = strawberry.field(
        default=None, description="Due date; by default the issue date plus the contract's payment term."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A credit or debit on an invoice, as an adjustment.")
class AdjustInvoiceInput:
    id: strawberry.ID = strawberry.field(description="Id of an invoice that is neither settled nor cancelled.")
    kind: AdjustmentKind = strawberry.field(description="Direction of the adjustment.")
    amount: Cents = strawberry.field(description="Amount, above zero.")
    reason: str = strawberry.field(description="Reason, up to 200 characters.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        kind = InvoiceLineKind[self.kind.name]
        return {"id": self.id, "kind": kind, "amount": self.amount, "reason": self.reason, "version": self.version}


@strawberry.input(description="The invoice to withdraw.")
class CancelInvoiceInput:
    id: strawberry.ID = strawberry.field(description="Id of an invoice on which nothing is settled.")
    reason: str | None = strawberry.field(
        default=None, description="Reason, up to 200 characters; stored in the history."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="Result of a mutation on one invoice.")
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
