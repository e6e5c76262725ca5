"""Mutations on claims and their payloads."""

import strawberry

from app.schema.base import weights
from app.schema.base.mutations import MutationPayload, mutation
from app.schema.base.permissions import Requires
from app.schema.base.types import object_type
from app.schema.claim_inputs import (
    AdjudicateClaimInput,
    CancelClaimInput,
    CreateClaimInput,
    ExportBatchInput,
    ReplaceClaimInput,
    RequestInformationInput,
    StartReviewInput,
    UpdateDraftClaimInput,
)
from app.schema.objects import Claim
from app.services import batch_export, claims, reviews
from app.services.batch_documents import DOCUMENT_CLASSES


@object_type(description="Result of a mutation on one claim.")
class ClaimPayload(MutationPayload):
    claim: Claim | None = strawberry.field(default=None, description="The claim after the mutation; null if refused.")


@object_type(description="A TISS batch document (lote de guias).")
class TissBatch:
    number: str = strawberry.field(description="Number of the batch, unique for the provider and payer (numeroLote).")
    file_name: str = strawberry.field(description="Suggested file name.")
    xml: str | None = strawberry.field(
        description="The document, with the card numbers, clinical indications, codes and amounts of its claims; save "
        "it in ISO-8859-1, the encoding that it declares.",
        extensions=[Requires("batches:export", data=DOCUMENT_CLASSES)],
    )
    hash: str = strawberry.field(description="Hash of the document, as in its epilogue (hash).")


@object_type(description="Result of exporting a batch.")
class ExportBatchPayload(MutationPayload):
    batch: TissBatch | None = strawberry.field(default=None, description="The batch; null if refused.")


MUTATIONS = (
    mutation(
        claims.CREATE,
        CreateClaimInput,
        ClaimPayload,
        "Creates a claim as a draft, or submits it at once (POST /claims/ of the REST API).",
    ),
    mutation(claims.UPDATE_DRAFT, UpdateDraftClaimInput, ClaimPayload, "Changes a draft claim."),
    mutation(claims.CANCEL, CancelClaimInput, ClaimPayload, "Withdraws a claim that is not decided yet."),
    mutation(
        reviews.START,
        StartReviewInput,
        ClaimPayload,
        "Starts the review of a submitted claim.",
    ),
    mutation(
        reviews.ADJUDICATE,
        AdjudicateClaimInput,
        ClaimPayload,
        "Decides a claim under review, item by item; its new status is derived from the items.",
    ),
    mutation(
        claims.REPLACE,
        ReplaceClaimInput,
        ClaimPayload,
        "Replaces a decided claim by a corrected one, which has the same payer claim number.",
    ),
    mutation(
        reviews.REQUEST_INFORMATION,
        RequestInformationInput,
        ClaimPayload,
        "Pauses a review until the provider has supplied information.",
    ),
    mutation(
        batch_export.EXPORT,
        ExportBatchInput,
        ExportBatchPayload,
        "Puts up to 100 submitted claims of the same type and payer into a batch and sends it, as a valid, hashed TISS "
        "document; the same claims again give the same document.",
        directives=weights.DOCUMENT,
    ),
)
