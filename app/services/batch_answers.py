"""What the payer says of a sent batch: it has received it, perhaps without some claims, or it rejects it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from app.db import batches as batches_db
from app.db import parties as parties_db
from app.db.batches import BatchRecord
from app.db.claims import ClaimRecord
from app.domain import protocols
from app.domain.actions import BatchOperation
from app.domain.batches import BatchAction
from app.domain.claims import ClaimAction
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found, raise_any
from app.domain.protocols import Protocol, ProtocolMessage, RefusedClaim
from app.domain.refusals import checked
from app.domain.remittances import RemittanceLineProblem
from app.domain.text import text_failure
from app.services import batch_steps, batches, claims, documents, held_lines
from app.services.batches import BATCH_ANSWER, REASON_LENGTH_MAX
from app.tiss import read_protocol
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

DOCUMENT_BYTES_MAX: Final = 2 * 1024 * 1024
"""A hundred guides with all their services fit."""
_TOO_LARGE: Final = Failure(
    ErrorCode.INVALID_INPUT, f"a reception has at most {DOCUMENT_BYTES_MAX:,} bytes: type the protocol", "documentId"
)


async def read_document(
    children: ChildProcesses,
    *,
    id: str,
    protocol: Protocol | None,
    document: str | None,
    version: int | None,
    document_id: str | None = None,
) -> dict[str, Any]:
    """The arguments of `record_protocol`, with what the TISS document says if it came with the call."""
    message = None if document is None else await children.run(read_protocol.read, document)
    return {"id": id, "protocol": protocol, "message": message, "version": version, "document_id": document_id}


async def record_protocol(
    unit: UnitOfWork,
    *,
    id: str,
    protocol: Protocol | None,
    message: ProtocolMessage | None,
    version: int | None,
    document_id: str | None = None,
) -> BatchRecord:
    """Record that the payer has received a sent batch. The claims that it refuses leave the batch and are drafts again.

    A document that rejects the batch, or refuses all its claims, rejects it.
    """
    failures: Iterable[Failure | None] = () if protocol is None else protocols.failures(protocol, unit.today)
    if document_id is not None:
        message = await _stored_message(unit, document_id)
    batch, claims_of = await checked(failures, batches.locked(unit, id, version))
    if message is not None:
        await _check_message(unit, batch, message)
        protocol = message.protocol
        code = message.rejection_code or _code_of_all(message, claims_of)
        if code is not None:
            return await _rejected(unit, batch, protocols.reason_of(code))
    assert protocol is not None, "given by the caller or by the document"  # noqa: S101
    raise_any(protocols.failures(protocol, unit.today))
    received = replace(
        batch_steps.after_action(unit, batch, BatchAction.RECEIVE),
        protocol_number=protocol.number,
        protocol_on=protocol.received_on,
    )
    chosen = _refused(protocol, claims_of)
    if claims_of and len(chosen) == len(claims_of):
        raise conflict("every claim is refused: reject the batch instead", f"{protocols.PATH}.refused")
    batch = await batch_steps.store(unit, batch, received, BatchAction.RECEIVE)
    for index, (refusal, claim) in enumerate(zip(protocol.refused, chosen, strict=True)):
        batch = await _refuse(unit, batch, refusal, claim, index)
    return await _finished(unit, batch, claims_of)


async def _stored_message(unit: UnitOfWork, document_id: str) -> ProtocolMessage:
    """What an uploaded document says."""
    return await documents.message_in(unit, document_id, read_protocol.read_bytes, DOCUMENT_BYTES_MAX, _TOO_LARGE)


async def _check_message(unit: UnitOfWork, batch: BatchRecord, message: ProtocolMessage) -> None:
    """Refuse a document that is about another batch, from another payer or for another provider."""
    if message.payer not in (None, batch.payer_ans):
        raise BillingError(_mismatch("the document is from another payer: choose a batch to that payer", "5027"))
    provider = await parties_db.provider(unit.connection, batch.provider_cnes)
    if provider is not None and message.tax_id not in (None, provider.tax_id):
        raise BillingError(_mismatch("the document is for another provider: choose a batch of that provider", "1206"))
    if message.batch_number is not None and message.batch_number.lstrip("0") != str(batch.number):
        text = f"the document is about another batch than {batch.number}: choose the batch with its numeroLote"
        raise BillingError(_mismatch(text, None))


def _mismatch(message: str, tiss_code: str | None) -> Failure:
    return Failure(ErrorCode.CONFLICT, message, "xml", tiss_code)


def _code_of_all(message: ProtocolMessage, claims_of: Sequence[ClaimRecord]) -> str | None:
    """The code with which a document refuses all claims; None if it leaves some."""
    refused = () if message.protocol is None else message.protocol.refused
    numbers = {each.provider_claim_number for each in refused}
    return refused[0].code if numbers >= {claim.provider_claim_number for claim in claims_of} else None


def _refused(protocol: Protocol, claims_of: Sequence[ClaimRecord]) -> list[ClaimRecord]:
    """The refused claims, in the order of the protocol; NOT_FOUND for one that is not in the batch."""
    by_id = {claim.id: claim for claim in claims_of}
    by_number = {claim.provider_claim_number: claim for claim in claims_of}
    found = [
        by_number.get(each.provider_claim_number or "") if each.claim_id is None else by_id.get(each.claim_id)
        for each in protocol.refused
    ]
    raise_any(
        _missing(refusal, index)
        for index, (refusal, claim) in enumerate(zip(protocol.refused, found, strict=True))
        if claim is None
    )
    return [claim for claim in found if claim is not None]


def _missing(refusal: RefusedClaim, index: int) -> Failure:
    if refusal.claim_id is not None:
        return not_found("claim", _path(refusal, index)).failures[0]
    message = f"guide {refusal.provider_claim_number} is not in this batch: choose the batch that it was sent in"
    return Failure(ErrorCode.NOT_FOUND, message, "xml")


def _path(refusal: RefusedClaim, index: int) -> str:
    return "xml" if refusal.claim_id is None else f"{protocols.PATH}.refused.{index}.claimId"


async def _refuse(
    unit: UnitOfWork, batch: BatchRecord, refusal: RefusedClaim, claim: ClaimRecord, index: int
) -> BatchRecord:
    reason = protocols.reason_of(refusal.code)
    try:
        draft = claims.as_draft(claim, ClaimAction.RETURN)
    except BillingError as error:
        raise BillingError(*(replace(each, field=_path(refusal, index)) for each in error.failures)) from None
    await claims.store(unit, claim, draft, ClaimAction.RETURN, "ClaimReturned", reason=reason)
    await held_lines.give_back(unit, claim.id, RemittanceLineProblem.NOT_PAYABLE, held_lines.NOT_SENT)
    await batches_db.refuse(unit.connection, batch.id, claim.id, refusal.code)
    left = replace(
        batch_steps.after_action(unit, batch, BatchAction.REFUSE_CLAIM),
        guide_count=batch.guide_count - 1,
        total_cents=batch.total_cents - claim.claimed_cents,
    )
    return await batch_steps.store(unit, batch, left, BatchAction.REFUSE_CLAIM, claim_id=claim.id, reason=reason)


async def _finished(unit: UnitOfWork, batch: BatchRecord, claims_of: Sequence[ClaimRecord]) -> BatchRecord:
    """The batch, processed if the claims that are left were decided before the protocol came."""
    await batch_steps.finish(unit, [claim.id for claim in claims_of])
    (found,) = await batches_db.by_ids(unit.connection, unit.scope, [batch.id])
    return found


async def record_rejection(unit: UnitOfWork, *, id: str, reason: str, version: int | None) -> BatchRecord:
    """Record that the payer rejects a sent batch; its claims can be put into another one."""
    batch, _ = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], batches.locked(unit, id, version))
    return await _rejected(unit, batch, reason)


async def _rejected(unit: UnitOfWork, batch: BatchRecord, reason: str) -> BatchRecord:
    rejected = replace(batch_steps.after_action(unit, batch, BatchAction.REJECT), reason=reason)
    await batches_db.release(unit.connection, batch.id)
    return await batch_steps.store(unit, batch, rejected, BatchAction.REJECT, reason=reason)


RECORD_PROTOCOL: Final = Action(
    "recordProtocol",
    record_protocol,
    needs="batches:export",
    answer=BATCH_ANSWER,
    offers=BatchOperation.RECORD_PROTOCOL,
    prepare=read_document,
)
REJECT: Final = Action(
    "rejectBatch", record_rejection, needs="batches:export", answer=BATCH_ANSWER, offers=BatchOperation.REJECT
)
