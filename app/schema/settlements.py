"""Settlements: query and mutations."""

from datetime import date
from typing import Annotated, Any, Final

import strawberry

from app.db.settlements import SettlementFilter
from app.domain.deductions import KINDS_MAX, Deduction, DeductionKind
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod
from app.resolvers import settlements
from app.resolvers.paging import Slice
from app.resolvers.settlements import SettlementOrderField
from app.schema.base import filters, lists
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.described import described
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, needs_of, ordered, sort_by
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.base.ranges import DateRangeInput, DateTimeRangeInput, MoneyRangeInput, bounds
from app.schema.base.types import input_type, object_type
from app.schema.invoice_objects import Invoice, Settlement
from app.schema.summed_lists import SettlementConnection
from app.services import settlements as service
from app.services.settlements import Payment

described(SettlementOrderField, "What settlements can be sorted by.")


@input_type(description="Order of a list of settlements.")
class SettlementOrder(Ordering):
    field: SettlementOrderField = sort_by()
    direction: OrderDirection = direction()


# Sorting by an amount reveals it.
ORDER_NEEDS: Final = {SettlementOrderField.AMOUNT: ("amounts:read",)}


@input_type(description="Filter for settlements. Every given condition must match; ranges include both ends.")
class SettlementFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    invoice: strawberry.ID | None = strawberry.field(default=None, name="invoiceId", description="Invoice, by id.")
    methods: list[PaymentMethod] | None = filters.any_of("Payment method", len(PaymentMethod), name="method")
    paid_on: DateRangeInput | None = strawberry.field(default=None, description="Day of payment.")
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of recording.")
    amount: MoneyRangeInput | None = guarded("amounts:read", description="Amount.")

    def where(self) -> SettlementFilter:
        """The filter as the database layer expects it."""
        return SettlementFilter(
            ids=given(self.ids),
            payers=given(self.payers),
            providers=given(self.providers),
            invoice=self.invoice,
            methods=given(self.methods),
            paid_on=bounds(self.paid_on),
            created_at=bounds(self.created_at),
            amount_cents=bounds(self.amount),
        )


class SettlementQuery:
    @strawberry.field(
        graphql_type=SettlementConnection | None,
        description="Settlements and reversals in the caller's data scope, by default newest first.",
        extensions=[Requires("settlements:read")],
        directives=[lists.PAGE],
    )
    async def settlements(
        self,
        info: Info,
        filter: Annotated[SettlementFilterInput | None, FILTER] = None,
        order_by: Annotated[SettlementOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or SettlementFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria, *needs_of(order_by, ORDER_NEEDS))
        order = ordered(settlements.ORDERS, order_by, settlements.NEWEST_FIRST)
        return await settlements.SETTLEMENTS.page(
            info.context, criteria.where(), order, at=Slice(first, after, last, before)
        )


@input_type(description="What the payer kept back of a payment: a withheld tax, or a discount.")
class DeductionInput:
    kind: DeductionKind = strawberry.field(description="Which tax, or a discount.")
    amount: Cents = strawberry.field(description="Amount, above zero.")


@input_type(description="A payment for an invoice.")
class SettleInvoiceInput:
    id: strawberry.ID = strawberry.field(name="invoiceId", description="Id of an issued invoice.")
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
    deductions: list[DeductionInput] | None = strawberry.field(
        default=None,
        description="What the payer kept back, each kind once; the whole amount settles the invoice all the same.",
        directives=lists.up_to(KINDS_MAX),
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        kept = tuple(Deduction(each.kind, each.amount) for each in self.deductions or ())
        payment = Payment(self.amount, self.paid_on, self.method, self.bank_reference, self.statement_number, kept)
        return {"id": self.id, "payment": payment, "version": self.version}


@input_type(description="The settlement to reverse.")
class ReverseSettlementInput:
    id: strawberry.ID = strawberry.field(name="settlementId", description="Id of a confirmed settlement.")
    reason: str = strawberry.field(description="Reason, up to 200 characters.")
    amount: Cents | None = strawberry.field(
        default=None, description="Amount to reverse; defaults to all that is not reversed yet."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of a payment or reversal.")
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
