"""Denials (glosas): type, the list with its deadlines, and what both sides do about them."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.db.claims import ClaimRecord, ItemRecord
from app.db.glosas import GlosaFilter, GlosaRecord
from app.domain import tabela38
from app.domain.actions import glosa_block
from app.domain.calendar import business_day
from app.domain.money import Cents
from app.resolvers import glosas
from app.resolvers.glosas import GlosaOrder, GlosaPage
from app.schema.actions import GLOSA_MUTATIONS, AvailableGlosaAction, needs, permission_block
from app.schema.described import described
from app.schema.enums import GlosaStatus
from app.schema.errors import KEY, REPLAYED, UserError, answer, checked_arguments
from app.schema.info import Info
from app.schema.nodes import Edge, Node, PageInfo
from app.schema.permissions import Requires, amount, check_input, financial, health
from app.services.glosas import Answer
from app.services.idempotency import Written

if TYPE_CHECKING:
    from app.schema.claims import Claim, ClaimItem

described(
    GlosaOrder,
    "How a list of denials is sorted.",
    {
        "DEADLINE_FIRST": "By the last day to appeal, soonest first.",
        "AMOUNT_DESC": "By amount, largest first. Needs `amounts:read`.",
    },
)
# Sorting by an amount would tell it.
ORDER_NEEDS = {GlosaOrder.AMOUNT_DESC: ("amounts:read",)}


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
class Glosa(Node):
    code: str = strawberry.field(description="The reason, a code of Tabela 38 (tipoGlosa).")
    status: GlosaStatus = strawberry.field(description="Where the denial stands.")
    created_at: datetime = strawberry.field(description="When the payer denied it.")
    appeal_deadline: date = strawberry.field(description="The last day to appeal, from the contract.")
    amount_cents: Cents | None = amount("amount", "The denied amount.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, GlosaRecord)

    @strawberry.field(description="The official text of the code, in Portuguese.")
    def description(glosa: strawberry.Parent[GlosaRecord]) -> str | None:
        return tabela38.description(glosa.code)

    @amount("inDisputeAmount", "What of it is still fought for.")
    def in_dispute(glosa: strawberry.Parent[GlosaRecord]) -> Cents | None:
        return glosa.shares.in_dispute

    @amount("wonAmount", "What an appeal has won; the next invoice bills it.")
    def won(glosa: strawberry.Parent[GlosaRecord]) -> Cents | None:
        return glosa.shares.won

    @amount("lostAmount", "What of it is lost for good.")
    def lost(glosa: strawberry.Parent[GlosaRecord]) -> Cents | None:
        return glosa.shares.lost

    @strawberry.field(graphql_type=Appeal | None, description="The appeal, if one was made.")
    def appeal(glosa: strawberry.Parent[GlosaRecord]) -> GlosaRecord | None:
        return None if glosa.appealed_at is None else glosa

    @strawberry.field(
        graphql_type=Annotated["ClaimItem", strawberry.lazy("app.schema.claims")] | None,
        description="The item it denies.",
        extensions=health("claims:read_items"),
    )
    async def item(glosa: strawberry.Parent[GlosaRecord], info: Info) -> ItemRecord | None:
        return await info.context.loaders.item.load(glosa.item_id)

    @strawberry.field(
        graphql_type=Annotated["Claim", strawberry.lazy("app.schema.claims")] | None,
        description="The claim of the item.",
        extensions=[Requires("claims:read")],
    )
    async def claim(glosa: strawberry.Parent[GlosaRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(glosa.claim_id)

    @strawberry.field(description="What can be done to it now, and why not.")
    async def available_actions(glosa: strawberry.Parent[GlosaRecord], info: Info) -> list[AvailableGlosaAction]:
        ctx = info.context
        is_replaced = await ctx.loaders.replacement_of_claim.load(glosa.claim_id) is not None
        today = business_day(ctx.now())
        return [
            AvailableGlosaAction(
                action=operation,
                blocked_by=permission_block(ctx.principal, mutation)
                or glosa_block(
                    operation, glosa.status, deadline=glosa.appeal_deadline, today=today, is_replaced=is_replaced
                ),
            )
            for operation, mutation in GLOSA_MUTATIONS.items()
        ]


@strawberry.type(description="One page of denials.")
class GlosaConnection:
    edges: list[Edge[Glosa]] = strawberry.field(description="The denials with their cursors.")
    nodes: list[Glosa] = strawberry.field(description="The denials alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @strawberry.field(description="How many denials the whole list has; counted only when asked for.")
    async def total_count(page: strawberry.Parent[GlosaPage]) -> int:
        return await page.count()

    @strawberry.field(
        description="Sum of the whole list's open denials: what is lost unless somebody appeals.",
        extensions=financial("amounts:read"),
    )
    async def about_to_be_lost_amount(page: strawberry.Parent[GlosaPage]) -> Cents | None:
        return Cents(await page.about_to_be_lost())


@strawberry.input(description="Which denials to list; every given part must hold.")
class GlosaFilterInput:
    status: list[GlosaStatus] | None = strawberry.field(default=None, description="Any of these states.")
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    code: str | None = strawberry.field(default=None, description="With this code of Tabela 38.")
    deadline_before: date | None = strawberry.field(
        default=None, description="Whose last day to appeal is before this day."
    )

    def where(self) -> GlosaFilter:
        """The filter as the database layer takes it."""
        status = None if self.status is None else tuple(self.status)
        return GlosaFilter(status, self.payer, self.provider, self.code, self.deadline_before)


@strawberry.type
class GlosaQuery:
    @strawberry.field(
        graphql_type=GlosaConnection,
        description="The caller's denials, those about to be lost first.",
        extensions=[Requires("claims:read_items")],
    )
    async def glosas(
        self,
        info: Info,
        filter: GlosaFilterInput | None = None,
        order_by: GlosaOrder = GlosaOrder.DEADLINE_FIRST,
        first: int = 20,
        after: str | None = None,
    ) -> Any:
        asked = filter or GlosaFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked, *ORDER_NEEDS.get(order_by, ()))
        return await glosas.page(info.context, where=asked.where(), order=order_by, first=first, after=after)


@strawberry.input(description="Which denial to accept.")
class AcceptGlosaInput:
    id: strawberry.ID = strawberry.field(description="The open denial.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="An appeal against a denial.")
class AppealGlosaInput:
    id: strawberry.ID = strawberry.field(description="The open denial.")
    justification: str = strawberry.field(description="Why it is wrong, up to 500 characters.")
    amount: Cents | None = strawberry.field(
        default=None, description="What is contested; defaults to all of it. The rest is given up."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="The answer to one appeal.")
class AppealAnswerInput:
    glosa: strawberry.ID = strawberry.field(description="The appealed denial.")
    accepted_amount: Cents = strawberry.field(description="What the payer pays after all; zero keeps the denial.")
    justification: str | None = strawberry.field(default=None, description="Up to 500 characters.")


@strawberry.input(description="The payer's answers to appeals; all of them or none.")
class AnswerAppealInput:
    answers: list[AppealAnswerInput] = strawberry.field(description="1 to 100 answers, one for each denial.")
    idempotency_key: str = strawberry.field(description=KEY)

    def data(self) -> list[Answer]:
        """The answers as the service takes them."""
        return [Answer(each.glosa, each.accepted_amount, each.justification) for each in self.answers]


@strawberry.type(description="What became of a mutation on one denial.")
class GlosaPayload:
    glosa: Glosa | None = strawberry.field(default=None, description="The denial as it is now; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


@strawberry.type(description="What became of the payer's answers.")
class AnswerAppealPayload:
    glosas: list[Glosa] = strawberry.field(
        default_factory=list, description="The denials as they are now, in input order."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


def _glosa(written: Written[GlosaRecord]) -> dict[str, Any]:
    return {"glosa": written.value, "replayed": written.replayed}


def _glosas(written: Written[list[GlosaRecord]]) -> dict[str, Any]:
    return {"glosas": written.value, "replayed": written.replayed}


@strawberry.type
class GlosaMutation:
    @strawberry.mutation(description="Take the loss of a denial.", extensions=[needs("acceptGlosa")])
    async def accept_glosa(self, info: Info, input: AcceptGlosaInput) -> GlosaPayload:
        ctx = info.context

        async def act() -> Written[GlosaRecord]:
            return await glosas.accept(ctx, glosa_id=input.id, key=input.idempotency_key)

        return await answer(ctx, "acceptGlosa", GlosaPayload, input, act, _glosa)

    @strawberry.mutation(
        description="Contest a denial (recurso de glosa), once, until its deadline.",
        extensions=[needs("appealGlosa")],
    )
    async def appeal_glosa(self, info: Info, input: AppealGlosaInput) -> GlosaPayload:
        ctx = info.context

        async def act() -> Written[GlosaRecord]:
            return await glosas.appeal(
                ctx,
                glosa_id=input.id,
                amount=input.amount,
                justification=input.justification,
                key=input.idempotency_key,
            )

        return await answer(ctx, "appealGlosa", GlosaPayload, input, act, _glosa)

    @strawberry.mutation(
        description="The payer's decision on appeals, an accepted amount for each.",
        extensions=[needs("answerAppeal")],
    )
    async def answer_appeal(self, info: Info, input: AnswerAppealInput) -> AnswerAppealPayload:
        ctx = info.context

        async def act() -> Written[list[GlosaRecord]]:
            return await glosas.answer(ctx, answers=input.data(), key=input.idempotency_key)

        return await answer(ctx, "answerAppeal", AnswerAppealPayload, input, act, _glosas)
