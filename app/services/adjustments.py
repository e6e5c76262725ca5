"""Debits and credits of statements beside the claims: each is explained by a person, and each step can be undone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.db import adjustments as adjustments_db
from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db import settlements as settlements_db
from app.db import unapplied_credits as credits_db
from app.db.adjustments import AdjustmentRecord, AdjustmentStepRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids
from app.domain.actions import RemittanceAdjustmentOperation
from app.domain.adjustments import (
    REASON_LENGTH_MAX,
    WAITING,
    AdjustmentStatus,
    AdjustmentStep,
    check_step,
    next_status,
)
from app.domain.errors import ErrorCode, Failure, check_version, conflict, not_found
from app.domain.refusals import checked
from app.domain.statement import AdjustmentDirection, AdjustmentLevel
from app.domain.text import text_failure
from app.events.queue_events import adjustment_event
from app.services import unapplied_credits
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class Explanation:
    """What a person says about an adjustment; a LINK names one of the three objects, the other steps none."""

    step: AdjustmentStep
    reason: str
    claim_id: str | None = None
    settlement_id: str | None = None
    credit_id: str | None = None

    @property
    def named(self) -> list[str]:
        """The objects that explain it."""
        return [each for each in (self.claim_id, self.settlement_id, self.credit_id) if each is not None]


async def explain(unit: UnitOfWork, *, id: str, explanation: Explanation, version: int | None) -> AdjustmentRecord:
    """Say what a debit or credit is that belongs to no claim of its statement."""
    shape = [text_failure(explanation.reason, "reason", REASON_LENGTH_MAX)]
    if len(explanation.named) != (explanation.step is AdjustmentStep.LINK):
        shape.append(Failure(ErrorCode.INVALID_INPUT, "name one claim, settlement or credit", "explanation"))
    remittance, adjustment = await checked(shape, _locked(unit, id, version))
    check_step(
        explanation.step, adjustment.direction, adjustment.open_status, is_posted=remittance.posted_at is not None
    )
    await _check_named(unit, remittance, explanation)
    if explanation.step is AdjustmentStep.KEEP:
        credit = await unapplied_credits.record_adjustment(unit, remittance, adjustment)
        explanation = replace(explanation, credit_id=credit.id)
    return await _store(unit, remittance, adjustment, explanation)


async def undo(unit: UnitOfWork, *, id: str, reason: str, version: int | None) -> AdjustmentRecord:
    """Take back how a debit or credit was explained: it waits again. An unapplied credit that was made of it is
    withdrawn; CONFLICT if some of that is used."""
    shape = [text_failure(reason, "reason", REASON_LENGTH_MAX)]
    remittance, adjustment = await checked(shape, _locked(unit, id, version))
    next_status(adjustment.status, AdjustmentStep.UNDO)
    last = await adjustments_db.last_step(unit.connection, unit.scope, adjustment.id)
    if last is None:
        raise AssertionError(adjustment.id)
    if last.action is AdjustmentStep.KEEP and last.credit_id is not None:
        await unapplied_credits.withdraw_adjustment(unit, credit_id=last.credit_id, reason=reason)
    return await _store(unit, remittance, adjustment, Explanation(AdjustmentStep.UNDO, reason), undoes_id=last.id)


async def record_debits(unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[RemittanceLineRecord]) -> None:
    """Store what these lines take back, which are posted now, as debits; the caller has locked their remittance."""
    if not lines or remittance.paid_on is None:
        return
    known = await adjustments_db.adjustments_of(unit.connection, unit.scope, [remittance.id])
    rows = [
        AdjustmentRecord(
            id=ids.new_id(ids.REMITTANCE_ADJUSTMENT),
            remittance_id=remittance.id,
            sequence=sequence,
            direction=AdjustmentDirection.DEBIT,
            level=AdjustmentLevel.STATEMENT,
            type=None,
            description=None,
            amount_cents=-line.paid_cents,
            status=AdjustmentStatus.OPEN,
            version=1,
            line_id=line.id,
        )
        for sequence, line in enumerate(lines, start=len(known) + 1)
    ]
    await adjustments_db.insert_adjustments(unit.connection, rows)
    for row in rows:
        unit.changed(row.id)


async def withdraw_debit(unit: UnitOfWork, remittance: RemittanceRecord, *, line_id: str, reason: str) -> None:
    """Take back the debit that a line was, whose remittance the caller has locked; CONFLICT if it is explained."""
    for debit in await adjustments_db.of_line(unit.connection, unit.scope, line_id):
        if debit.status is AdjustmentStatus.WITHDRAWN:
            continue
        if debit.status not in WAITING:
            raise conflict("the debit is explained: take that back first")
        await _store(unit, remittance, debit, Explanation(AdjustmentStep.WITHDRAW, reason))


async def _locked(unit: UnitOfWork, id: str, version: int | None) -> tuple[RemittanceRecord, AdjustmentRecord]:
    """The adjustment, with its statement locked; NOT_FOUND outside the data scope."""
    seen = await adjustments_db.by_ids(unit.connection, unit.scope, [id])
    remittance = await remittances_db.lock(unit.connection, unit.scope, seen[0].remittance_id) if seen else None
    # Read again under the lock, as it may have changed.
    found = await adjustments_db.by_ids(unit.connection, unit.scope, [id]) if remittance else []
    if remittance is None or not found:
        raise not_found("adjustment")
    if remittance.cancelled_id:
        raise conflict("the statement is cancelled")
    check_version("adjustment", found[0].version, version)
    return remittance, found[0]


async def _check_named(unit: UnitOfWork, remittance: RemittanceRecord, explanation: Explanation) -> None:
    """NOT_FOUND outside the data scope, CONFLICT unless the object is of the statement's provider and payer."""
    found: list[Sequence[Any]] = []
    for name, given, read in (
        ("claim", explanation.claim_id, claims_db.by_ids),
        ("settlement", explanation.settlement_id, settlements_db.by_ids),
        ("credit", explanation.credit_id, credits_db.by_ids),
    ):
        if given is None:
            continue
        found.append(rows := await read(unit.connection, unit.scope, [given]))
        if not rows:
            raise not_found(name, f"{name}Id")
    parties = {(each.provider_cnes, each.payer_ans) for rows in found for each in rows}
    if parties - {(remittance.provider_cnes, remittance.payer_ans)}:
        raise conflict("the object belongs to another provider or payer", "explanation")


async def _store(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    adjustment: AdjustmentRecord,
    explanation: Explanation,
    *,
    undoes_id: str | None = None,
) -> AdjustmentRecord:
    status = next_status(adjustment.status, explanation.step)
    after = replace(adjustment, status=status, version=adjustment.version + 1)
    step = AdjustmentStepRecord(
        id=ids.new_id(ids.ADJUSTMENT_HISTORY),
        adjustment_id=adjustment.id,
        action=explanation.step,
        undoes_id=undoes_id,
        status=status,
        claim_id=explanation.claim_id,
        settlement_id=explanation.settlement_id,
        credit_id=explanation.credit_id,
        reason=explanation.reason,
        actor=unit.subject,
        at=unit.now,
    )
    await adjustments_db.insert_step(unit.connection, after, step)
    unit.emit(adjustment_event(remittance, after, explanation.step, previous=adjustment.status, at=unit.now))
    unit.changed(after.id)
    return after


ONE_ADJUSTMENT: Final = answer_of_one(StoredRecord(AdjustmentRecord, adjustments_db.by_ids, "status", "version"))
EXPLAIN: Final = Action(
    "explainAdjustment",
    explain,
    needs="settlements:create",
    answer=ONE_ADJUSTMENT,
    offers=tuple(each for each in RemittanceAdjustmentOperation if each is not RemittanceAdjustmentOperation.UNDO),
)
UNDO: Final = Action(
    "undoAdjustment",
    undo,
    needs="settlements:reverse",
    answer=ONE_ADJUSTMENT,
    offers=RemittanceAdjustmentOperation.UNDO,
)
