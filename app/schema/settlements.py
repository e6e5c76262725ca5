"""Settlements: query and mutations."""

from datetime import date
from typing import Annotated, Any

import strawberry

from app.db.settlements import SettlementFilter
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod
from app.resolvers import settlements
from app.schema.base import lists
from app.schema.base.arguments import FILTER, After, First
from app.schema.base.connections import Connection
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.invoice_objects import Invoice, Settlement
from app.services import settlements as service
from app.services.settlements import Payment


@strawberry.input(description="Filter for settlements. Every given condition must match; ranges include both ends.")
class SettlementFilterInput:
    payer: str | None = strawberry.field(default=None, description="Payer, by registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Provider, by CNES.")
    invoice: strawberry.ID | None = strawberry.field(default=None, description="Invoice, by id.")
    paid_from: date | None = strawberry.field(default=None, description="Paid on or after this day.")
    paid_to: date | None = strawberry.field(default=None, description="Paid on or before this day.")
    amount_from: Cents | None = guarded("amounts:read", description="Minimum amount.")
    amount_to: Cents | None = guarded("amounts:read", description="Maximum amount.")

    def where(self) -> SettlementFilter:
        """The filter as the database layer expects it."""
        return SettlementFilter(
            self.payer, self.provider, self.invoice, self.paid_from, self.paid_to, self.amount_from, self.amount_to
        )


@strawberry.type
class SettlementQuery:
    @strawberry.field(
        graphql_type=Connection[Settlement] | None,
        description="Settlements and reversals in the caller's data scope, newest first.",
        extensions=[Requires("settlements:read")],
        directives=[lists.PAGE],
    )
    async def settlements(
        self,
        info: Info,
        filter: Annotated[SettlementFilterInput | None, FILTER] = None,
        first: First = 20,
        after: After = None,
    ) -> Any:
        criteria = filter or SettlementFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria)
        return await settlements.page(info.context, where=criteria.where(), first=first, after=after)


@strawberry.input(description="A payment for an invoice.")
class SettleInvoiceInput:
    id: strawberry.ID = strawberry.field(description="Id of an issued invoice.")
    paid_on: date = strawberry.field(description="Day of payment (dataPagamento), not in the future.")
    amount: Cents | None = strawberry.field(default=None, description="Paid amount; defaults to the amount due.")
    method: PaymentMethod = strawberry.field(
        default=PaymentMethod.BANK_TRANSFER, description="Payment method (formaPagamento)."
    )
    bank_reference: str | None = strawberry.field(
        default=None, description="The bank's reference of the payment, up to 60 characters."
    )
    statement_number: str | None = strawberry.field(
        default=None, description="Number of the payer's statement (numeroDemonstrativo), up to 20 characters."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        payment = Payment(self.amount, self.paid_on, self.method, self.bank_reference, self.statement_number)
        return {"id": self.id, "payment": payment, "version": self.version}


@strawberry.input(description="The settlement to reverse.")
class ReverseSettlementInput:
    id: strawberry.ID = strawberry.field(description="Id of a confirmed settlement.")
    reason: str = strawberry.field(description="Reason, up to 200 characters.")
    amount: Cents | None = strawberry.field(
        default=None, description="Amount to reverse; defaults to all that is not reversed yet."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="Result of a payment or reversal.")
class SettlementPayload(MutationPayload):
    settlement: Settlement | None = strawberry.field(
        default=None, description="The new settlement or reversal; null if refused."
    )
    invoice: Invoice | None = strawberry.field(
        default=None, description="The invoice after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        service.SETTLE,
        SettleInvoiceInput,
        SettlementPayload,
        "Records a payment of an invoice, in full or in part (liquidação).",
    ),
    mutation(
        service.REVERSE,
        ReverseSettlementInput,
        SettlementPayload,
        "Reverses a settlement, in full or in part (estorno).",
    ),
)
