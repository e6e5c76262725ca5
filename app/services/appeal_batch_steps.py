"""What every change of a batch of appeals has in common: its row, its history and its event; and the end that answers
bring."""

from dataclasses import replace
from typing import Final

from app.db import appeal_batches as appeal_batches_db
from app.db.appeal_batches import AppealBatchRecord, AppealBatchStep
from app.domain import ids
from app.domain.appeal_batches import WAITING, AppealBatchAction, membership_block, next_status, sent_block
from app.domain.errors import BillingError
from app.domain.money import Cents
from app.events.appeal_events import appeal_batch_event
from app.unit_of_work.unit import UnitOfWork

EVENTS: Final = {
    AppealBatchAction.CREATE: "AppealBatchCreated",
    AppealBatchAction.SEND: "AppealBatchSent",
    AppealBatchAction.RECEIVE: "AppealBatchReceived",
    AppealBatchAction.REJECT: "AppealBatchRejected",
    AppealBatchAction.REFUSE_APPEALS: "AppealsRefused",
    AppealBatchAction.ANSWER: "AppealBatchAnswered",
    AppealBatchAction.CANCEL: "AppealBatchCancelled",
}


def after_action(unit: UnitOfWork, batch: AppealBatchRecord, action: AppealBatchAction) -> AppealBatchRecord:
    """The batch after the action; CONFLICT for an action that its status does not allow."""
    status = next_status(batch.status, action)
    return replace(batch, status=status, version=batch.version + 1, changed_at=unit.now)


async def store(
    unit: UnitOfWork,
    before: AppealBatchRecord,
    after: AppealBatchRecord,
    action: AppealBatchAction,
    *,
    reason: str | None = None,
) -> AppealBatchRecord:
    """Write the batch as it is after the action, the step of history and the event; the result is that batch."""
    await appeal_batches_db.update_batch(unit.connection, after)
    record(unit, before, after, action, reason=reason)
    return after


def record(
    unit: UnitOfWork,
    before: AppealBatchRecord | None,
    after: AppealBatchRecord,
    action: AppealBatchAction,
    *,
    reason: str | None = None,
) -> None:
    """Add the step of history and the event to the unit; `before` is None for a new batch."""
    step = AppealBatchStep(
        id=ids.new_id(ids.APPEAL_BATCH_HISTORY),
        batch_id=after.id,
        action=action,
        status=after.status,
        version=after.version,
        denial_count=after.denial_count,
        total_cents=after.total_cents,
        reason=reason,
        actor=unit.subject,
        at=unit.now,
    )
    unit.step(step)
    previous = before.status if before else None
    unit.emit(appeal_batch_event(EVENTS[action], after, previous=previous, at=unit.now))
    unit.changed(after.id)


async def require_none(unit: UnitOfWork, denial_id: str) -> None:
    """CONFLICT if the appeal against the denial, whose claim the caller has locked, is in an active batch."""
    found = (await appeal_batches_db.of_denials(unit.connection, unit.scope, [denial_id])).get(denial_id)
    if found is not None:
        raise BillingError(membership_block(found.number, found.status))


async def require_unsent(unit: UnitOfWork, denial_id: str) -> None:
    """CONFLICT if the appeal against the denial, whose claim the caller has locked, is in a batch that was sent."""
    found = (await appeal_batches_db.of_denials(unit.connection, unit.scope, [denial_id])).get(denial_id)
    block = None if found is None else sent_block(found.number, found.status)
    if block is not None:
        raise BillingError(block)


async def answered(unit: UnitOfWork, denial_id: str, accepted: Cents) -> None:
    """The appeal against the denial is answered: it leaves its batch, which is answered with the last one.

    The caller has locked the claim. Batches are locked last, so that of two callers with the last appeals of a batch
    the second one sees what the first has committed.
    """
    for batch in await appeal_batches_db.lock_of_denials(unit.connection, [denial_id]):
        await appeal_batches_db.release_denial(unit.connection, denial_id, accepted)
        if batch.status in WAITING and not await appeal_batches_db.is_waiting(unit.connection, batch.id):
            done = after_action(unit, batch, AppealBatchAction.ANSWER)
            await store(unit, batch, done, AppealBatchAction.ANSWER)
