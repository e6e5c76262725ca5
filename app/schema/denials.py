"""Denials (glosas): query and mutations."""

from typing import Annotated, Any, Final

import strawberry

from app.db.denials import DenialFilter
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.resolvers import denials
from app.resolvers.denials import DenialOrderField
from app.resolvers.paging import Slice
from app.schema.base import filters, lists
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.described import described
from app.schema.base.enums import DenialStatus
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, check_arguments, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, needs_of, ordered, sort_by
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.base.ranges import DateRangeInput, DateTimeRangeInput, MoneyRangeInput, bounds
from app.schema.base.types import input_type, object_type
from app.schema.objects import Denial
from app.schema.summed_lists import DenialConnection
from app.services import denials as service

described(DenialOrderField, "What denials can be sorted by.")


@input_type(description="Order of a list of denials.")
class DenialOrder(Ordering):
    field: DenialOrderField = sort_by()
    direction: OrderDirection = direction()


# Sorting by an amount reveals it.
ORDER_NEEDS: Final = {DenialOrderField.AMOUNT: ("amounts:read",)}


@input_type(description="Filter for denials. Every given condition must match; ranges include both ends.")
class DenialFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    status: list[DenialStatus] | None = filters.any_of("Status", len(DenialStatus))
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    codes: list[str] | None = filters.any_of("Reason for the denial, a code of Tabela 38 (tipoGlosa)", name="code")
    appeal_deadline: DateRangeInput | None = strawberry.field(default=None, description="Last day to appeal.")
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of the payer's denial.")
    amount: MoneyRangeInput | None = guarded("amounts:read", description="Denied amount.")
    recovery_invoiced: bool | None = guarded(
        "invoices:read",
        description="Whether an active invoice bills what an appeal won; `false` is what can be invoiced.",
    )

    def where(self) -> DenialFilter:
        """The filter as the database layer expects it."""
        return DenialFilter(
            ids=given(self.ids),
            status=given(self.status),
            payers=given(self.payers),
            providers=given(self.providers),
            codes=given(self.codes),
            appeal_deadline=bounds(self.appeal_deadline),
            created_at=bounds(self.created_at),
            amount_cents=bounds(self.amount),
            is_recovery_invoiced=self.recovery_invoiced,
        )


class DenialQuery:
    @strawberry.field(
        graphql_type=DenialConnection | None,
        description="Denials in the caller's data scope, by default the earliest appeal deadline first.",
        extensions=[Requires("claims:read_items")],
        directives=[lists.PAGE],
    )
    async def denials(
        self,
        info: Info,
        filter: Annotated[DenialFilterInput | None, FILTER] = None,
        order_by: Annotated[DenialOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or DenialFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria, *needs_of(order_by, ORDER_NEEDS))
        order = ordered(denials.ORDERS, order_by, denials.DEADLINE_FIRST)
        return await denials.DENIALS.page(info.context, criteria.where(), order, at=Slice(first, after, last, before))


@input_type(description="The denial to accept.")
class AcceptDenialInput:
    id: strawberry.ID = strawberry.field(name="denialId", description="Id of an open denial.")
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="An appeal against one of several denials (recurso de glosa).")
class DenialAppealInput:
    id: strawberry.ID = strawberry.field(name="denialId", description="Id of an open denial.")
    justification: str = strawberry.field(description="Why the denial is wrong, up to 500 characters.")
    amount: Cents | None = strawberry.field(
        default=None,
        description="Appealed amount; defaults to the denied amount. The provider accepts the loss of the rest.",
    )


@input_type(description="An appeal against a denial (recurso de glosa).")
class AppealDenialInput(DenialAppealInput):
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The payer's answer to one of several appeals.")
class AppealAnswerInput:
    id: strawberry.ID = strawberry.field(name="denialId", description="Id of an appealed denial.")
    accepted: Cents = strawberry.field(
        name="acceptedAmount",
        description="Amount that the payer accepts to pay after the appeal; zero upholds the denial.",
    )
    justification: str | None = strawberry.field(default=None, description="Justification, up to 500 characters.")


@input_type(description="The payer's answer to an appeal.")
class AnswerAppealInput(AppealAnswerInput):
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of a mutation on one denial.")
class DenialPayload(MutationPayload):
    denial: Denial | None = strawberry.field(
        default=None, description="The denial after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(service.ACCEPT, AcceptDenialInput, DenialPayload, "Accepts the loss of a denial."),
    mutation(
        service.APPEAL,
        AppealDenialInput,
        DenialPayload,
        "Appeals against a denial (recurso de glosa): once, until the appeal deadline.",
    ),
    mutation(
        service.ANSWER_APPEAL,
        AnswerAppealInput,
        DenialPayload,
        "Records the payer's answer to an appeal, with the accepted amount.",
    ),
)
