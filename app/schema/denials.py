"""Denials (glosas): type, the list with its deadlines, and what both sides do about them."""

from datetime import date
from typing import Any

import strawberry

from app.db.denials import DenialFilter
from app.domain.money import Cents
from app.resolvers import denials
from app.resolvers.denials import DenialOrder, DenialPage
from app.schema.base.connections import Edge, PageInfo
from app.schema.base.described import described
from app.schema.base.enums import DenialStatus
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, checked_arguments, mutation
from app.schema.base.permissions import Requires, check_input, financial
from app.schema.objects import Denial
from app.services import denials as service
from app.services.denials import AppealAnswer

described(
    DenialOrder,
    "How a list of denials is sorted.",
    {
        "DEADLINE_FIRST": "By the last day to appeal, soonest first.",
        "AMOUNT_DESC": "By amount, largest first. Needs `amounts:read`.",
    },
)
# Sorting by an amount would tell it.
ORDER_NEEDS = {DenialOrder.AMOUNT_DESC: ("amounts:read",)}


@strawberry.type(description="One page of denials.")
class DenialConnection:
    edges: list[Edge[Denial]] = strawberry.field(description="The denials with their cursors.")
    nodes: list[Denial] = strawberry.field(description="The denials alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @strawberry.field(description="How many denials the whole list has; counted only when asked for.")
    async def total_count(page: strawberry.Parent[DenialPage]) -> int:
        return await page.count()

    @strawberry.field(
        description="Sum of the whole list's open denials: what is lost unless somebody appeals.",
        extensions=financial("amounts:read"),
    )
    async def about_to_be_lost_amount(page: strawberry.Parent[DenialPage]) -> Cents | None:
        return Cents(await page.about_to_be_lost())


@strawberry.input(description="Which denials to list; every given part must hold.")
class DenialFilterInput:
    status: list[DenialStatus] | None = strawberry.field(default=None, description="Any of these states.")
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    code: str | None = strawberry.field(default=None, description="With this code of Tabela 38.")
    deadline_before: date | None = strawberry.field(
        default=None, description="Whose last day to appeal is before this day."
    )

    def where(self) -> DenialFilter:
        """The filter as the database layer takes it."""
        status = None if self.status is None else tuple(self.status)
        return DenialFilter(status, self.payer, self.provider, self.code, self.deadline_before)


@strawberry.type
class DenialQuery:
    @strawberry.field(
        graphql_type=DenialConnection,
        description="The caller's denials, those about to be lost first.",
        extensions=[Requires("claims:read_items")],
    )
    async def denials(
        self,
        info: Info,
        filter: DenialFilterInput | None = None,
        order_by: DenialOrder = DenialOrder.DEADLINE_FIRST,
        first: int = 20,
        after: str | None = None,
    ) -> Any:
        asked = filter or DenialFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked, *ORDER_NEEDS.get(order_by, ()))
        return await denials.page(info.context, where=asked.where(), order=order_by, first=first, after=after)


@strawberry.input(description="Which denial to accept.")
class AcceptDenialInput:
    id: strawberry.ID = strawberry.field(description="The open denial.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="An appeal against a denial.")
class AppealDenialInput:
    id: strawberry.ID = strawberry.field(description="The open denial.")
    justification: str = strawberry.field(description="Why it is wrong, up to 500 characters.")
    amount: Cents | None = strawberry.field(
        default=None, description="What is contested; defaults to all of it. The rest is given up."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="The answer to one appeal.")
class AppealAnswerInput:
    denial: strawberry.ID = strawberry.field(description="The appealed denial.")
    accepted_amount: Cents = strawberry.field(description="What the payer pays after all; zero keeps the denial.")
    justification: str | None = strawberry.field(default=None, description="Up to 500 characters.")


@strawberry.input(description="The payer's answers to appeals; all of them or none.")
class AnswerAppealInput:
    answers: list[AppealAnswerInput] = strawberry.field(description="1 to 100 answers, one for each denial.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {
            "answers": [AppealAnswer(each.denial, each.accepted_amount, each.justification) for each in self.answers]
        }


@strawberry.type(description="Result of a mutation on one denial.")
class DenialPayload(MutationPayload):
    denial: Denial | None = strawberry.field(default=None, description="The denial as it is now; null when refused.")


@strawberry.type(description="Result of the payer's answers.")
class AnswerAppealPayload(MutationPayload):
    denials: list[Denial] = strawberry.field(
        default_factory=list, description="The denials as they are now, in input order."
    )


MUTATIONS = (
    mutation(service.ACCEPT, AcceptDenialInput, DenialPayload, "Accept the loss of a denial."),
    mutation(
        service.APPEAL,
        AppealDenialInput,
        DenialPayload,
        "Contest a denial (recurso de glosa), once, until its deadline.",
    ),
    mutation(
        service.ANSWER_APPEAL,
        AnswerAppealInput,
        AnswerAppealPayload,
        "The payer's decision on appeals, an accepted amount for each.",
    ),
)
