"""The actions on batches (lotes de guias) before the payer has them: create, remove a claim, send, cancel."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import batches as batches_db
from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db.batches import BatchRecord, MemberRecord
from app.db.claims import ClaimRecord
from app.domain import ids
from app.domain.actions import BatchOperation
from app.domain.batches import (
    CLAIMS_MAX,
    BatchAction,
    BatchStatus,
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
)
from app.domain.refusals import checked
from app.domain.text import text_failure
from app.services import batch_documents, claims, parties
from app.services.batch_documents import WRITING_SECONDS_MAX, BatchDocument
from app.services.batch_steps import after_action, record, store
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork

BATCHES_MAX: Final = 10
"""How many batches one call creates at most: a thousand claims."""
REASON_LENGTH_MAX: Final = 500


async def create(unit: UnitOfWork, *, claim_ids: Sequence[str]) -> BatchRecord:
    """Put claims into a new batch, in the given order. They must be submitted, of one type, one provider and one payer,
    and in no active batch."""
    chosen = await chosen_claims(unit, claim_ids)
    members = await batches_db.of_claims(unit.connection, unit.scope, claim_ids)
    raise_any(_failure(claim, chosen[0], members, f"claimIds.{index}") for index, claim in enumerate(chosen))
    version = await _version_of(unit, chosen[0].provider_cnes, chosen[0].payer_ans)
    return await insert(unit, chosen, version)


async def chosen_claims(unit: UnitOfWork, claim_ids: Sequence[str]) -> list[ClaimRecord]:
    """The claims in this order, locked; raises if one is missing, or if they are of several types."""
    claims.check_batch(claim_ids)
    found = {claim.id: claim for claim in await claims_db.lock_many(unit.connection, unit.scope, claim_ids)}
    raise_any(
        not_found("claim", f"claimIds.{index}").failures[0]
        for index, claim_id in enumerate(claim_ids)
        if claim_id not in found
    )
    chosen = [found[claim_id] for claim_id in claim_ids]
    claims.check_one_type(chosen)
    return chosen


def _failure(claim: ClaimRecord, first: ClaimRecord, members: dict[str, BatchRecord], field: str) -> Failure | None:
    """Why the claim cannot be put into a batch with the first one; None if it can."""
    block = sending_block(claim.status)
    if block is not None:
        return replace(block, field=field)
    if (claim.provider_cnes, claim.payer_ans) != (first.provider_cnes, first.payer_ans):
        return Failure(ErrorCode.CONFLICT, "choose claims of one provider and one payer", field)
    batch = members.get(claim.id)
    return None if batch is None else replace(membership_block(batch.number, batch.status), field=field)


async def _version_of(unit: UnitOfWork, provider: str, payer: str) -> str:
    """The version of TISS that the contract names."""
    contract = await contracts_db.between(unit.connection, provider, payer)
    return (contract.tiss_version if contract else NEWEST_VERSION).number


async def insert(unit: UnitOfWork, chosen: Sequence[ClaimRecord], version: str) -> BatchRecord:
    """A new batch with these claims, which the caller has locked and checked, in this version of TISS."""
    first = chosen[0]
    number = await batches_db.next_number(unit.connection, first.provider_cnes, first.payer_ans)
    batch = _new_record(unit, chosen, number, version)
    members = [
        MemberRecord(batch.id, claim.id, sequence, active_claim_id=claim.id, refusal_code=None)
        for sequence, claim in enumerate(chosen, start=1)
    ]
    try:
        await batches_db.insert(unit.connection, batch, members)
    except IntegrityError:
        raise conflict("one of the claims was put into another batch concurrently: try again", "claimIds") from None
    record(unit, None, batch, BatchAction.CREATE)
    return batch


def _new_record(unit: UnitOfWork, chosen: Sequence[ClaimRecord], number: int, version: str) -> BatchRecord:
    first = chosen[0]
    return BatchRecord(
        id=ids.new_id(ids.BATCH),
        number=number,
        provider_cnes=first.provider_cnes,
        payer_ans=first.payer_ans,
        type=first.type,
        tiss_version=version,
        status=BatchStatus.OPEN,
        guide_count=len(chosen),
        total_cents=sum(claim.claimed_cents for claim in chosen),
        protocol_number=None,
        protocol_on=None,
        reason=None,
        version=1,
        created_by=unit.subject,
        created_at=unit.now,
        sent_at=None,
        changed_at=unit.now,
    )


async def create_many(unit: UnitOfWork, *, provider: str, payer: str, month: str) -> list[BatchRecord]:
    """Put the submitted claims of the month's services that are in no batch into batches of one type and up to a
    hundred claims; at most ten batches. Call it again for more."""
    await parties.check(unit.connection, unit.scope, provider=provider, payer=payer)
    first = date(int(month[:4]), int(month[4:]), 1)
    days = (first, first.replace(day=monthrange(first.year, first.month)[1]))
    connection, scope = unit.connection, unit.scope
    found = await batches_db.unsent_claims(connection, scope, provider, payer, days, BATCHES_MAX * CLAIMS_MAX)
    place = {claim.id: number for number, claim in enumerate(found)}
    locked = await claims_db.lock_many(connection, scope, list(place))
    members = await batches_db.of_claims(connection, scope, list(place))
    # Others may have cancelled or sent some of them before they were locked.
    left = [claim for claim in locked if sending_block(claim.status) is None and claim.id not in members]
    left.sort(key=lambda claim: place[claim.id])
    parts = [
        group[start : start + CLAIMS_MAX]
        for _, members_of_type in groupby(left, key=lambda claim: claim.type)
        for group in [list(members_of_type)]
        for start in range(0, len(group), CLAIMS_MAX)
    ]
    version = await _version_of(unit, provider, payer) if parts else ""
    return [await insert(unit, part, version) for part in parts[:BATCHES_MAX]]


async def locked(unit: UnitOfWork, batch_id: str, version: int | None) -> tuple[BatchRecord, list[ClaimRecord]]:
    """The batch and the claims that it has, both locked, claims first; the claims are in the order of the document.

    NOT_FOUND outside the data scope, STALE_VERSION if the batch has changed since.
    """
    seen = await batches_db.by_ids(unit.connection, unit.scope, [batch_id])
    if not seen:
        raise not_found("batch")
    locking = await _members(unit, batch_id)
    by_id = {claim.id: claim for claim in await claims_db.lock_many(unit.connection, unit.scope, locking)}
    batch = await batches_db.lock(unit.connection, unit.scope, batch_id)
    assert batch is not None, "batches are never deleted"  # noqa: S101
    check_version("batch", batch.version, version)
    # Claims leave a batch and never join it: all that it has now are locked.
    members = locking if batch.version == seen[0].version else await _members(unit, batch_id)
    return batch, [by_id[each] for each in members]


async def _members(unit: UnitOfWork, batch_id: str) -> list[str]:
    """The ids of the claims that the batch has, in the order of the document."""
    found = await batches_db.members_of(unit.connection, [batch_id])
    return [each.claim_id for each in found if each.refusal_code is None]


async def send(unit: UnitOfWork, *, id: str, version: int | None) -> BatchRecord:
    """Write the document of an open batch; from then on it never changes."""
    batch, claims_of = await locked(unit, id, version)
    next_status(batch.status, BatchAction.SEND)
    try:
        sent, _ = await send_locked(unit, batch, claims_of)
    except BillingError as error:
        raise BillingError(*(_of_guide(failure, claims_of) for failure in error.failures)) from None
    return sent


async def send_locked(
    unit: UnitOfWork, batch: BatchRecord, claims_of: Sequence[ClaimRecord]
) -> tuple[BatchRecord, BatchDocument]:
    """Send a batch that the caller has locked; failures are at `claimIds.N`."""
    raise_any(
        replace(block, field=f"claimIds.{index}")
        for index, claim in enumerate(claims_of)
        if (block := sending_block(claim.status)) is not None
    )
    document = await batch_documents.write(unit, batch, claims_of)
    sent = replace(after_action(unit, batch, BatchAction.SEND), sent_at=unit.now)
    return await store(unit, batch, sent, BatchAction.SEND), document


def _of_guide(failure: Failure, claims_of: Sequence[ClaimRecord]) -> Failure:
    """The failure as the caller sees it who names the batch: its claim is named by its number."""
    place = (failure.field or "").partition("claimIds.")[2]
    named = f"claim {claims_of[int(place)].provider_claim_number}: " if place.isdigit() else ""
    return replace(failure, message=f"{named}{failure.message}", field="id")


async def remove_claim(unit: UnitOfWork, *, id: str, claim_id: str, version: int | None) -> BatchRecord:
    """Take a claim out of an open batch; the last one only goes with its batch."""
    batch, claims_of = await locked(unit, id, version)
    changed = after_action(unit, batch, BatchAction.REMOVE_CLAIM)
    claim = next((each for each in claims_of if each.id == claim_id), None)
    if claim is None:
        raise not_found("claim", "claimId")
    if len(claims_of) == 1:
        raise BillingError(in_conflict("it is the last claim of the batch: cancel the batch instead"))
    await batches_db.remove(unit.connection, id, claim_id)
    changed = replace(changed, guide_count=batch.guide_count - 1, total_cents=batch.total_cents - claim.claimed_cents)
    return await store(unit, batch, changed, BatchAction.REMOVE_CLAIM, claim_id=claim_id)


async def cancel(unit: UnitOfWork, *, id: str, reason: str | None, version: int | None) -> BatchRecord:
    """Cancel an open batch; its claims can be put into another one."""
    batch, _ = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id, version))
    cancelled = replace(after_action(unit, batch, BatchAction.CANCEL), reason=reason)
    await batches_db.release(unit.connection, id)
    return await store(unit, batch, cancelled, BatchAction.CANCEL, reason=reason)


STORED_BATCH: Final = StoredRecord(
    BatchRecord,
    batches_db.by_ids,
    *("status", "guide_count", "total_cents", "protocol_number", "protocol_on", "version", "sent_at", "changed_at"),
    texts=("reason",),
)
BATCH_ANSWER: Final[StoredAnswer[BatchRecord]] = answer_of_one(STORED_BATCH)


async def _rebuild_many(unit: UnitOfWork, facts: Any) -> list[BatchRecord]:
    return await STORED_BATCH.read(unit, facts)


CREATE: Final = Action("createBatch", create, needs="batches:export", answer=BATCH_ANSWER)
CREATE_MANY: Final = Action(
    "createBatches",
    create_many,
    needs="batches:export",
    answer=StoredAnswer(lambda created: [STORED_BATCH.facts(each) for each in created], _rebuild_many),
)
SEND: Final = Action(
    "sendBatch",
    send,
    needs="batches:export",
    answer=BATCH_ANSWER,
    offers=BatchOperation.SEND,
    seconds=WRITING_SECONDS_MAX,
)
REMOVE_CLAIM: Final = Action(
    "removeFromBatch",
    remove_claim,
    needs="batches:export",
    answer=BATCH_ANSWER,
    offers=BatchOperation.REMOVE_CLAIM,
)
CANCEL: Final = Action("cancelBatch", cancel, needs="batches:export", answer=BATCH_ANSWER, offers=BatchOperation.CANCEL)
