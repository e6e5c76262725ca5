"""Settlements: type, query, mutations and the live stream."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any

import strawberry

from app.db.settlements import SettlementFilter, SettlementRecord
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod
from app.events.cursors import cursor_of
from app.events.hub import StreamEvent
from app.resolvers import settlements
from app.resolvers.settlements import SettlementStreamFilter
from app.schema.base.connections import Connection
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, checked_arguments, mutation
from app.schema.base.permissions import Requires, check_input, needing
from app.schema.objects import Invoice, Settlement
from app.services import settlements as service
from app.services.settlements import Payment

CURSOR = "Its place in the stream; give it as `after` to go on behind it."


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

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        payment = Payment(self.amount, self.paid_on, self.method, self.bank_reference, self.statement_number)
        return {"id": self.id, "payment": payment, "version": self.version}


@strawberry.input(description="Which settlement to take back.")
class ReverseSettlementInput:
    id: strawberry.ID = strawberry.field(description="The confirmed settlement.")
    reason: str = strawberry.field(description="Why, up to 200 characters.")
    amount: Cents | None = strawberry.field(default=None, description="Defaults to all that still stands.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="Result of a payment or reversal.")
class SettlementPayload(MutationPayload):
    settlement: Settlement | None = strawberry.field(default=None, description="The new ledger row; null when refused.")
    invoice: Invoice | None = strawberry.field(default=None, description="The invoice after it; null when refused.")


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


MUTATIONS = (
    mutation(service.SETTLE, SettleInvoiceInput, SettlementPayload, "Record a payment, in full or in part."),
    mutation(
        service.REVERSE,
        ReverseSettlementInput,
        SettlementPayload,
        "Take a settlement back, wholly or in part (estorno).",
    ),
)
