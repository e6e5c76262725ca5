"""Mutations on batches (lotes de guias): inputs, payloads and root fields."""

from datetime import date
from typing import Any

import strawberry

from app.domain.batches import CLAIMS_MAX
from app.domain.identifiers import AnsCode, Cnes
from app.domain.invoices import YearMonth
from app.domain.protocols import NUMBER_LENGTH_MAX, Protocol, RefusedClaim
from app.schema.base import inputs, lists, weights
from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.batches import Batch
from app.services import batch_answers, batches
from app.services.batches import BATCHES_MAX, REASON_LENGTH_MAX


@input_type(description="Claims to put into a batch (lote de guias).")
class CreateBatchInput:
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of 1 to 100 submitted claims of the same type, provider and payer, in no active batch.",
        directives=lists.up_to(CLAIMS_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="Which claims to put into batches.")
class CreateBatchesInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    month: YearMonth = strawberry.field(description="Month of the service date.")
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The open batch to send.")
class SendBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of an open batch.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="A claim to remove from an open batch.")
class RemoveFromBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of an open batch.")
    claim_id: strawberry.ID = strawberry.field(description="Id of a claim in it, not of the last one.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The open batch to cancel.")
class CancelBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of an open batch.")
    reason: str | None = strawberry.field(
        default=None, description=f"Reason, up to {REASON_LENGTH_MAX} characters; it is stored."
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="A claim that the payer refuses at reception.")
class RefusedClaimInput:
    claim_id: strawberry.ID = strawberry.field(description="Id of a claim in the batch.")
    code: str = strawberry.field(description="Reason, a code of Tabela 38 (codigoGlosa).")


@input_type(description="The payer's reception of a batch (protocolo de recebimento).")
class ProtocolInput:
    number: str = strawberry.field(
        description=f"Number of the protocol (numeroProtocolo), up to {NUMBER_LENGTH_MAX} characters."
    )
    received_on: date = strawberry.field(name="date", description="Day of the reception, not in the future.")
    refused: list[RefusedClaimInput] = strawberry.field(
        name="refusedClaims",
        default_factory=list,
        description="Claims that the payer refuses; they leave the batch and are drafts again.",
        directives=lists.up_to(CLAIMS_MAX),
    )

    def to_domain(self) -> Protocol:
        """The protocol as a domain value."""
        refused = tuple(RefusedClaim(each.code, str(each.claim_id)) for each in self.refused)
        return Protocol(self.number, self.received_on, refused)


@input_type(one_of=True, description="What the payer says of a batch: as a protocol, or as a TISS document.")
class ProtocolContentInput:
    protocol: ProtocolInput | None = strawberry.field(default=strawberry.UNSET, description="The protocol.")
    xml: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The payer's TISS document (recebimentoLote); one that rejects the batch does so here too.",
    )
    document_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id of such a document that was uploaded by POST /documents."
    )


@input_type(description="The sent batch and the payer's answer.")
class RecordProtocolInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of a sent batch.")
    content: ProtocolContentInput = strawberry.field(description="What the payer says.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        protocol = inputs.member(self.content.protocol)
        return {
            "id": self.id,
            "protocol": None if protocol is None else protocol.to_domain(),
            "document": inputs.member(self.content.xml),
            "document_id": inputs.member(self.content.document_id),
            "version": self.version,
        }


@input_type(description="The sent batch that the payer rejects.")
class RejectBatchInput:
    id: strawberry.ID = strawberry.field(name="batchId", description="Id of a sent batch.")
    reason: str = strawberry.field(description=f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a mutation on one batch.")
class BatchPayload(MutationPayload):
    batch: Batch | None = strawberry.field(default=None, description="The batch after the mutation; null if refused.")


@object_type(description="Result of creating batches.")
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
    mutation(
        batch_answers.RECORD_PROTOCOL,
        RecordProtocolInput,
        BatchPayload,
        "Records that the payer has received a sent batch; claims that it refuses are drafts again.",
        directives=weights.BATCH,
    ),
    mutation(
        batch_answers.REJECT,
        RejectBatchInput,
        BatchPayload,
        "Records that the payer rejects a sent batch; its claims can be put into another one.",
    ),
)
