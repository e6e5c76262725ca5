"""Mutations on batches of appeals (lotes de recurso de glosa): inputs, payloads and root fields."""

from datetime import date

import strawberry

from app.domain.appeal_batches import BATCHES_MAX
from app.domain.errors import Failure
from app.domain.identifiers import AnsCode, Cnes
from app.domain.protocols import NUMBER_LENGTH_MAX
from app.schema.appeal_batches import AppealBatch
from app.schema.base import inputs, lists, weights
from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.services import appeal_batches, appeal_receptions
from app.services.appeal_batches import CHOSEN_MAX, REASON_LENGTH_MAX


@input_type(description="Which appeals to put into batches.")
class CreateAppealBatchesInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    denial_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description=f"Ids of 1 to {CHOSEN_MAX} appealed denials; null for the oldest that are in no batch and "
        "whose protocol is known: see `hasMore`.",
        directives=lists.up_to(CHOSEN_MAX, checked_by_service=True),
    )
    protocol: str | None = strawberry.field(
        name="contestedProtocol",
        default=None,
        description=f"The payer's protocol of chosen claims whose own is not known, 1 to {NUMBER_LENGTH_MAX} digits.",
    )
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The open batch of appeals to send.")
class SendAppealBatchInput:
    id: strawberry.ID = strawberry.field(name="appealBatchId", description="Id of an open batch of appeals.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The open batch of appeals to cancel.")
class CancelAppealBatchInput:
    id: strawberry.ID = strawberry.field(name="appealBatchId", description="Id of an open batch of appeals.")
    reason: str | None = strawberry.field(
        default=None, description=f"Reason, up to {REASON_LENGTH_MAX} characters; it is stored."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The sent batch of appeals that the payer rejects.")
class RejectAppealBatchInput:
    id: strawberry.ID = strawberry.field(name="appealBatchId", description="Id of a sent batch of appeals.")
    reason: str = strawberry.field(description=f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The sent batch of appeals and the payer's reception.")
class RecordAppealProtocolInput(inputs.Whole):
    id: strawberry.ID = strawberry.field(name="appealBatchId", description="Id of a sent batch of appeals.")
    number: str | None = strawberry.field(
        name="protocolNumber",
        default=None,
        description=f"Number of the protocol (nrProtocoloRecursoGlosa), up to {NUMBER_LENGTH_MAX} characters.",
    )
    received_on: date | None = strawberry.field(
        name="date", default=None, description="Day of the reception, not in the future."
    )
    document: str | None = strawberry.field(
        name="xml",
        default=None,
        description="Instead of both, the payer's TISS document (recebimentoRecursoGlosa, a status or an error). One "
        "that refuses the batch rejects it; appeals of claims that it refuses can be put into another batch.",
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def failure(self) -> Failure | None:
        """Why it is neither a protocol nor a document."""
        return appeal_receptions.choice_failure(self.number, self.received_on, self.document)


@object_type(description="Result of a mutation on one batch of appeals.")
class AppealBatchPayload(MutationPayload):
    batch: AppealBatch | None = strawberry.field(
        default=None, description="The batch after the mutation; null if refused."
    )


@object_type(description="Result of creating batches of appeals.")
class CreateAppealBatchesPayload(MutationPayload):
    batches: list[AppealBatch] = strawberry.field(
        default_factory=list,
        description=f"The new batches, at most {BATCHES_MAX}; empty if no appeal is left.",
        directives=[lists.NEW_BATCHES],
    )
    has_more: bool = strawberry.field(
        default=False, description="Whether the same call, with another key, would create further batches."
    )


MUTATIONS = (
    mutation(
        appeal_batches.CREATE_MANY,
        CreateAppealBatchesInput,
        CreateAppealBatchesPayload,
        "Puts appeals that wait for an answer into batches, one for each protocol, form (dental or not) and up to 100 "
        f"claims, at most {BATCHES_MAX} in one call.",
        directives=weights.DOCUMENT,
    ),
    mutation(
        appeal_batches.SEND,
        SendAppealBatchInput,
        AppealBatchPayload,
        "Writes the document of an open batch of appeals, a valid and hashed TISS document that never changes again.",
        directives=weights.DOCUMENT,
    ),
    mutation(
        appeal_batches.CANCEL,
        CancelAppealBatchInput,
        AppealBatchPayload,
        "Cancels an open batch of appeals; they can be put into another one.",
    ),
    mutation(
        appeal_receptions.RECORD_PROTOCOL,
        RecordAppealProtocolInput,
        AppealBatchPayload,
        "Records that the payer has received a sent batch of appeals, or refuses it or some of its appeals.",
        directives=weights.DOCUMENT,
    ),
    mutation(
        appeal_batches.REJECT,
        RejectAppealBatchInput,
        AppealBatchPayload,
        "Records that the payer rejects a sent batch of appeals; they can be put into another one.",
    ),
)
