"""What the payer says when it gets a batch of appeals: it has received it, perhaps without the appeals of some claims,
or it refuses it; typed, or as its TISS document."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from app.db import appeal_batches as appeal_batches_db
from app.db import claims as claims_db
from app.db.appeal_batches import AppealBatchRecord
from app.db.denials import DenialRecord
from app.domain import protocols
from app.domain.actions import AppealBatchOperation
from app.domain.appeal_answers import AppealReception, RefusedAppeals
from app.domain.appeal_batches import WAITING, AppealBatchAction
from app.domain.errors import ErrorCode, Failure, not_found, raise_any, refuse
from app.domain.protocols import Protocol
from app.domain.refusals import checked
from app.services import appeal_batches
from app.services.appeal_batch_steps import after_action, store
from app.services.appeal_batches import APPEAL_BATCH_ANSWER
from app.tiss import read_appeal_reception
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

XML: Final = "xml"
_ONE: Final = Failure(ErrorCode.INVALID_INPUT, "give protocolNumber and date, or xml", "protocolNumber")


async def read_document(
    children: ChildProcesses,
    *,
    id: str,
    number: str | None = None,
    received_on: date | None = None,
    document: str | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """The arguments of `record_reception`, with what the TISS document says."""
    raise_any([choice_failure(number, received_on, document)])
    if document is not None:
        return {"id": id, "reception": await children.run(read_appeal_reception.read, document), "version": version}
    assert number is not None, "or it is refused above"  # noqa: S101
    assert received_on is not None, "or it is refused above"  # noqa: S101
    return {"id": id, "reception": AppealReception(None, None, Protocol(number, received_on)), "version": version}


def choice_failure(number: object, received_on: object, document: object) -> Failure | None:
    """Why this is neither a protocol nor a document; whether the values themselves are right is checked elsewhere."""
    has_protocol = [number is not None, received_on is not None]
    is_one = all(has_protocol) if document is None else not any(has_protocol)
    return None if is_one else _ONE


async def record_reception(
    unit: UnitOfWork, *, id: str, reception: AppealReception, version: int | None
) -> AppealBatchRecord:
    """Record that the payer has received a sent batch (nrProtocoloRecursoGlosa), or refuses it.

    Appeals of claims that the payer refuses leave the batch and wait for another one. A document that refuses the
    batch, or all its claims, rejects it.
    """
    protocol = reception.protocol
    # A document that refuses appeals may refuse all of them, and then its protocol is not recorded.
    said = () if protocol is None or reception.refused else protocols.failures(protocol, unit.today, "")
    batch, appeals = await checked(said, appeal_batches.locked(unit, id, version))
    _check(batch, reception)
    refused = await _refused(unit, reception.refused, appeals)
    code = reception.rejection_code
    if refused and len(refused) == len(appeals):
        code = reception.refused[0].code
    if code is not None:
        return await appeal_batches.end_locked(unit, batch, AppealBatchAction.REJECT, protocols.reason_of(code))
    assert protocol is not None, "unless it is refused"  # noqa: S101
    raise_any(protocols.failures(protocol, unit.today, ""))
    received = replace(
        after_action(unit, batch, AppealBatchAction.RECEIVE),
        protocol_number=protocol.number,
        protocol_on=protocol.received_on,
    )
    batch = await store(unit, batch, received, AppealBatchAction.RECEIVE)
    for each in reception.refused:
        batch = await _refuse(unit, batch, each, refused)
    return batch


def _check(batch: AppealBatchRecord, reception: AppealReception) -> None:
    """Refuse a document that is about another batch or from another payer."""
    if reception.payer not in (None, batch.payer_ans):
        raise refuse(
            ErrorCode.CONFLICT, "the document is from another payer: choose a batch to that payer", XML, "5027"
        )
    if reception.batch_number is not None and reception.batch_number.lstrip("0") != str(batch.number):
        text = f"the document is about another batch than {batch.number}: choose the batch with its numeroLote"
        raise refuse(ErrorCode.CONFLICT, text, XML)


async def _refused(
    unit: UnitOfWork, refused: Sequence[RefusedAppeals], appeals: Sequence[DenialRecord]
) -> dict[str, str]:
    """Denial id -> number of its refused claim; NOT_FOUND for a claim of which the batch has no appeal."""
    if not refused:
        return {}
    claims = await claims_db.by_ids(unit.connection, unit.scope, sorted({each.claim_id for each in appeals}))
    number_of = {claim.id: claim.provider_claim_number for claim in claims}
    numbers = {each.provider_claim_number for each in refused}
    raise_any(not_found("claim", XML).failures[0] for each in sorted(numbers) if each not in number_of.values())
    return {each.id: number_of[each.claim_id] for each in appeals if number_of[each.claim_id] in numbers}


async def _refuse(
    unit: UnitOfWork, batch: AppealBatchRecord, refused: RefusedAppeals, numbers: dict[str, str]
) -> AppealBatchRecord:
    chosen = sorted(denial for denial, number in numbers.items() if number == refused.provider_claim_number)
    await appeal_batches_db.release_refused(unit.connection, batch.id, chosen)
    reason = f"{refused.provider_claim_number}: {protocols.reason_of(refused.code)}"[:500]
    left = after_action(unit, batch, AppealBatchAction.REFUSE_APPEALS)
    batch = await store(unit, batch, left, AppealBatchAction.REFUSE_APPEALS, reason=reason)
    if batch.status in WAITING and not await appeal_batches_db.is_waiting(unit.connection, batch.id):
        # The others were answered before the reception was recorded.
        done = after_action(unit, batch, AppealBatchAction.ANSWER)
        batch = await store(unit, batch, done, AppealBatchAction.ANSWER)
    return batch


RECORD_PROTOCOL: Final = Action(
    "recordAppealProtocol",
    record_reception,
    needs="denials:appeal",
    answer=APPEAL_BATCH_ANSWER,
    offers=AppealBatchOperation.RECORD_PROTOCOL,
    prepare=read_document,
)
