"""The draft of an appeal, for a person to read, change and send."""

from datetime import date
from typing import Annotated, Any

import strawberry

from app.domain.appeal_drafts import AppealDraft as Draft
from app.domain.appeal_drafts import AppealEvidenceKind, Evidence
from app.schema.base import lists
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, health
from app.schema.base.types import object_type
from app.schema.objects import Denial
from app.services import appeal_drafts
from app.services.appeal_drafts import WON_MAX

described(AppealEvidenceKind, "What speaks for an appeal; new values may be added.")


@object_type(description="A proof that speaks for an appeal.")
class AppealEvidence:
    kind: AppealEvidenceKind = strawberry.field(description="What it is.")
    text: str | None = strawberry.field(
        description="The proof as a sentence in Portuguese.", extensions=health("denials:appeal")
    )
    day: date | None = strawberry.field(name="date", description="Its day; null if it has none.")


@object_type(description="The draft of an appeal against a denial; a person checks it and sends it.")
class AppealDraft:
    justification: str | None = strawberry.field(
        description="Text of up to 500 characters for `appealDenial`, in Portuguese.",
        extensions=health("denials:appeal"),
    )

    @strawberry.field(
        graphql_type=list[AppealEvidence],
        description="All proofs, also those that did not fit into the text.",
        directives=[lists.EVIDENCE],
    )
    def evidence(draft: strawberry.Parent[Draft]) -> tuple[Evidence, ...]:
        return draft.evidence

    @strawberry.field(
        graphql_type=list[Denial] | None,
        description=f"The latest denials with the same code whose appeals this payer granted, at most {WON_MAX}.",
        extensions=[Requires("claims:read_items")],
        directives=[lists.WON_APPEALS],
    )
    async def won_appeals(draft: strawberry.Parent[Draft], info: Info) -> Any:
        found = await info.context.loaders.denial.load_many(draft.won_ids)
        return [denial for denial in found if denial is not None]


class AppealDraftQuery:
    @strawberry.field(
        graphql_type=AppealDraft | None,
        description="A draft of the appeal against a denial, from authorization, contract, TUSS, eligibility, protocol "
        "and won appeals; null if the denial does not exist in the caller's data scope.",
        extensions=[Requires("denials:appeal")],
    )
    async def appeal_draft(
        self, info: Info, denial_id: Annotated[strawberry.ID, strawberry.argument(description="Id of a denial.")]
    ) -> Any:
        context = info.context
        async with context.database.reading() as connection:
            return await appeal_drafts.of_denial(connection, context.scope, denial_id)
