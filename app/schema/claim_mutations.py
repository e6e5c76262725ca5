"""The mutations on claims and their payloads."""

from typing import Any

import strawberry

from app.db.claims import ClaimRecord
from app.resolvers import claims
from app.schema.actions import needs
from app.schema.base.info import Info
from app.schema.base.mutations import REPLAYED, UserError, answer, user_errors
from app.schema.claim_inputs import (
    AdjudicateClaimInput,
    CancelClaimInput,
    ClaimActionInput,
    CreateClaimInput,
    ExportBatchInput,
    ReplaceClaimInput,
    RequestInformationInput,
    SubmitClaimsInput,
    UpdateDraftClaimInput,
)
from app.schema.claims import Claim
from app.services.batch_export import Batch
from app.services.claims import Submission
from app.unit_of_work.idempotency import Written


@strawberry.type(description="What became of a mutation on one claim.")
class ClaimPayload:
    claim: Claim | None = strawberry.field(default=None, description="The claim as it is now; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was done.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


@strawberry.type(description="What became of one claim of a batch.")
class SubmitClaimResult:
    claim_id: strawberry.ID = strawberry.field(description="The claim that was asked for.")
    claim: Claim | None = strawberry.field(description="The claim as it is now; null when refused.")

    @strawberry.field(description="Why this claim was not submitted.")
    def errors(result: strawberry.Parent[Submission]) -> list[UserError]:
        return user_errors(result.failures)


@strawberry.type(description="What became of a batch; one claim's refusal leaves the others alone.")
class SubmitClaimsPayload:
    results: list[SubmitClaimResult] = strawberry.field(
        default_factory=list, description="A result per claim, in input order."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why the whole batch was refused.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


def _claim(written: Written[ClaimRecord]) -> dict[str, Any]:
    return {"claim": written.value, "replayed": written.replayed}


def _results(written: Written[list[Submission]]) -> dict[str, Any]:
    return {"results": written.value, "replayed": written.replayed}


@strawberry.type(description="A TISS batch document (lote de guias).")
class TissBatch:
    number: str = strawberry.field(description="Its number with this provider (numeroLote).")
    file_name: str = strawberry.field(description="A name to save it under.")
    xml: str = strawberry.field(description="The document; save it in ISO-8859-1, as its declaration says.")
    hash: str = strawberry.field(description="The hash of its epilogue.")


@strawberry.type(description="What became of an export.")
class ExportBatchPayload:
    batch: TissBatch | None = strawberry.field(default=None, description="The document; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why there is none.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


def _batch(written: Written[Batch]) -> dict[str, Any]:
    return {"batch": written.value, "replayed": written.replayed}


@strawberry.type
class ClaimMutation:
    @strawberry.mutation(
        description="Create a claim, as a draft or sent at once (POST /claims/ before).",
        extensions=[needs("createClaim")],
    )
    async def create_claim(self, info: Info, input: CreateClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.create(ctx, data=input.data(), is_submitted=input.submit, key=input.idempotency_key)

        return await answer(ctx, "createClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(description="Change a draft.", extensions=[needs("updateDraftClaim")])
    async def update_draft_claim(self, info: Info, input: UpdateDraftClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.update_draft(
                ctx, claim_id=input.id, changes=input.changes(), version=input.version, key=input.idempotency_key
            )

        return await answer(ctx, "updateDraftClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Send up to 100 drafts of one type, with a result for each.",
        extensions=[needs("submitClaims")],
    )
    async def submit_claims(self, info: Info, input: SubmitClaimsInput) -> SubmitClaimsPayload:
        ctx = info.context

        async def act() -> Written[list[Submission]]:
            return await claims.submit_many(ctx, claim_ids=input.claim_ids, key=input.idempotency_key)

        return await answer(ctx, "submitClaims", SubmitClaimsPayload, input, act, _results)

    @strawberry.mutation(description="Withdraw a claim that is not decided yet.", extensions=[needs("cancelClaim")])
    async def cancel_claim(self, info: Info, input: CancelClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.cancel(
                ctx, claim_id=input.id, version=input.version, reason=input.reason, key=input.idempotency_key
            )

        return await answer(ctx, "cancelClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Take a submitted claim into review, or take the review up again once the information is there.",
        extensions=[needs("startReview")],
    )
    async def start_review(self, info: Info, input: ClaimActionInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.start_review(ctx, claim_id=input.id, version=input.version, key=input.idempotency_key)

        return await answer(ctx, "startReview", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Decide a claim under review, item by item; its status follows from the items.",
        extensions=[needs("adjudicateClaim")],
    )
    async def adjudicate_claim(self, info: Info, input: AdjudicateClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.adjudicate(
                ctx,
                claim_id=input.id,
                decisions=[item.data() for item in input.items],
                payer_claim_number=input.payer_claim_number,
                version=input.version,
                key=input.idempotency_key,
            )

        return await answer(ctx, "adjudicateClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Put a corrected claim in the place of a decided one; it keeps the payer's number.",
        extensions=[needs("replaceClaim")],
    )
    async def replace_claim(self, info: Info, input: ReplaceClaimInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.replace(
                ctx,
                claim_id=input.id,
                changes=input.changes(),
                is_submitted=input.submit,
                key=input.idempotency_key,
            )

        return await answer(ctx, "replaceClaim", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Halt a review until the provider has answered.", extensions=[needs("requestInformation")]
    )
    async def request_information(self, info: Info, input: RequestInformationInput) -> ClaimPayload:
        ctx = info.context

        async def act() -> Written[ClaimRecord]:
            return await claims.request_information(
                ctx, claim_id=input.id, reason=input.reason, version=input.version, key=input.idempotency_key
            )

        return await answer(ctx, "requestInformation", ClaimPayload, input, act, _claim)

    @strawberry.mutation(
        description="Sent claims as a TISS batch document, valid and hashed: one type, one payer, at most 100.",
        extensions=[needs("exportBatch")],
    )
    async def export_batch(self, info: Info, input: ExportBatchInput) -> ExportBatchPayload:
        ctx = info.context

        async def act() -> Written[Batch]:
            return await claims.export_batch(ctx, claim_ids=input.claim_ids, key=input.idempotency_key)

        return await answer(ctx, "exportBatch", ExportBatchPayload, input, act, _batch)
