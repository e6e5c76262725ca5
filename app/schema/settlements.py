"""Settlements: type, query, mutations and the live stream."""

from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import Any

import strawberry

from app.db.invoices import InvoiceRecord
from app.db.settlements import SettlementFilter, SettlementRecord
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.events.cursors import cursor_of
from app.events.hub import StreamEvent
from app.resolvers import settlements
from app.resolvers.settlements import SettlementStreamFilter
from app.schema.actions import needs
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, REPLAYED, VERSION, UserError, answer, checked_arguments
from app.schema.base.permissions import Requires, amount, check_input, financial, needing
from app.schema.invoices import Invoice
from app.services.settlements import Payment, Settled
from app.unit_of_work.idempotency import Written

CURSOR = "Its place in the stream; give it as `after` to go on behind it."

described(
    SettlementStatus,
    "Where a settlement stands; new values may be added.",
    {"PENDING": "Announced.", "CONFIRMED": "The money has arrived.", "FAILED": "The payment did not arrive."},
)
described(
    PaymentMethod,
    "How the payer paid (formaPagamento); new values may be added.",
    {
        "BANK_TRANSFER": "Transfer between accounts (TED, DOC).",
        "PIX": "Instant payment.",
        "BOLETO": "Bank slip.",
        "CHECK": "Cheque.",
        "OFFSET": "Set off against debits.",
    },
)


@strawberry.type(description="A row of the settlement ledger (liquidação); a reversal (estorno) is a row of its own.")
class Settlement(Node):
    status: SettlementStatus = strawberry.field(description="Where it stands.")
    paid_on: date = strawberry.field(description="Day of payment (dataPagamento).")
    method: PaymentMethod = strawberry.field(description="How it was paid.")
    statement_number: str | None = strawberry.field(description="The payer's statement (numeroDemonstrativo).")
    reason: str | None = strawberry.field(description="Why it was reversed.")
    created_at: datetime = strawberry.field(description="When it was recorded.")
    created_by: str = strawberry.field(description="Who recorded it.")
    amount_cents: Cents | None = amount("amount", "The amount, above zero for reversals too.")
    bank_reference: str | None = strawberry.field(
        description="The bank's reference of the payment.", extensions=financial("settlements:read_bank")
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, SettlementRecord)

    @strawberry.field(description="Its place in the event log; null until it is published.")
    async def position(settlement: strawberry.Parent[SettlementRecord], info: Info) -> int | None:
        return await info.context.loaders.position_of_event.load(settlement.event_id)

    @strawberry.field(
        graphql_type=Invoice | None, description="The invoice it pays.", extensions=[Requires("invoices:read")]
    )
    async def invoice(settlement: strawberry.Parent[SettlementRecord], info: Info) -> InvoiceRecord | None:
        return await info.context.loaders.invoice.load(settlement.invoice_id)

    @strawberry.field(graphql_type="Settlement | None", description="The settlement that this row takes back.")
    async def reverses(settlement: strawberry.Parent[SettlementRecord], info: Info) -> SettlementRecord | None:
        if settlement.reverses_id is None:
            return None
        return await info.context.loaders.settlement.load(settlement.reverses_id)


@strawberry.input(description="Which settlements; every given part must hold, ranges include both ends.")
class SettlementFilterInput:
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    invoice: strawberry.ID | None = strawberry.field(default=None, description="Of this invoice.")
    paid_from: date | None = strawberry.field(default=None, description="Paid on this day or later.")
    paid_to: date | None = strawberry.field(default=None, description="Paid on this day or earlier.")
    amount_from: Cents | None = needing("amounts:read", description="At least this.")
    amount_to: Cents | None = needing("amounts:read", description="At most this.")

    def where(self) -> SettlementFilter:
        """The filter as the database layer takes it."""
        return SettlementFilter(
            self.payer, self.provider, self.invoice, self.paid_from, self.paid_to, self.amount_from, self.amount_to
        )


@strawberry.type
class SettlementQuery:
    @strawberry.field(
        graphql_type=Connection[Settlement],
        description="The caller's settlements and reversals, newest first.",
        extensions=[Requires("settlements:read")],
    )
    async def settlements(
        self, info: Info, filter: SettlementFilterInput | None = None, first: int = 20, after: str | None = None
    ) -> Any:
        asked = filter or SettlementFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked)
        return await settlements.page(info.context, where=asked.where(), first=first, after=after)


@strawberry.input(description="A payment on an invoice.")
class SettleInvoiceInput:
    id: strawberry.ID = strawberry.field(description="The issued invoice.")
    paid_on: date = strawberry.field(description="Day of payment, not in the future.")
    amount: Cents | None = strawberry.field(default=None, description="Defaults to all that is due.")
    method: PaymentMethod = strawberry.field(default=PaymentMethod.BANK_TRANSFER, description="How it was paid.")
    bank_reference: str | None = strawberry.field(default=None, description="Up to 60 characters.")
    statement_number: str | None = strawberry.field(default=None, description="Up to 20 characters.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def payment(self) -> Payment:
        """The payment as the service takes it."""
        return Payment(self.amount, self.paid_on, self.method, self.bank_reference, self.statement_number)


@strawberry.input(description="Which settlement to take back.")
class ReverseSettlementInput:
    id: strawberry.ID = strawberry.field(description="The confirmed settlement.")
    reason: str = strawberry.field(description="Why, up to 200 characters.")
    amount: Cents | None = strawberry.field(default=None, description="Defaults to all that still stands.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What became of a payment or reversal.")
class SettlementPayload:
    settlement: Settlement | None = strawberry.field(default=None, description="The new ledger row; null when refused.")
    invoice: Invoice | None = strawberry.field(default=None, description="The invoice after it; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


def _settled(written: Written[Settled]) -> dict[str, Any]:
    found = written.value
    return {"settlement": found.settlement, "invoice": found.invoice, "replayed": written.replayed}


@strawberry.type
class SettlementMutation:
    @strawberry.mutation(description="Record a payment, in full or in part.", extensions=[needs("settleInvoice")])
    async def settle_invoice(self, info: Info, input: SettleInvoiceInput) -> SettlementPayload:
        ctx = info.context

        async def act() -> Written[Settled]:
            return await settlements.settle(
                ctx, invoice_id=input.id, payment=input.payment(), version=input.version, key=input.idempotency_key
            )

        return await answer(ctx, "settleInvoice", SettlementPayload, input, act, _settled)

    @strawberry.mutation(
        description="Take a settlement back, wholly or in part (estorno).",
        extensions=[needs("reverseSettlement")],
    )
    async def reverse_settlement(self, info: Info, input: ReverseSettlementInput) -> SettlementPayload:
        ctx = info.context

        async def act() -> Written[Settled]:
            return await settlements.reverse(
                ctx, settlement_id=input.id, amount=input.amount, reason=input.reason, key=input.idempotency_key
            )

        return await answer(ctx, "reverseSettlement", SettlementPayload, input, act, _settled)


@strawberry.type(description="A settlement as it happens.")
class SettlementEvent:
    @strawberry.field(description=CURSOR)
    def cursor(event: strawberry.Parent[StreamEvent]) -> str:
        return cursor_of(event.position)

    @strawberry.field(graphql_type=Settlement, description="The ledger row.")
    async def settlement(event: strawberry.Parent[StreamEvent], info: Info) -> SettlementRecord | None:
        return await info.context.loaders.settlement.load(event.data["settlementId"])


@strawberry.input(description="Which settlements to watch; every given part must hold.")
class SettlementStreamFilterInput:
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    invoice: strawberry.ID | None = strawberry.field(default=None, description="Of this invoice.")

    def wanted(self) -> SettlementStreamFilter:
        """The filter as the resolver takes it."""
        return SettlementStreamFilter(self.payer, self.provider, self.invoice)


@strawberry.type
class SettlementSubscription:
    @strawberry.subscription(
        graphql_type=SettlementEvent,
        description="Every settlement and reversal, in order: from now on, or from behind the cursor `after`.",
        extensions=[Requires("settlements:read")],
    )
    async def settlements(
        self, info: Info, filter: SettlementStreamFilterInput | None = None, after: str | None = None
    ) -> AsyncGenerator[Any, None]:
        wanted = (filter or SettlementStreamFilterInput()).wanted()
        # The stream is handed out, not written here: what is wrong with the arguments is told before it begins.
        return await settlements.stream(info.context, wanted=wanted, after=after)
