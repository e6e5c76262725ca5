"""What follows a denial: it is accepted, appealed, answered, or lost when the deadline has passed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.domain.actions import DenialOperation
from app.domain.denials import (
    JUSTIFICATION_MAX,
    DenialAction,
    DenialStatus,
    answer_action,
    appeal_block,
    check_appeal,
    next_status,
)
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found, raise_any, refuse
from app.domain.money import Cents
from app.domain.text import text_failure
from app.events.contracts import denial_event
from app.services import history
from app.unit_of_work.action import Action, StoredRecord, answer_of_many, answer_of_one
from app.unit_of_work.unit import UnitOfWork

ANSWERS_MAX: Final = 100
EVENTS: Final = {
    DenialAction.ACCEPT: "DenialAccepted",
    DenialAction.APPEAL: "DenialAppealed",
    DenialAction.OVERTURN: "AppealAnswered",
    DenialAction.OVERTURN_PARTIALLY: "AppealAnswered",
    DenialAction.UPHOLD: "AppealAnswered",
    DenialAction.EXPIRE: "DenialExpired",
}


@dataclass(frozen=True, slots=True)
class AppealAnswer:
    """The payer's answer to one appeal: what it pays after all, and why not the rest."""

    denial_id: str
    accepted: Cents
    justification: str | None = None


async def accept(unit: UnitOfWork, *, id: str) -> DenialRecord:
    """Accept the loss."""
    claim, denial = await _locked(unit, id, "id")
    await _refuse_replaced(unit, claim)
    accepted = replace(denial, status=next_status(denial.status, DenialAction.ACCEPT))
    return await _store(unit, claim, accepted, DenialAction.ACCEPT, denial.amount_cents)


async def appeal(unit: UnitOfWork, *, id: str, amount: Cents | None, justification: str) -> DenialRecord:
    """Contest the denial (recurso de glosa), for the whole of it or for `amount`; the rest is given up."""
    raise_any([text_failure(justification, "justification", JUSTIFICATION_MAX)])
    claim, denial = await _locked(unit, id, "id")
    block = appeal_block(denial.status, deadline=denial.appeal_deadline, today=unit.today)
    if block is not None:
        raise block
    await _refuse_replaced(unit, claim)
    appealed = Cents(denial.amount_cents) if amount is None else amount
    check_appeal(appealed=appealed, amount=Cents(denial.amount_cents))
    moved = replace(
        denial,
        status=next_status(denial.status, DenialAction.APPEAL),
        appealed_cents=appealed,
        justification=justification,
        appealed_at=unit.now,
    )
    return await _store(unit, claim, moved, DenialAction.APPEAL, appealed)


async def answer(unit: UnitOfWork, *, answers: Sequence[AppealAnswer]) -> list[DenialRecord]:
    """The payer's decision on appeals, each for itself; all of them or none."""
    if not 1 <= len(answers) <= ANSWERS_MAX or len({each.denial_id for each in answers}) < len(answers):
        message = f"1 to {ANSWERS_MAX} answers, one for each denial"
        raise refuse(ErrorCode.INVALID_INPUT, message, "answers")
    await _lock_claims(unit, answers)
    return [await _answer(unit, index, each) for index, each in enumerate(answers)]


async def _lock_claims(unit: UnitOfWork, answers: Sequence[AppealAnswer]) -> None:
    """All claims at once and in id order, so that two callers cannot block each other."""
    found = await denials_db.by_ids(unit.connection, unit.scope, [each.denial_id for each in answers])
    await claims_db.lock_many(unit.connection, unit.scope, sorted({denial.claim_id for denial in found}))


async def _answer(unit: UnitOfWork, index: int, given: AppealAnswer) -> DenialRecord:
    path = f"answers.{index}"
    try:
        raise_any([text_failure(given.justification, "justification", JUSTIFICATION_MAX)])
        claim, denial = await _locked(unit, given.denial_id, "denial")
        appealed, amount = Cents(denial.appealed_cents or 0), Cents(denial.amount_cents)
        # The table is asked first: a denial without an appeal is CONFLICT whatever the amount.
        next_status(denial.status, DenialAction.UPHOLD)
        action = answer_action(accepted=given.accepted, appealed=appealed, amount=amount)
    except BillingError as error:
        raise BillingError(*(_of_answer(each).under(path) for each in error.failures)) from None
    moved = replace(
        denial,
        status=next_status(denial.status, action),
        answered_cents=given.accepted,
        payer_justification=given.justification,
        answered_at=unit.now,
    )
    return await _store(unit, claim, moved, action, given.accepted)


def _of_answer(failure: Failure) -> Failure:
    """An answer names its denial `denial`, where other inputs say `id`."""
    return replace(failure, field="denial") if failure.field == "id" else failure


async def expire(unit: UnitOfWork, *, claim_id: str) -> int:
    """Let the open denials of one claim expire whose last appeal day has passed; how many there were.

    Any number of processes may do this at once: the claim is locked and looked at again.
    """
    claim = await claims_db.lock(unit.connection, unit.scope, claim_id)
    if claim is None:
        return 0
    late = [
        denial
        for denial in await denials_db.of_claims(unit.connection, unit.scope, [claim_id])
        if denial.status is DenialStatus.OPEN and unit.today > denial.appeal_deadline
    ]
    for denial in late:
        moved = replace(denial, status=next_status(denial.status, DenialAction.EXPIRE))
        await _store(unit, claim, moved, DenialAction.EXPIRE, denial.amount_cents)
    return len(late)


async def _locked(unit: UnitOfWork, denial_id: str, field: str) -> tuple[ClaimRecord, DenialRecord]:
    """The denial under the lock of its claim, which guards all denials of the claim."""
    seen = await denials_db.one(unit.connection, unit.scope, denial_id)
    claim = await claims_db.lock(unit.connection, unit.scope, seen.claim_id) if seen else None
    denial = await denials_db.one(unit.connection, unit.scope, denial_id) if claim else None
    if claim is None or denial is None:
        raise not_found("denial", denial_id, field)
    return claim, denial


async def _refuse_replaced(unit: UnitOfWork, claim: ClaimRecord) -> None:
    if claim.id in await claims_db.replaced_among(unit.connection, [claim.id]):
        raise conflict("another claim replaces the claim of this denial")


async def _store(
    unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord, action: DenialAction, amount: int
) -> DenialRecord:
    await denials_db.update_denial(unit.connection, denial)
    unit.step(history.denial_step(unit, claim, denial, action, amount=amount))
    unit.emit(denial_event(EVENTS[action], claim, denial, at=unit.now))
    unit.changed(denial.id, claim.patient_id)
    return denial


_STORED: Final = StoredRecord(
    DenialRecord,
    denials_db.by_ids,
    *("status", "appealed_cents", "answered_cents", "appealed_at", "answered_at"),
)
_ONE: Final = answer_of_one(_STORED)
ACCEPT: Final = Action("acceptDenial", accept, needs="denials:appeal", answer=_ONE, offers=DenialOperation.ACCEPT)
APPEAL: Final = Action("appealDenial", appeal, needs="denials:appeal", answer=_ONE, offers=DenialOperation.APPEAL)
ANSWER_APPEAL: Final = Action(
    "answerAppeal",
    answer,
    needs="appeals:answer",
    answer=answer_of_many(_STORED),
    offers=DenialOperation.ANSWER_APPEAL,
)
EXPIRE: Final = Action("expireDenials", expire)
"""The sweep's own: nobody may ask for it."""
