"""Unapplied credits: the type, its uses, the query, and the mutations that use it."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.unapplied_credits import CreditFilter, CreditMoveRecord, CreditRecord
from app.domain.credits import CreditStep
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.executor.reach import Owner
from app.resolvers import unapplied_credits
from app.resolvers.paging import Slice
from app.schema.adjustment_objects import RemittanceAdjustment
from app.schema.base import filters, lists
from app.schema.base.arguments import FILTER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires, amount, financial, personal
from app.schema.base.relations import paged, related
from app.schema.base.types import input_type, object_type
from app.schema.history import HistoryEntry
from app.schema.invoice_objects import Settlement
from app.schema.parties import Payer, Provider
from app.schema.remittance_objects import RemittanceLine
from app.services import unapplied_credits as service
from app.services.invoices import REASON_LENGTH_MAX

described(CreditStep, "Use of an unapplied credit; new values may be added.")
REASON = f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored."


@object_type(description="A use of an unapplied credit, or the reversal of one, with the credit after it.")
class CreditUse(HistoryEntry):
    record = CreditMoveRecord
    owner = Owner.PARTIES

    action: CreditStep = strawberry.field(description="Kind of use.")
    amount_cents: Cents | None = amount("amount", "Used amount; negative if it is a reversal.")
    used_cents: Cents | None = amount("usedAmount", "What of the credit is used after it.")
    reason: str | None = strawberry.field(
        description="Reason for a refund or a reversal; null for others.", extensions=personal("settlements:read")
    )

    reverses = related(
        "CreditUse | None",
        lambda loaders: loaders.credit_use,
        "reverses_id",
        description="The use that this one reverses; null for others.",
    )

    settlement = related(
        Settlement | None,
        lambda loaders: loaders.settlement,
        "settlement_id",
        description="The settlement, or the reversal of one, that it made; null if none.",
        extensions=financial("settlements:read"),
    )


@object_type(description="Money that a payer has paid and no claim gets, until it is used.")
class UnappliedCredit(Node):
    record = CreditRecord
    owner = Owner.PARTIES

    paid_on: date = strawberry.field(description="Day of payment (dataPagamento).")
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of the posting that recorded it.")
    created_by: str = strawberry.field(description="Who posted it: the subject of a token, or a job of the gateway.")
    amount_cents: Cents | None = amount("amount", "Amount of the credit.")
    used_cents: Cents | None = amount("usedAmount", "What of it has settled invoices or has gone back to the payer.")
    left_cents: Cents | None = amount("leftAmount", "What of it can still be used.")

    payer = related(Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The payer (operadora).")
    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider that was paid (prestador).",
    )
    line = related(
        RemittanceLine | None,
        lambda loaders: loaders.remittance_line,
        "line_id",
        description="The line of the statement that paid it; null if it was paid beside the claims.",
        extensions=[Requires("remittances:read")],
    )
    adjustment = related(
        RemittanceAdjustment | None,
        lambda loaders: loaders.adjustment,
        "adjustment_id",
        description="The credit beside the statement's claims that it was made of; null for others.",
        extensions=[Requires("remittances:read")],
    )

    @strawberry.field(
        graphql_type=Connection[CreditUse], directives=[lists.PAGE], description="Uses and reversals, oldest first."
    )
    @paged(unapplied_credits.USES)
    async def uses(
        credit: strawberry.Parent[CreditRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await unapplied_credits.USES.page(info.context, credit.id, at=Slice(first, after, last, before))


@input_type(description="Filter for unapplied credits. Every given condition must match.")
class UnappliedCreditFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    is_left: bool | None = strawberry.field(default=None, description="Whether some of it can still be used.")

    def where(self) -> CreditFilter:
        """The filter as the database layer expects it."""
        return CreditFilter(given(self.ids), given(self.payers), given(self.providers), self.is_left)


class UnappliedCreditQuery:
    @strawberry.field(
        graphql_type=Connection[UnappliedCredit] | None,
        description="Unapplied credits in the caller's data scope, oldest first.",
        extensions=[Requires("settlements:read")],
        directives=[lists.PAGE],
    )
    async def unapplied_credits(
        self,
        info: Info,
        filter: Annotated[UnappliedCreditFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or UnappliedCreditFilterInput()).where()
        order = unapplied_credits.OLDEST_FIRST
        return await unapplied_credits.CREDITS.page(info.context, where, order, at=Slice(first, after, last, before))


@input_type(description="A credit, and the invoice that it settles.")
class ApplyCreditInput:
    id: strawberry.ID = strawberry.field(name="creditId", description="Id of an unapplied credit.")
    invoice_id: strawberry.ID = strawberry.field(
        description="Id of an issued invoice of the credit's provider and payer."
    )
    amount: Cents | None = strawberry.field(
        default=None, description="Amount; by default all that is left, up to what is due."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="A credit that goes back to the payer.")
class RefundCreditInput:
    id: strawberry.ID = strawberry.field(name="creditId", description="Id of an unapplied credit.")
    amount: Cents | None = strawberry.field(default=None, description="Amount; by default all that is left.")
    reason: str = strawberry.field(description=REASON)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="A use of a credit that is reversed.")
class ReverseCreditUseInput:
    id: strawberry.ID = strawberry.field(name="creditUseId", description="Id of a settlement or refund by a credit.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of the use of a credit.")
class CreditPayload(MutationPayload):
    credit: UnappliedCredit | None = strawberry.field(
        default=None, description="The credit after the mutation; null if refused."
    )
    move: CreditUse | None = strawberry.field(
        default=None, name="use", description="The new use or reversal; null if refused."
    )


MUTATIONS = (
    mutation(service.APPLY, ApplyCreditInput, CreditPayload, "Settles an invoice with an unapplied credit."),
    mutation(
        service.REFUND, RefundCreditInput, CreditPayload, "Records that an unapplied credit went back to the payer."
    ),
    mutation(
        service.REVERSE,
        ReverseCreditUseInput,
        CreditPayload,
        "Reverses the use of an unapplied credit, with the settlement that it made.",
    ),
)
