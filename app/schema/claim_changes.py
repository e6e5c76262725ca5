"""Mutations that resume a review and delete a draft."""

import strawberry

from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.objects import Claim
from app.services import claims, drafts, reviews
from app.services.claims import REASON_LENGTH_MAX


@input_type(description="The claim whose review is resumed.")
class ResumeReviewInput:
    id: strawberry.ID = strawberry.field(
        name="claimId", description="Id of a claim for which information was requested."
    )
    note: str | None = strawberry.field(
        default=None,
        description=f"The provider's answer, 1 to {REASON_LENGTH_MAX} characters; it is stored in the history.",
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of resuming a review.")
class ResumeReviewPayload(MutationPayload):
    claim: Claim | None = strawberry.field(default=None, description="The claim after the mutation; null if refused.")


@input_type(description="The submitted claim to withdraw.")
class WithdrawClaimInput:
    id: strawberry.ID = strawberry.field(
        name="claimId", description="Id of a submitted claim that is in no active batch."
    )
    reason: str | None = strawberry.field(
        default=None, description=f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored in the history."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of withdrawing a claim.")
class WithdrawClaimPayload(MutationPayload):
    claim: Claim | None = strawberry.field(default=None, description="The claim after the mutation; null if refused.")


@input_type(description="The draft claim to delete.")
class DeleteDraftClaimInput:
    id: strawberry.ID = strawberry.field(name="claimId", description="Id of a draft claim.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of deleting a draft claim.")
class DeleteDraftClaimPayload(MutationPayload):
    deleted_claim_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the deleted claim; null if refused."
    )
    provider_claim_number: str | None = strawberry.field(
        default=None, description="Its claim number, which can be used again; null if refused."
    )


MUTATIONS = (
    mutation(
        claims.WITHDRAW,
        WithdrawClaimInput,
        WithdrawClaimPayload,
        "Takes back a submitted claim that is in no active batch; it is a draft again and can be corrected.",
    ),
    mutation(
        reviews.RESUME,
        ResumeReviewInput,
        ResumeReviewPayload,
        "Resumes the review of a claim when the requested information has arrived.",
    ),
    mutation(
        drafts.DELETE,
        DeleteDraftClaimInput,
        DeleteDraftClaimPayload,
        "Deletes a draft claim with its items and history; its claim number can be used again.",
    ),
)
