"""Invoices: type, queries and mutations."""

from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.history import InvoiceStep
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.db.parties import PayerRecord, ProviderRecord
from app.db.settlements import SettlementRecord
from app.domain.actions import invoice_block
from app.domain.calendar import business_day
from app.domain.invoices import ADJUSTMENTS
from app.domain.money import Cents
from app.resolvers import invoices
from app.resolvers.invoices import InvoiceOrder
from app.schema.actions import INVOICE_MUTATIONS, AvailableInvoiceAction, needs, permission_block
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.enums import InvoiceLineKind, InvoiceStatus
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, REPLAYED, VERSION, UserError, answer, checked_arguments
from app.schema.base.permissions import Requires, amount, check_input, financial, health, needing
from app.schema.claims import Claim
from app.schema.denials import Denial
from app.schema.history import InvoiceHistoryEntry
from app.schema.parties import Payer, Provider
from app.services.invoices import InvoiceData
from app.unit_of_work.idempotency import Written

if TYPE_CHECKING:
    from app.schema.settlements import Settlement

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


@strawberry.enum(description="Which way an adjustment goes.")
class AdjustmentKind(Enum):
    CREDIT = strawberry.enum_value("CREDIT", description="In the provider's favour: the total grows.")
    DEBIT = strawberry.enum_value("DEBIT", description="In the payer's favour: the total shrinks.")


@strawberry.type(description="One line of an invoice.")
class InvoiceLine:
    id: strawberry.ID = strawberry.field(description="The line's id.")
    kind: InvoiceLineKind = strawberry.field(description="What it is.")
    reason: str | None = strawberry.field(description="Why the adjustment was made.")
    amount_cents: Cents | None = amount("amount", "The approved, won or adjusted amount; above zero for debits too.")
    settled_cents: Cents | None = amount("settledAmount", "What payments have paid of it, reversals taken off.")
    debited_cents: Cents | None = amount("debitedAmount", "What debits took from it.")

    @strawberry.field(
        graphql_type=Claim | None,
        description="The claim that it bills; null for adjustments.",
        extensions=[Requires("claims:read")],
    )
    async def claim(line: strawberry.Parent[LineRecord], info: Info) -> ClaimRecord | None:
        return None if line.claim_id is None else await info.context.loaders.claim.load(line.claim_id)

    @strawberry.field(
        graphql_type=Denial | None,
        description="The denial whose won appeal it bills.",
        extensions=health("claims:read_items"),
    )
    async def denial(line: strawberry.Parent[LineRecord], info: Info) -> DenialRecord | None:
        return None if line.denial_id is None else await info.context.loaders.denial.load(line.denial_id)


@strawberry.type(description="An invoice (conta) of approved claims to one payer.")
class Invoice(Node):
    number: int = strawberry.field(description="The provider's number, without gaps.")
    billing_month: str = strawberry.field(description="The month it belongs to (competência), YYYYMM.")
    status: InvoiceStatus = strawberry.field(description="Where it stands.")
    due_date: date | None = strawberry.field(description="When it falls due; null until issued.")
    version: int = strawberry.field(description="Goes up with every change; give it back to change what you saw.")
    created_at: datetime = strawberry.field(description="When it was created.")
    issued_at: datetime | None = strawberry.field(description="When it was sent to the payer.")
    total_cents: Cents | None = amount("totalAmount", "Sum of the lines, debits taken off.")
    settled_cents: Cents | None = amount("settledAmount", "Confirmed minus reversed.")
    due_cents: Cents | None = amount("dueAmount", "Total minus settled.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, InvoiceRecord)

    @amount("inDisputeAmount", "Open and appealed denials on its claims; not part of the total.")
    async def in_dispute(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> Cents | None:
        return Cents(await info.context.loaders.disputed_cents.load(invoice.id))

    @strawberry.field(graphql_type=Payer | None, description="The insurer that pays.")
    async def payer(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(invoice.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The establishment that bills.")
    async def provider(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(invoice.provider_cnes)

    @strawberry.field(graphql_type=list[InvoiceLine], description="What it bills, and its adjustments.")
    async def lines(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        return await info.context.loaders.lines_of_invoice.load(invoice.id)

    @strawberry.field(
        graphql_type=list[Annotated["Settlement", strawberry.lazy("app.schema.settlements")]] | None,
        description="Its ledger rows, oldest first.",
        extensions=financial("settlements:read"),
    )
    async def settlements(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[SettlementRecord] | None:
        return await info.context.loaders.settlements_of_invoice.load(invoice.id)

    @strawberry.field(graphql_type=list[InvoiceLine], description="Its credits and debits, oldest first.")
    async def adjustments(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        lines = await info.context.loaders.lines_of_invoice.load(invoice.id)
        return [line for line in lines if line.kind in ADJUSTMENTS]

    @strawberry.field(graphql_type=list[InvoiceHistoryEntry], description="Every step so far, oldest first.")
    async def history(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[InvoiceStep]:
        return await info.context.loaders.history_of_invoice.load(invoice.id)

    @strawberry.field(description="What can be done to it now, and why not.")
    def available_actions(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[AvailableInvoiceAction]:
        who = info.context.principal
        total, settled = Cents(invoice.total_cents), Cents(invoice.settled_cents)
        return [
            AvailableInvoiceAction(
                action=operation,
                blocked_by=permission_block(who, mutation)
                or invoice_block(operation, invoice.status, total=total, settled=settled),
            )
            for operation, mutation in INVOICE_MUTATIONS.items()
        ]


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

    def data(self) -> InvoiceData:
        """The invoice as the service takes it."""
        return InvoiceData(self.provider, self.payer, self.billing_month, tuple(self.claim_ids))


@strawberry.input(description="Which invoice to issue.")
class IssueInvoiceInput:
    id: strawberry.ID = strawberry.field(description="The draft invoice.")
    due_date: date | None = strawberry.field(default=None, description="Defaults to the contract's payment term.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A credit or debit on an invoice.")
class AdjustInvoiceInput:
    id: strawberry.ID = strawberry.field(description="An invoice that is neither settled nor cancelled.")
    kind: AdjustmentKind = strawberry.field(description="Which way.")
    amount: Cents = strawberry.field(description="How much, above zero.")
    reason: str = strawberry.field(description="Why, up to 200 characters.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Which invoice to withdraw.")
class CancelInvoiceInput:
    id: strawberry.ID = strawberry.field(description="An invoice on which nothing is settled.")
    reason: str | None = strawberry.field(default=None, description="Why, up to 200 characters; goes into the history.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What became of a mutation on one invoice.")
class InvoicePayload:
    invoice: Invoice | None = strawberry.field(default=None, description="The invoice as it is now; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


def _invoice(written: Written[InvoiceRecord]) -> dict[str, Any]:
    return {"invoice": written.value, "replayed": written.replayed}


@strawberry.type
class InvoiceMutation:
    @strawberry.mutation(
        description="Bill approved claims and won appeals: a draft invoice with a line for each.",
        extensions=[needs("createInvoice")],
    )
    async def create_invoice(self, info: Info, input: CreateInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.create(ctx, data=input.data(), key=input.idempotency_key)

        return await answer(ctx, "createInvoice", InvoicePayload, input, act, _invoice)

    @strawberry.mutation(description="Send a draft invoice to the payer.", extensions=[needs("issueInvoice")])
    async def issue_invoice(self, info: Info, input: IssueInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.issue(
                ctx, invoice_id=input.id, due_date=input.due_date, version=input.version, key=input.idempotency_key
            )

        return await answer(ctx, "issueInvoice", InvoicePayload, input, act, _invoice)

    @strawberry.mutation(
        description="Withdraw an invoice on which nothing is settled.", extensions=[needs("cancelInvoice")]
    )
    async def cancel_invoice(self, info: Info, input: CancelInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.cancel(
                ctx, invoice_id=input.id, version=input.version, reason=input.reason, key=input.idempotency_key
            )

        return await answer(ctx, "cancelInvoice", InvoicePayload, input, act, _invoice)

    @strawberry.mutation(
        description="Add a credit to an invoice or take a debit off it.", extensions=[needs("adjustInvoice")]
    )
    async def adjust_invoice(self, info: Info, input: AdjustInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.adjust(
                ctx,
                invoice_id=input.id,
                kind=InvoiceLineKind[input.kind.name],
                amount=input.amount,
                reason=input.reason,
                version=input.version,
                key=input.idempotency_key,
            )

        return await answer(ctx, "adjustInvoice", InvoicePayload, input, act, _invoice)
