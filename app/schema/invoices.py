"""Invoices: type, queries and mutations."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.db.claims import ClaimRecord
from app.db.coverage import PayerRecord, ProviderRecord
from app.db.invoices import InvoiceFilter, InvoiceRecord, LineRecord
from app.db.settlements import SettlementRecord
from app.domain.invoices import InvoiceStatus
from app.domain.money import Cents
from app.resolvers import invoices
from app.resolvers.invoices import InvoiceOrder
from app.schema.claim_mutations import KEY, VERSION
from app.schema.claims import Claim
from app.schema.coverage import Payer, Provider
from app.schema.described import described
from app.schema.errors import UserError, answer, checked_arguments
from app.schema.info import Info
from app.schema.nodes import Connection, Node
from app.schema.permissions import Requires, amount, check, financial
from app.services.idempotency import Written
from app.services.invoices import InvoiceData

if TYPE_CHECKING:
    from app.schema.settlements import Settlement

described(
    InvoiceStatus,
    "Where an invoice stands; from ISSUED on it follows from the settlements. New values may be added.",
    {
        "DRAFT": "Not sent yet.",
        "ISSUED": "Sent to the payer, nothing settled.",
        "PARTIALLY_SETTLED": "Paid in part.",
        "SETTLED": "Paid in full.",
        "CANCELLED": "Withdrawn; its claims may be billed again.",
    },
)
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
AMOUNT_ORDERS = frozenset({InvoiceOrder.TOTAL_AMOUNT_ASC, InvoiceOrder.TOTAL_AMOUNT_DESC})


@strawberry.type(description="One line of an invoice: an approved claim.")
class InvoiceLine:
    id: strawberry.ID = strawberry.field(description="The line's id.")
    amount_cents: Cents | None = amount("amount", "The claim's approved amount.")

    @strawberry.field(
        graphql_type=Claim | None, description="The claim it bills.", extensions=[Requires("claims:read")]
    )
    async def claim(line: strawberry.Parent[LineRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(line.claim_id)


@strawberry.type(description="An invoice (conta) of approved claims to one payer.")
class Invoice(Node):
    number: int = strawberry.field(description="The provider's number, without gaps.")
    competence: str = strawberry.field(description="The month it belongs to (competência), YYYYMM.")
    status: InvoiceStatus = strawberry.field(description="Where it stands.")
    due_date: date | None = strawberry.field(description="When it falls due; null until issued.")
    version: int = strawberry.field(description="Goes up with every change; give it back to change what you saw.")
    created_at: datetime = strawberry.field(description="When it was created.")
    issued_at: datetime | None = strawberry.field(description="When it was sent to the payer.")
    total_cents: Cents | None = amount("totalAmount", "Sum of the lines.")
    settled_cents: Cents | None = amount("settledAmount", "Confirmed minus reversed.")
    due_cents: Cents | None = amount("dueAmount", "Total minus settled.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, InvoiceRecord)

    @amount("inDisputeAmount", "Open and appealed glosas on its claims; not part of the total.")
    async def in_dispute(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> Cents | None:
        return Cents(await info.context.loaders.disputed_cents.load(invoice.id))

    @strawberry.field(graphql_type=Payer | None, description="The insurer that pays.")
    async def payer(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(invoice.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The establishment that bills.")
    async def provider(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(invoice.provider_cnes)

    @strawberry.field(graphql_type=list[InvoiceLine], description="The claims it bills.")
    async def lines(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        return await info.context.loaders.lines_of_invoice.load(invoice.id)

    @strawberry.field(
        graphql_type=list[Annotated["Settlement", strawberry.lazy("app.schema.settlements")]] | None,
        description="Its ledger rows, oldest first.",
        extensions=financial("settlements:read"),
    )
    async def settlements(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[SettlementRecord] | None:
        return await info.context.loaders.settlements_of_invoice.load(invoice.id)


@strawberry.input(description="Which invoices to list; every given part must hold, ranges include both ends.")
class InvoiceFilterInput:
    status: list[InvoiceStatus] | None = strawberry.field(default=None, description="Any of these states.")
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    competence: str | None = strawberry.field(default=None, description="Of this month, YYYYMM.")
    due_from: date | None = strawberry.field(default=None, description="Due on this day or later.")
    due_to: date | None = strawberry.field(default=None, description="Due on this day or earlier.")
    amount_from: Cents | None = strawberry.field(default=None, description="Total at least this. Needs `amounts:read`.")
    amount_to: Cents | None = strawberry.field(default=None, description="Total at most this. Needs `amounts:read`.")
    overdue: bool | None = strawberry.field(default=None, description="true: past due and not settled.")
    in_dispute: bool | None = strawberry.field(default=None, description="With (or without) an open or appealed glosa.")

    def where(self, today: date) -> InvoiceFilter:
        """The filter as the database layer takes it."""
        return InvoiceFilter(
            status=None if self.status is None else tuple(self.status),
            payer=self.payer,
            provider=self.provider,
            competence=self.competence,
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
        if order_by in AMOUNT_ORDERS or asked.amount_from is not None or asked.amount_to is not None:
            # Sorting or filtering by an amount would tell it.
            check(ctx.principal, "amounts:read")
        where = asked.where(ctx.now().date())
        return await invoices.page(ctx, where=where, order=order_by, first=first, after=after)


@strawberry.input(description="A new invoice from approved claims.")
class CreateInvoiceInput:
    provider: str = strawberry.field(description="CNES of the provider.")
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    competence: str = strawberry.field(description="The month it belongs to, YYYYMM.")
    claim_ids: list[strawberry.ID] = strawberry.field(description="1 to 100 approved claims.")
    idempotency_key: str = strawberry.field(description=KEY)

    def data(self) -> InvoiceData:
        """The invoice as the service takes it."""
        return InvoiceData(self.provider, self.payer, self.competence, tuple(self.claim_ids))


@strawberry.input(description="Which invoice to issue.")
class IssueInvoiceInput:
    id: strawberry.ID = strawberry.field(description="The draft invoice.")
    due_date: date | None = strawberry.field(default=None, description="Defaults to the payer's payment term.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which invoice to withdraw.")
class CancelInvoiceInput:
    id: strawberry.ID = strawberry.field(description="An invoice on which nothing is settled.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What became of a mutation on one invoice.")
class InvoicePayload:
    invoice: Invoice | None = strawberry.field(default=None, description="The invoice as it is now; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(
        default=False, description="Whether this is the stored answer of an earlier call."
    )


def _invoice(written: Written[InvoiceRecord]) -> dict[str, Any]:
    return {"invoice": written.value, "replayed": written.replayed}


@strawberry.type
class InvoiceMutation:
    @strawberry.mutation(
        description="Bill approved claims: a draft invoice with a line per claim.",
        extensions=[Requires("invoices:create")],
    )
    async def create_invoice(self, info: Info, input: CreateInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.create(ctx, data=input.data(), key=input.idempotency_key)

        return await answer(ctx, "createInvoice", InvoicePayload, input, act, _invoice)

    @strawberry.mutation(description="Send a draft invoice to the payer.", extensions=[Requires("invoices:issue")])
    async def issue_invoice(self, info: Info, input: IssueInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.issue(
                ctx, invoice_id=input.id, due_date=input.due_date, version=input.version, key=input.idempotency_key
            )

        return await answer(ctx, "issueInvoice", InvoicePayload, input, act, _invoice)

    @strawberry.mutation(
        description="Withdraw an invoice on which nothing is settled.", extensions=[Requires("invoices:cancel")]
    )
    async def cancel_invoice(self, info: Info, input: CancelInvoiceInput) -> InvoicePayload:
        ctx = info.context

        async def act() -> Written[InvoiceRecord]:
            return await invoices.cancel(ctx, invoice_id=input.id, version=input.version, key=input.idempotency_key)

        return await answer(ctx, "cancelInvoice", InvoicePayload, input, act, _invoice)
