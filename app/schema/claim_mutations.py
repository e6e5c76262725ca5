"""The mutations on claims and their payloads."""

import strawberry

from app.schema.base.mutations import MutationPayload, UserError, mutation, user_errors
from app.schema.base.permissions import Requires
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
from app.schema.objects import Claim
from app.services import batch_export, claims, reviews
from app.services.batch_export import DOCUMENT_CLASSES
from app.services.claims import Submission


@strawberry.type(description="Result of a mutation on one claim.")
class ClaimPayload(MutationPayload):
    claim: Claim | None = strawberry.field(default=None, description="The claim as it is now; null when refused.")


@strawberry.type(description="Result of one claim of a batch.")
class SubmitClaimResult:
    claim_id: strawberry.ID = strawberry.field(description="The claim that was asked for.")
    claim: Claim | None = strawberry.field(description="The claim as it is now; null when refused.")

    @strawberry.field(description="Why this claim was not submitted.")
    def errors(result: strawberry.Parent[Submission]) -> list[UserError]:
        return user_errors(result.failures)


@strawberry.type(description="Result of a batch; one claim's refusal leaves the others alone.")
class SubmitClaimsPayload(MutationPayload):
    results: list[SubmitClaimResult] = strawberry.field(
        default_factory=list, description="A result per claim, in input order."
    )


@strawberry.type(description="A TISS batch document (lote de guias).")
class TissBatch:
    number: str = strawberry.field(description="Its number with this provider (numeroLote).")
    file_name: str = strawberry.field(description="A name to save it under.")
    xml: str | None = strawberry.field(
        description="The document, with the cards, clinical indications, codes and amounts of its claims; save it in "
        "ISO-8859-1, as its declaration says.",
        extensions=[Requires("batches:export", data=DOCUMENT_CLASSES)],
    )
    hash: str = strawberry.field(description="The hash of its epilogue.")


@strawberry.type(description="Result of an export.")
class ExportBatchPayload(MutationPayload):
    batch: TissBatch | None = strawberry.field(default=None, description="The document; null when refused.")


MUTATIONS = (
    mutation(
        claims.CREATE,
        CreateClaimInput,
        ClaimPayload,
        "Create a claim, as a draft or sent at once (POST /claims/ of the REST service).",
    ),
    mutation(claims.UPDATE_DRAFT, UpdateDraftClaimInput, ClaimPayload, "Change a draft."),
    mutation(
        claims.SUBMIT,
        SubmitClaimsInput,
        SubmitClaimsPayload,
        "Send up to 100 drafts of one type, with a result for each.",
    ),
    mutation(claims.CANCEL, CancelClaimInput, ClaimPayload, "Withdraw a claim that is not decided yet."),
    mutation(
        reviews.START,
        ClaimActionInput,
        ClaimPayload,
        "Take a submitted claim into review, or resume the review once the information is there.",
    ),
    mutation(
        reviews.ADJUDICATE,
        AdjudicateClaimInput,
        ClaimPayload,
        "Decide a claim under review, item by item; its status follows from the items.",
    ),
    mutation(
        claims.REPLACE,
        ReplaceClaimInput,
        ClaimPayload,
        "Put a corrected claim in the place of a decided one; it keeps the payer's number.",
    ),
    mutation(
        reviews.REQUEST_INFORMATION,
        RequestInformationInput,
        ClaimPayload,
        "Halt a review until the provider has answered.",
    ),
    mutation(
        batch_export.EXPORT,
        ExportBatchInput,
        ExportBatchPayload,
        "Sent claims as a TISS batch document, valid and hashed: one type, one payer, at most 100.",
    ),
)
