"""Mutations on batches (lotes de guias): inputs, payloads and root fields."""

import strawberry

from app.domain.batches import CLAIMS_MAX
from app.domain.identifiers import AnsCode, Cnes
from app.domain.invoices import YearMonth
from app.schema.base import lists, weights
from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.batches import Batch
from app.services import batches
from app.services.batches import BATCHES_MAX, REASON_LENGTH_MAX


@strawberry.input(description="Claims to put into a batch (lote de guias).")
class CreateBatchInput:
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of 1 to 100 submitted claims of the same type, provider and payer, in no active batch.",
        directives=lists.up_to(CLAIMS_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Which claims to put into batches.")
class CreateBatchesInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    month: YearMonth = strawberry.field(description="Month of the service date.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="The open batch to send.")
class SendBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of an open batch.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A claim to remove from an open batch.")
class RemoveFromBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of an open batch.")
    claim_id: strawberry.ID = strawberry.field(description="Id of a claim in it, not of the last one.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="The open batch to cancel.")
class CancelBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of an open batch.")
    reason: str | None = strawberry.field(
        default=None, description=f"Reason, up to {REASON_LENGTH_MAX} characters; it is stored."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="Result of a mutation on one batch.")
class BatchPayload(MutationPayload):
    batch: Batch | None = strawberry.field(default=None, description="The batch after the mutation; null if refused.")


@strawberry.type(description="Result of creating batches.")
class CreateBatchesPayload(MutationPayload):
    batches: list[Batch] = strawberry.field(
        default_factory=list,
        description=f"The new batches, at most {BATCHES_MAX}; empty if no claim is left.",
        directives=[lists.NEW_BATCHES],
    )


MUTATIONS = (
    mutation(
        batches.CREATE,
        CreateBatchInput,
        BatchPayload,
        "Puts up to 100 submitted claims of the same type, provider and payer into a batch.",
        directives=weights.BATCH,
    ),
    mutation(
        batches.CREATE_MANY,
        CreateBatchesInput,
        CreateBatchesPayload,
        f"Puts the submitted claims of a month that are in no batch into batches of up to {CLAIMS_MAX} of one type, at "
        f"most {BATCHES_MAX} in one call.",
        directives=weights.DOCUMENT,
    ),
    mutation(
        batches.SEND,
        SendBatchInput,
        BatchPayload,
        "Writes the document of an open batch, a valid and hashed TISS document that never changes again.",
        directives=weights.DOCUMENT,
    ),
    mutation(batches.REMOVE_CLAIM, RemoveFromBatchInput, BatchPayload, "Removes a claim from an open batch."),
    mutation(
        batches.CANCEL,
        CancelBatchInput,
        BatchPayload,
        "Cancels an open batch; its claims can be put into another one.",
    ),
)
