"""The actions on batches of appeals (lotes de recurso de glosa): create, send, and what the payer says at reception."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import appeal_batches as appeal_batches_db
from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db import denials as denials_db
from app.db.appeal_batches import AppealBatchRecord, AppealMemberRecord
from app.db.denials import DenialRecord
from app.domain import ids, protocols
from app.domain.appeal_batches import (
    BATCHES_MAX,
    CLAIMS_MAX,
    DENIALS_MAX,
    AppealBatchAction,
    AppealBatchStatus,
    membership_block,
    next_status,
    sending_block,
)
from app.domain.contracts import NEWEST_VERSION
from app.domain.errors import (
    BillingError,
    ErrorCode,
    Failure,
    check_version,
    conflict,
    in_conflict,
    not_found,
    raise_any,
    refuse,
)
from app.domain.protocols import Protocol
from app.domain.text import text_failure
from app.services import appeal_documents, parties
from app.services.appeal_batch_steps import after_action, record, store
from app.services.batch_documents import WRITING_SECONDS_MAX
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork

REASON_LENGTH_MAX: Final = 500
CHOSEN_MAX: Final = 100
"""How many denials one call names at most."""


async def create_many(
    unit: UnitOfWork, *, provider: str, payer: str, denial_ids: Sequence[str] | None, protocol: str | None
) -> list[AppealBatchRecord]:
    """Put appeals that wait for an answer into batches, one for each protocol of the claims, at most ten.

    Without `denial_ids`, all that are in no batch and whose protocol is known; call it again for more. `protocol` is
    that of chosen claims whose own is not known.
    """
    raise_any([] if protocol is None else [protocols.contested_failure(protocol, "contestedProtocol")])
    await parties.check(unit.connection, unit.scope, provider=provider, payer=payer)
    found = await _found(unit, provider, payer, denial_ids)
    known = await appeal_batches_db.protocols_of(unit.connection, sorted({denial.claim_id for denial in found}))
    if denial_ids is not None:
        raise_any(_unknown_protocols(found, known, protocol))
    by_protocol: dict[str, list[DenialRecord]] = {}
    for denial in found:
        if (number := known.get(denial.claim_id, protocol)) is not None:
            by_protocol.setdefault(number, []).append(denial)
    parts = [(number, part) for number, group in by_protocol.items() for part in _parts(group)]
    return [await _insert(unit, provider, payer, number, part) for number, part in parts[:BATCHES_MAX]]


async def _found(unit: UnitOfWork, provider: str, payer: str, denial_ids: Sequence[str] | None) -> list[DenialRecord]:
    """The denials to send, their claims locked; raises at `denialIds.N` for one that cannot be sent."""
    connection, scope = unit.connection, unit.scope
    if denial_ids is None:
        seen = await appeal_batches_db.unsent(connection, scope, provider, payer, DENIALS_MAX)
    else:
        if not 1 <= len(denial_ids) <= CHOSEN_MAX or len(set(denial_ids)) < len(denial_ids):
            raise refuse(ErrorCode.INVALID_INPUT, f"send 1 to {CHOSEN_MAX} denials, each only once", "denialIds")
        seen = await denials_db.by_ids(connection, scope, denial_ids)
    claims = await claims_db.lock_many(connection, scope, sorted({denial.claim_id for denial in seen}))
    own = {claim.id for claim in claims if (claim.provider_cnes, claim.payer_ans) == (provider, payer)}
    chosen = [denial.id for denial in seen] if denial_ids is None else list(denial_ids)
    # Read again: others may have answered or sent some of them before their claims were locked.
    found = {each.id: each for each in await denials_db.by_ids(connection, scope, chosen) if each.claim_id in own}
    members = await appeal_batches_db.of_denials(connection, scope, chosen)
    blocks = {each: _block(found.get(each), members.get(each)) for each in chosen}
    if denial_ids is not None:
        raise_any(
            replace(block, field=f"denialIds.{index}")
            for index, each in enumerate(chosen)
            if (block := blocks[each]) is not None
        )
    return [found[each] for each in chosen if blocks[each] is None]


def _block(denial: DenialRecord | None, batch: AppealBatchRecord | None) -> Failure | None:
    """Why a denial cannot be put into a batch; None if it can."""
    if denial is None:
        return not_found("denial").failures[0]
    if batch is not None:
        return membership_block(batch.number, batch.status)
    return sending_block(denial.status)


def _unknown_protocols(
    found: Sequence[DenialRecord], known: Mapping[str, str], protocol: str | None
) -> Iterator[Failure]:
    for index, denial in enumerate(found):
        number = known.get(denial.claim_id, protocol)
        if number is None:
            text = "the protocol of its claim is not known: give contestedProtocol"
            yield Failure(ErrorCode.CONFLICT, text, f"denialIds.{index}")


def _parts(found: Sequence[DenialRecord]) -> Iterator[list[DenialRecord]]:
    """The denials in parts of as many claims as a document may have; those of a claim stay together."""
    by_claim: dict[str, list[DenialRecord]] = {}
    for denial in found:
        by_claim.setdefault(denial.claim_id, []).append(denial)
    groups = list(by_claim.values())
    for start in range(0, len(groups), CLAIMS_MAX):
        yield [denial for group in groups[start : start + CLAIMS_MAX] for denial in group]


async def _insert(
    unit: UnitOfWork, provider: str, payer: str, protocol: str, chosen: Sequence[DenialRecord]
) -> AppealBatchRecord:
    contract = await contracts_db.between(unit.connection, provider, payer)
    batch = AppealBatchRecord(
        id=ids.new_id(ids.APPEAL_BATCH),
        number=await appeal_batches_db.next_number(unit.connection, provider, payer),
        provider_cnes=provider,
        payer_ans=payer,
        contested_protocol=protocol,
        tiss_version=(contract.tiss_version if contract else NEWEST_VERSION).number,
        status=AppealBatchStatus.OPEN,
        denial_count=len(chosen),
        total_cents=sum(denial.appealed_cents or 0 for denial in chosen),
        protocol_number=None,
        protocol_on=None,
        reason=None,
        version=1,
        created_by=unit.subject,
        created_at=unit.now,
        sent_at=None,
        changed_at=unit.now,
    )
    members = [
        AppealMemberRecord(batch.id, denial.id, sequence, active_denial_id=denial.id, answered_cents=None)
        for sequence, denial in enumerate(chosen, start=1)
    ]
    try:
        await appeal_batches_db.insert(unit.connection, batch, members)
    except IntegrityError:
        raise conflict("one of the appeals was put into another batch concurrently: try again", "denialIds") from None
    record(unit, None, batch, AppealBatchAction.CREATE)
    return batch


async def locked(unit: UnitOfWork, batch_id: str, version: int | None) -> tuple[AppealBatchRecord, list[DenialRecord]]:
    """The batch and its denials that are not answered, in the order of the document; their claims are locked before it.

    NOT_FOUND outside the data scope, STALE_VERSION if the batch has changed since.
    """
    connection, scope = unit.connection, unit.scope
    # The denials of a batch never change: those of a batch outside the scope are not read.
    if not await appeal_batches_db.by_ids(connection, scope, [batch_id]):
        raise not_found("batch")
    members = await appeal_batches_db.members_of(connection, [batch_id])
    seen = await denials_db.by_ids(connection, scope, [each.denial_id for each in members])
    await claims_db.lock_many(connection, scope, sorted({denial.claim_id for denial in seen}))
    batch = await appeal_batches_db.lock(connection, scope, batch_id)
    assert batch is not None, "batches are never deleted"  # noqa: S101
    check_version("batch", batch.version, version)
    active = [
        each.denial_id for each in await appeal_batches_db.members_of(connection, [batch_id]) if each.active_denial_id
    ]
    found = {denial.id: denial for denial in await denials_db.by_ids(connection, scope, active)}
    return batch, [found[each] for each in active if each in found]


async def send(unit: UnitOfWork, *, id: str, version: int | None) -> AppealBatchRecord:
    """Write the document of an open batch; from then on it never changes. Appeals answered meanwhile are left out."""
    batch, appeals = await locked(unit, id, version)
    next_status(batch.status, AppealBatchAction.SEND)
    if not appeals:
        raise BillingError(in_conflict("all its appeals were answered meanwhile: cancel it"))
    total = sum(denial.appealed_cents or 0 for denial in appeals)
    sent = replace(
        after_action(unit, batch, AppealBatchAction.SEND),
        denial_count=len(appeals),
        total_cents=total,
        sent_at=unit.now,
    )
    await appeal_documents.write(unit, sent, appeals)
    return await store(unit, batch, sent, AppealBatchAction.SEND)


async def cancel(unit: UnitOfWork, *, id: str, reason: str | None, version: int | None) -> AppealBatchRecord:
    """Cancel an open batch; its appeals can be put into another one, or withdrawn."""
    return await _end(unit, id, AppealBatchAction.CANCEL, reason, version)


async def record_rejection(unit: UnitOfWork, *, id: str, reason: str, version: int | None) -> AppealBatchRecord:
    """Record that the payer rejects a sent batch; its appeals can be put into another one."""
    return await _end(unit, id, AppealBatchAction.REJECT, reason, version)


async def _end(
    unit: UnitOfWork, id: str, action: AppealBatchAction, reason: str | None, version: int | None
) -> AppealBatchRecord:
    raise_any([text_failure(reason, "reason", REASON_LENGTH_MAX)])
    batch, _ = await locked(unit, id, version)
    ended = replace(after_action(unit, batch, action), reason=reason)
    await appeal_batches_db.release(unit.connection, id)
    return await store(unit, batch, ended, action, reason=reason)


async def record_protocol(
    unit: UnitOfWork, *, id: str, number: str, received_on: date, version: int | None
) -> AppealBatchRecord:
    """Record the number under which the payer has received a sent batch (nrProtocoloRecursoGlosa)."""
    raise_any(protocols.failures(Protocol(number, received_on), unit.today))
    batch, _ = await locked(unit, id, version)
    received = replace(
        after_action(unit, batch, AppealBatchAction.RECEIVE), protocol_number=number, protocol_on=received_on
    )
    return await store(unit, batch, received, AppealBatchAction.RECEIVE)


STORED_APPEAL_BATCH: Final = StoredRecord(
    AppealBatchRecord,
    appeal_batches_db.by_ids,
    *("status", "denial_count", "total_cents", "protocol_number", "protocol_on", "version", "sent_at", "changed_at"),
    texts=("reason",),
)
APPEAL_BATCH_ANSWER: Final[StoredAnswer[AppealBatchRecord]] = answer_of_one(STORED_APPEAL_BATCH)


async def _rebuild_many(unit: UnitOfWork, facts: Any) -> list[AppealBatchRecord]:
    return await STORED_APPEAL_BATCH.read(unit, facts)


CREATE_MANY: Final = Action(
    "createAppealBatches",
    create_many,
    needs="denials:appeal",
    answer=StoredAnswer(lambda created: [STORED_APPEAL_BATCH.facts(each) for each in created], _rebuild_many),
)
SEND: Final = Action(
    "sendAppealBatch", send, needs="denials:appeal", answer=APPEAL_BATCH_ANSWER, seconds=WRITING_SECONDS_MAX
)
CANCEL: Final = Action("cancelAppealBatch", cancel, needs="denials:appeal", answer=APPEAL_BATCH_ANSWER)
REJECT: Final = Action("rejectAppealBatch", record_rejection, needs="denials:appeal", answer=APPEAL_BATCH_ANSWER)
RECORD_PROTOCOL: Final = Action(
    "recordAppealProtocol", record_protocol, needs="denials:appeal", answer=APPEAL_BATCH_ANSWER
)
