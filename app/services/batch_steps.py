"""What every change of a batch has in common: its row, its history and its event; and the end that claims bring."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.db import batches as batches_db
from app.db.batches import BatchRecord, BatchStep
from app.domain import ids
from app.domain.batches import BatchAction, BatchStatus, membership_block, next_status
from app.domain.errors import BillingError
from app.events.contracts import batch_event
from app.unit_of_work.unit import UnitOfWork

EVENTS: Final = {
    BatchAction.CREATE: "BatchCreated",
    BatchAction.REMOVE_CLAIM: "BatchClaimRemoved",
    BatchAction.SEND: "BatchSent",
    BatchAction.RECEIVE: "BatchReceived",
    BatchAction.REFUSE_CLAIM: "BatchClaimRemoved",
    BatchAction.REJECT: "BatchRejected",
    BatchAction.PROCESS: "BatchProcessed",
    BatchAction.CANCEL: "BatchCancelled",
}


def after_action(unit: UnitOfWork, batch: BatchRecord, action: BatchAction) -> BatchRecord:
    """The batch after the action; CONFLICT for an action that its status does not allow."""
    status = next_status(batch.status, action)
    return replace(batch, status=status, version=batch.version + 1, changed_at=unit.now)


async def store(
    unit: UnitOfWork,
    before: BatchRecord,
    after: BatchRecord,
    action: BatchAction,
    *,
    claim_id: str | None = None,
    reason: str | None = None,
) -> BatchRecord:
    """Write the batch as it is after the action, the step of history and the event; the result is that batch."""
    await batches_db.update_batch(unit.connection, after)
    record(unit, before, after, action, claim_id=claim_id, reason=reason)
    return after


def record(
    unit: UnitOfWork,
    before: BatchRecord | None,
    after: BatchRecord,
    action: BatchAction,
    *,
    claim_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Add the step of history and the event to the unit; `before` is None for a new batch."""
    unit.step(_step(unit, after, action, claim_id, reason))
    unit.emit(batch_event(EVENTS[action], after, previous=before.status if before else None, at=unit.now))
    unit.changed(after.id)


def _step(
    unit: UnitOfWork, batch: BatchRecord, action: BatchAction, claim_id: str | None, reason: str | None
) -> BatchStep:
    return BatchStep(
        id=ids.new_id(ids.BATCH_HISTORY),
        batch_id=batch.id,
        action=action,
        status=batch.status,
        version=batch.version,
        claim_id=claim_id,
        guide_count=batch.guide_count,
        total_cents=batch.total_cents,
        reason=reason,
        actor=unit.subject,
        at=unit.now,
    )


async def sent_batch(unit: UnitOfWork, claim_id: str) -> BatchRecord | None:
    """The active batch of a claim that the caller has locked, None if there is none; CONFLICT if it is not sent yet."""
    found = (await batches_db.of_claims(unit.connection, unit.scope, [claim_id])).get(claim_id)
    if found is not None and found.status is BatchStatus.OPEN:
        raise BillingError(membership_block(found.number, found.status))
    return found


async def require_none(unit: UnitOfWork, claim_id: str) -> None:
    """CONFLICT if the claim, which the caller has locked, is in an active batch."""
    found = (await batches_db.of_claims(unit.connection, unit.scope, [claim_id])).get(claim_id)
    if found is not None:
        raise BillingError(membership_block(found.number, found.status))


async def finish(unit: UnitOfWork, claim_ids: Sequence[str]) -> None:
    """Process the batches for which the last claim has just been decided or cancelled.

    The caller has locked these claims. Batches are locked last, so that of two callers with the last claims of a batch
    the second one sees what the first has committed.
    """
    waiting = sorted(set(await batches_db.waiting_for(unit.connection, claim_ids)) if claim_ids else ())
    if not waiting:
        return
    locked = await batches_db.lock_waiting(unit.connection, waiting)
    unfinished = await batches_db.unfinished(unit.connection, [batch.id for batch in locked])
    for batch in locked:
        if batch.id not in unfinished:
            await store(unit, batch, after_action(unit, batch, BatchAction.PROCESS), BatchAction.PROCESS)
