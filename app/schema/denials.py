"""Denials (glosas): type, the list with its deadlines, and what both sides do about them."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialFilter, DenialRecord
from app.domain import tabela38
from app.domain.actions import denial_block
from app.domain.calendar import business_day
from app.domain.money import Cents
from app.resolvers import denials
from app.resolvers.denials import DenialOrder, DenialPage
from app.schema.actions import DENIAL_MUTATIONS, AvailableDenialAction, needs, permission_block
from app.schema.base.connections import Edge, Node, PageInfo
from app.schema.base.described import described
from app.schema.base.enums import DenialStatus
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, REPLAYED, UserError, answer, checked_arguments
from app.schema.base.permissions import Requires, amount, check_input, financial, health
from app.services.denials import Answer
from app.unit_of_work.idempotency import Written

if TYPE_CHECKING:
    from app.schema.claims import Claim, ClaimItem

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


@strawberry.type(description="An appeal against a denial (recurso de glosa) and its answer.")
class Appeal:
    appealed_at: datetime | None = strawberry.field(description="When it was made.")
    answered_at: datetime | None = strawberry.field(description="When the payer answered; null until then.")
    appealed_cents: Cents | None = amount("appealedAmount", "What of the denial is contested.")
    answered_cents: Cents | None = amount("answeredAmount", "What the payer pays after all; null until answered.")
    justification: str | None = strawberry.field(
        description="Why the provider contests it.", extensions=health("claims:read_health")
    )
    payer_justification: str | None = strawberry.field(
        description="Why the payer decided so.", extensions=health("claims:read_health")
    )


@strawberry.type(description="One denial of an item (glosa).")
class Denial(Node):
    code: str = strawberry.field(description="The reason, a code of Tabela 38 (tipoGlosa).")
    status: DenialStatus = strawberry.field(description="Where the denial stands.")
    created_at: datetime = strawberry.field(description="When the payer denied it.")
    appeal_deadline: date = strawberry.field(description="The last day to appeal, from the contract.")
    amount_cents: Cents | None = amount("amount", "The denied amount.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, DenialRecord)

    @strawberry.field(description="The official text of the code, in Portuguese.")
    def description(denial: strawberry.Parent[DenialRecord]) -> str | None:
        return tabela38.description(denial.code)

    @amount("inDisputeAmount", "What of it is still fought for.")
    def in_dispute(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.in_dispute

    @amount("wonAmount", "What an appeal has won; the next invoice bills it.")
    def won(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.won

    @amount("lostAmount", "What of it is lost for good.")
    def lost(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.lost

    @strawberry.field(graphql_type=Appeal | None, description="The appeal, if one was made.")
    def appeal(denial: strawberry.Parent[DenialRecord]) -> DenialRecord | None:
        return None if denial.appealed_at is None else denial

    @strawberry.field(
        graphql_type=Annotated["ClaimItem", strawberry.lazy("app.schema.claims")] | None,
        description="The item it denies.",
        extensions=health("claims:read_items"),
    )
    async def item(denial: strawberry.Parent[DenialRecord], info: Info) -> ItemRecord | None:
        return await info.context.loaders.item.load(denial.item_id)

    @strawberry.field(
        graphql_type=Annotated["Claim", strawberry.lazy("app.schema.claims")] | None,
        description="The claim of the item.",
        extensions=[Requires("claims:read")],
    )
    async def claim(denial: strawberry.Parent[DenialRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(denial.claim_id)

    @strawberry.field(description="What can be done to it now, and why not.")
    async def available_actions(denial: strawberry.Parent[DenialRecord], info: Info) -> list[AvailableDenialAction]:
        ctx = info.context
        is_replaced = await ctx.loaders.replacement_of_claim.load(denial.claim_id) is not None
        today = business_day(ctx.now())
        return [
            AvailableDenialAction(
                action=operation,
                blocked_by=permission_block(ctx.principal, mutation)
                or denial_block(
                    operation, denial.status, deadline=denial.appeal_deadline, today=today, is_replaced=is_replaced
                ),
            )
            for operation, mutation in DENIAL_MUTATIONS.items()
        ]


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

    def data(self) -> list[Answer]:
        """The answers as the service takes them."""
        return [Answer(each.denial, each.accepted_amount, each.justification) for each in self.answers]


@strawberry.type(description="What became of a mutation on one denial.")
class DenialPayload:
    denial: Denial | None = strawberry.field(default=None, description="The denial as it is now; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


@strawberry.type(description="What became of the payer's answers.")
class AnswerAppealPayload:
    denials: list[Denial] = strawberry.field(
        default_factory=list, description="The denials as they are now, in input order."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


def _denial(written: Written[DenialRecord]) -> dict[str, Any]:
    return {"denial": written.value, "replayed": written.replayed}


def _denials(written: Written[list[DenialRecord]]) -> dict[str, Any]:
    return {"denials": written.value, "replayed": written.replayed}


@strawberry.type
class DenialMutation:
    @strawberry.mutation(description="Take the loss of a denial.", extensions=[needs("acceptDenial")])
    async def accept_denial(self, info: Info, input: AcceptDenialInput) -> DenialPayload:
        ctx = info.context

        async def act() -> Written[DenialRecord]:
            return await denials.accept(ctx, denial_id=input.id, key=input.idempotency_key)

        return await answer(ctx, "acceptDenial", DenialPayload, input, act, _denial)

    @strawberry.mutation(
        description="Contest a denial (recurso de glosa), once, until its deadline.",
        extensions=[needs("appealDenial")],
    )
    async def appeal_denial(self, info: Info, input: AppealDenialInput) -> DenialPayload:
        ctx = info.context

        async def act() -> Written[DenialRecord]:
            return await denials.appeal(
                ctx,
                denial_id=input.id,
                amount=input.amount,
                justification=input.justification,
                key=input.idempotency_key,
            )

        return await answer(ctx, "appealDenial", DenialPayload, input, act, _denial)

    @strawberry.mutation(
        description="The payer's decision on appeals, an accepted amount for each.",
        extensions=[needs("answerAppeal")],
    )
    async def answer_appeal(self, info: Info, input: AnswerAppealInput) -> AnswerAppealPayload:
        ctx = info.context

        async def act() -> Written[list[DenialRecord]]:
            return await denials.answer(ctx, answers=input.data(), key=input.idempotency_key)

        return await answer(ctx, "answerAppeal", AnswerAppealPayload, input, act, _denials)
