"""The actions on batches of appeals (lotes de recurso de glosa): create, send, cancel, reject."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import appeal_batches as appeal_batches_db
from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db import denials as denials_db
from app.db.appeal_batches import AppealBatchRecord, AppealMemberRecord, UnsentFilter
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.domain import ids, protocols
from app.domain.actions import AppealBatchOperation
from app.domain.appeal_batches import (
    BATCHES_MAX,
    CLAIMS_MAX,
    DENIALS_MAX,
    AppealBatchAction,
    AppealBatchStatus,
    code_block,
    membership_block,
    next_status,
    sending_block,
)
from app.domain.claims import ClaimType
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
from app.domain.refusals import checked
from app.domain.schema_codes import codes_of
from app.domain.text import text_failure
from app.services import appeal_documents, parties
from app.services.appeal_batch_steps import after_action, record, store
from app.services.batch_documents import WRITING_SECONDS_MAX
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

REASON_LENGTH_MAX: Final = 500
CHOSEN_MAX: Final = 100
"""How many denials one call names at most."""


@frozen
class Created:
    """The new batches, and whether further appeals could be put into batches by the same call."""

    batches: list[AppealBatchRecord]
    has_more: bool


async def create_many(
    unit: UnitOfWork, *, provider: str, payer: str, denial_ids: Sequence[str] | None, protocol: str | None
) -> Created:
    """Put appeals that wait for an answer into batches, one for each protocol of the claims, form and instance, at
    most ten.

    Without `denial_ids`, those that are in no batch, whose protocol is known, and whose code the document can have, the
    oldest first. `protocol` is that of claims whose own is not known.
    """
    shape = [] if protocol is None else [protocols.contested_failure(protocol, "contestedProtocol")]
    await checked(shape, parties.check(unit.connection, unit.scope, provider=provider, payer=payer))
    contract = await contracts_db.between(unit.connection, provider, payer)
    version = (contract.tiss_version if contract else NEWEST_VERSION).number
    seen = await _seen(unit, denial_ids, _unsent(provider, payer, protocol, version))
    claims = await _lock_claims(unit, provider, payer, seen)
    wanted = denial_ids or [denial.id for denial in seen]
    found = await _sendable(unit, wanted, claims, version, is_named=denial_ids is not None)
    known = await appeal_batches_db.protocols_of(unit.connection, sorted({denial.claim_id for denial in found}))
    if denial_ids is not None:
        raise_any(_unknown_protocols(found, known, protocol))
    groups: dict[tuple[str, bool, int], list[DenialRecord]] = {}
    for denial in found[:DENIALS_MAX]:
        if (number := known.get(denial.claim_id, protocol)) is not None:
            is_dental = claims[denial.claim_id].type is ClaimType.DENTAL_TREATMENT
            groups.setdefault((number, is_dental, denial.appeal_instance), []).append(denial)
    parts = [
        (number, part)
        for (number, is_dental, _), group in groups.items()
        for part in _parts(group, is_dental=is_dental)
    ]
    created = [await _insert(unit, provider, payer, version, number, part) for number, part in parts[:BATCHES_MAX]]
    return Created(created, has_more=len(seen) > DENIALS_MAX or len(parts) > BATCHES_MAX)


def _unsent(provider: str, payer: str, protocol: str | None, version: str) -> UnsentFilter:
    codes = tuple(sorted(codes_of("dm_tipoGlosa", version)))
    return UnsentFilter(provider, payer, has_protocol=protocol is None, codes=codes)


async def _seen(unit: UnitOfWork, denial_ids: Sequence[str] | None, where: UnsentFilter) -> list[DenialRecord]:
    """The named denials; without names the first ones, one more than a call sends if there are so many."""
    connection, scope = unit.connection, unit.scope
    if denial_ids is None:
        return await appeal_batches_db.unsent(connection, scope, where, DENIALS_MAX + 1)
    if not 1 <= len(denial_ids) <= CHOSEN_MAX or len(set(denial_ids)) < len(denial_ids):
        raise refuse(ErrorCode.INVALID_INPUT, f"send 1 to {CHOSEN_MAX} denials, each only once", "denialIds")
    return await denials_db.by_ids(connection, scope, denial_ids)


async def _lock_claims(
    unit: UnitOfWork, provider: str, payer: str, seen: Sequence[DenialRecord]
) -> dict[str, ClaimRecord]:
    """The claims of these denials by id, locked; those of other parties are left out."""
    ids = sorted({denial.claim_id for denial in seen})
    locked = await claims_db.lock_many(unit.connection, unit.scope, ids)
    return {claim.id: claim for claim in locked if (claim.provider_cnes, claim.payer_ans) == (provider, payer)}


async def _sendable(
    unit: UnitOfWork, ids: Sequence[str], claims: Mapping[str, ClaimRecord], version: str, *, is_named: bool
) -> list[DenialRecord]:
    """Those of the denials that can be put into a batch now; raises at `denialIds.N` for a named one that cannot."""
    connection, scope = unit.connection, unit.scope
    # Read again: others may have answered or sent some of them before their claims were locked.
    found = {each.id: each for each in await denials_db.by_ids(connection, scope, ids) if each.claim_id in claims}
    members = await appeal_batches_db.of_denials(connection, scope, ids)
    blocks = [_block(found.get(each), members.get(each), version) for each in ids]
    if is_named:
        raise_any(replace(block, field=f"denialIds.{place}") for place, block in enumerate(blocks) if block is not None)
    return [found[each] for each, block in zip(ids, blocks, strict=True) if block is None]


def _block(denial: DenialRecord | None, batch: AppealBatchRecord | None, version: str) -> Failure | None:
    """Why a denial cannot be put into a batch; None if it can."""
    if denial is None:
        return not_found("denial").failures[0]
    if batch is not None:
        return membership_block(batch.number, batch.status)
    return sending_block(denial.status) or code_block(denial.code, version)


def _unknown_protocols(
    found: Sequence[DenialRecord], known: Mapping[str, str], protocol: str | None
) -> Iterator[Failure]:
    for index, denial in enumerate(found):
        number = known.get(denial.claim_id, protocol)
        if number is None:
            text = "the protocol of its claim is not known: give contestedProtocol"
            yield Failure(ErrorCode.CONFLICT, text, f"denialIds.{index}")


def _parts(found: Sequence[DenialRecord], *, is_dental: bool) -> Iterator[list[DenialRecord]]:
    """The denials in parts of as many guides as a document may have; those of a guide stay together."""
    guides = list(appeal_documents.by_guide(found, is_dental=is_dental).values())
    for start in range(0, len(guides), CLAIMS_MAX):
        yield [denial for guide in guides[start : start + CLAIMS_MAX] for denial in guide]


async def _insert(
    unit: UnitOfWork, provider: str, payer: str, version: str, protocol: str, chosen: Sequence[DenialRecord]
) -> AppealBatchRecord:
    batch = AppealBatchRecord(
        id=ids.new_id(ids.APPEAL_BATCH),
        number=await appeal_batches_db.next_number(unit.connection, provider, payer),
        provider_cnes=provider,
        payer_ans=payer,
        contested_protocol=protocol,
        tiss_version=version,
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
        appeal_instance=chosen[0].appeal_instance,
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
    batch, _ = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id, version))
    return await end_locked(unit, batch, action, reason)


async def end_locked(
    unit: UnitOfWork, batch: AppealBatchRecord, action: AppealBatchAction, reason: str | None
) -> AppealBatchRecord:
    """Cancel or reject a batch that the caller has locked; its appeals can be put into another one."""
    ended = replace(after_action(unit, batch, action), reason=reason)
    await appeal_batches_db.release(unit.connection, batch.id)
    return await store(unit, batch, ended, action, reason=reason)


STORED_APPEAL_BATCH: Final = StoredRecord(
    AppealBatchRecord,
    appeal_batches_db.by_ids,
    *("status", "denial_count", "total_cents", "protocol_number", "protocol_on", "version", "sent_at", "changed_at"),
    texts=("reason",),
)
APPEAL_BATCH_ANSWER: Final[StoredAnswer[AppealBatchRecord]] = answer_of_one(STORED_APPEAL_BATCH)


def _facts(created: Created) -> Any:
    """The batches, as earlier releases stored them, and `True` at the end if there are more."""
    return [*(STORED_APPEAL_BATCH.facts(each) for each in created.batches), *([True] if created.has_more else [])]


async def _rebuild(unit: UnitOfWork, facts: Any) -> Created:
    stored = [each for each in facts if each is not True]
    return Created(await STORED_APPEAL_BATCH.read(unit, stored), has_more=len(stored) < len(facts))


CREATE_MANY: Final = Action(
    "createAppealBatches", create_many, needs="denials:appeal", answer=StoredAnswer(_facts, _rebuild)
)
SEND: Final = Action(
    "sendAppealBatch",
    send,
    needs="denials:appeal",
    answer=APPEAL_BATCH_ANSWER,
    offers=AppealBatchOperation.SEND,
    seconds=WRITING_SECONDS_MAX,
)
CANCEL: Final = Action(
    "cancelAppealBatch",
    cancel,
    needs="denials:appeal",
    answer=APPEAL_BATCH_ANSWER,
    offers=AppealBatchOperation.CANCEL,
)
REJECT: Final = Action(
    "rejectAppealBatch",
    record_rejection,
    needs="denials:appeal",
    answer=APPEAL_BATCH_ANSWER,
    offers=AppealBatchOperation.REJECT,
)
