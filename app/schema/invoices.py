"""Invoices: type, queries and mutations."""

from datetime import date
from enum import Enum
from typing import Any

import strawberry

from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.domain.calendar import business_day
from app.domain.money import Cents
from app.resolvers import invoices
from app.resolvers.invoices import InvoiceOrder
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.enums import InvoiceLineKind, InvoiceStatus
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, checked_arguments, mutation
from app.schema.base.permissions import Requires, check_input, needing
from app.schema.objects import Invoice
from app.services import invoices as service
from app.services.invoices import InvoiceForm

described(
    InvoiceOrder,
    "How a list of invoices is sorted.",
    {
        "NEWEST_FIRST": "By creation, latest first.",
        "OLDEST_FIRST": "By creation, earliest first.",
        "TOTAL_AMOUNT_ASC": "By total, smallest first. Needs `amounts:read`.",
        "TOTAL_AMOUNT_DESC": "By total, largest first. Needs `amounts:read`.",
    },
)
# Sorting by an amount would tell it.
ORDER_NEEDS = dict.fromkeys((InvoiceOrder.TOTAL_AMOUNT_ASC, InvoiceOrder.TOTAL_AMOUNT_DESC), ("amounts:read",))


@strawberry.enum(description="Direction of an adjustment.")
class AdjustmentKind(Enum):
    CREDIT = strawberry.enum_value("CREDIT", description="In the provider's favour: the total grows.")
    DEBIT = strawberry.enum_value("DEBIT", description="In the payer's favour: the total shrinks.")


@strawberry.input(description="Which invoices to list; every given part must hold, ranges include both ends.")
class InvoiceFilterInput:
    status: list[InvoiceStatus] | None = strawberry.field(default=None, description="Any of these states.")
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    billing_month: str | None = strawberry.field(default=None, description="Of this month, YYYYMM.")
    due_from: date | None = strawberry.field(default=None, description="Due on this day or later.")
    due_to: date | None = strawberry.field(default=None, description="Due on this day or earlier.")
    amount_from: Cents | None = needing("amounts:read", description="Total at least this.")
    amount_to: Cents | None = needing("amounts:read", description="Total at most this.")
    overdue: bool | None = strawberry.field(default=None, description="true: past due and not settled.")
    in_dispute: bool | None = needing(
        "amounts:read", "claims:read_items", description="With (or without) an open or appealed denial."
    )

    def where(self, today: date) -> InvoiceFilter:
        """The filter as the database layer takes it."""
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
        graphql_type=Invoice | None, description="One invoice, or null.", extensions=[Requires("invoices:read")]
    )
    async def invoice(self, info: Info, id: strawberry.ID) -> InvoiceRecord | None:
        return await info.context.loaders.invoice.load(id)

    @strawberry.field(
        graphql_type=Connection[Invoice], description="The caller's invoices.", extensions=[Requires("invoices:read")]
    )
    async def invoices(
        self,
        info: Info,
        filter: InvoiceFilterInput | None = None,
        order_by: InvoiceOrder = InvoiceOrder.NEWEST_FIRST,
        first: int = 20,
        after: str | None = None,
    ) -> Any:
        ctx, asked = info.context, filter or InvoiceFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked, *ORDER_NEEDS.get(order_by, ()))
        where = asked.where(business_day(ctx.now()))
        return await invoices.page(ctx, where=where, order=order_by, first=first, after=after)


@strawberry.input(description="A new invoice from approved claims, and from won appeals that no invoice bills yet.")
class CreateInvoiceInput:
    provider: str = strawberry.field(description="CNES of the provider.")
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    billing_month: str = strawberry.field(description="The month it belongs to, YYYYMM.")
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Up to 100 approved claims; may be empty when there are won appeals to bill."
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": InvoiceForm(self.provider, self.payer, self.billing_month, tuple(self.claim_ids))}


@strawberry.input(description="Which invoice to issue.")
class IssueInvoiceInput:
    id: strawberry.ID = strawberry.field(description="The draft invoice.")
    due_date: date | None = strawberry.field(default=None, description="Defaults to the contract's payment term.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A credit or debit on an invoice.")
class AdjustInvoiceInput:
    id: strawberry.ID = strawberry.field(description="An invoice that is neither settled nor cancelled.")
    kind: AdjustmentKind = strawberry.field(description="Direction.")
    amount: Cents = strawberry.field(description="How much, above zero.")
    reason: str = strawberry.field(description="Why, up to 200 characters.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        kind = InvoiceLineKind[self.kind.name]
        return {"id": self.id, "kind": kind, "amount": self.amount, "reason": self.reason, "version": self.version}


@strawberry.input(description="Which invoice to withdraw.")
class CancelInvoiceInput:
    id: strawberry.ID = strawberry.field(description="An invoice on which nothing is settled.")
    reason: str | None = strawberry.field(default=None, description="Why, up to 200 characters; goes into the history.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="Result of a mutation on one invoice.")
class InvoicePayload(MutationPayload):
    invoice: Invoice | None = strawberry.field(default=None, description="The invoice as it is now; null when refused.")


MUTATIONS = (
    mutation(
        service.CREATE,
        CreateInvoiceInput,
        InvoicePayload,
        "Bill approved claims and won appeals: a draft invoice with a line for each.",
    ),
    mutation(service.ISSUE, IssueInvoiceInput, InvoicePayload, "Send a draft invoice to the payer."),
    mutation(service.CANCEL, CancelInvoiceInput, InvoicePayload, "Withdraw an invoice on which nothing is settled."),
    mutation(service.ADJUST, AdjustInvoiceInput, InvoicePayload, "Add a credit to an invoice or take a debit off it."),
)
