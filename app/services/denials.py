"""What becomes of a denial: accepted, appealed, answered, or lost when the deadline has passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.engine import Database
from app.domain.calendar import business_day
from app.domain.data_scope import EVERYTHING, DataScope
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
from app.events import outbox
from app.events.contracts import denial_event
from app.services import history

ANSWERS_MAX: Final = 100
SWEEP_BATCH: Final = 100
SWEEPER: Final = "deadline"
EVENTS: Final = {
    DenialAction.ACCEPT: "DenialAccepted",
    DenialAction.APPEAL: "DenialAppealed",
    DenialAction.OVERTURN: "AppealAnswered",
    DenialAction.OVERTURN_PARTIALLY: "AppealAnswered",
    DenialAction.UPHOLD: "AppealAnswered",
    DenialAction.EXPIRE: "DenialExpired",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The payer's answer to one appeal: what it pays after all, and why not the rest."""

    denial_id: str
    accepted: Cents
    justification: str | None = None


async def accept(
    connection: AsyncConnection, *, scope: DataScope, denial_id: str, subject: str, now: datetime
) -> DenialRecord:
    """Take the loss."""
    claim, denial = await _locked(connection, scope, denial_id, "id")
    await _refuse_replaced(connection, claim)
    accepted = replace(denial, status=next_status(denial.status, DenialAction.ACCEPT))
    return await _keep(connection, claim, accepted, DenialAction.ACCEPT, denial.amount_cents, subject, now)


async def appeal(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    denial_id: str,
    amount: Cents | None,
    justification: str,
    subject: str,
    now: datetime,
) -> DenialRecord:
    """Contest the denial (recurso de glosa), for the whole of it or for `amount`; the rest is given up."""
    raise_any([text_failure(justification, "justification", JUSTIFICATION_MAX)])
    claim, denial = await _locked(connection, scope, denial_id, "id")
    block = appeal_block(denial.status, deadline=denial.appeal_deadline, today=business_day(now))
    if block is not None:
        raise block
    await _refuse_replaced(connection, claim)
    appealed = Cents(denial.amount_cents) if amount is None else amount
    check_appeal(appealed=appealed, amount=Cents(denial.amount_cents))
    moved = replace(
        denial,
        status=next_status(denial.status, DenialAction.APPEAL),
        appealed_cents=appealed,
        justification=justification,
        appealed_at=now,
    )
    return await _keep(connection, claim, moved, DenialAction.APPEAL, appealed, subject, now)


async def answer(
    connection: AsyncConnection, *, scope: DataScope, answers: Sequence[Answer], subject: str, now: datetime
) -> list[DenialRecord]:
    """The payer's decision on appeals, each for itself; all of them or none."""
    if not 1 <= len(answers) <= ANSWERS_MAX or len({each.denial_id for each in answers}) < len(answers):
        message = f"1 to {ANSWERS_MAX} answers, one for each denial"
        raise refuse(ErrorCode.INVALID_INPUT, message, "answers")
    await _lock_claims(connection, scope, answers)
    return [await _answer(connection, scope, index, each, subject, now) for index, each in enumerate(answers)]


async def _lock_claims(connection: AsyncConnection, scope: DataScope, answers: Sequence[Answer]) -> None:
    """All claims at once and in id order, so that two callers cannot block each other."""
    found = await denials_db.by_ids(connection, scope, [each.denial_id for each in answers])
    await claims_db.lock_many(connection, scope, sorted({denial.claim_id for denial in found}))


async def _answer(
    connection: AsyncConnection, scope: DataScope, index: int, given: Answer, subject: str, now: datetime
) -> DenialRecord:
    path = f"answers.{index}"
    failure = None
    if given.justification is not None:
        failure = text_failure(given.justification, "justification", JUSTIFICATION_MAX)
    try:
        raise_any([failure])
        claim, denial = await _locked(connection, scope, given.denial_id, "denial")
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
        answered_at=now,
    )
    return await _keep(connection, claim, moved, action, given.accepted, subject, now)


def _of_answer(failure: Failure) -> Failure:
    """An answer names its denial `denial`, where other inputs say `id`."""
    return replace(failure, field="denial") if failure.field == "id" else failure


async def sweep(database: Database, *, now: Callable[[], datetime]) -> int:
    """Let every open denial expire whose last appeal day has passed; how many there were.

    Any number of processes may do this at once: each claim is locked and looked at again.
    """
    total = 0
    while True:
        day = business_day(now())
        async with database.reading() as connection:
            claims = await denials_db.overdue_claims(connection, day, SWEEP_BATCH)
        for claim_id in claims:
            total += await database.transact(lambda c, claim_id=claim_id: expire(c, claim_id=claim_id, now=now()))  # type: ignore[misc]
        if len(claims) < SWEEP_BATCH:
            return total


async def expire(connection: AsyncConnection, *, claim_id: str, now: datetime) -> int:
    """Let the overdue open denials of one claim expire; how many there were."""
    claim = await claims_db.lock(connection, EVERYTHING, claim_id)
    if claim is None:
        return 0
    day: date = business_day(now)
    late = [
        denial
        for denial in await denials_db.of_claims(connection, EVERYTHING, [claim_id])
        if denial.status is DenialStatus.OPEN and day > denial.appeal_deadline
    ]
    for denial in late:
        moved = replace(denial, status=next_status(denial.status, DenialAction.EXPIRE))
        await _keep(connection, claim, moved, DenialAction.EXPIRE, denial.amount_cents, SWEEPER, now)
    return len(late)


async def _locked(
    connection: AsyncConnection, scope: DataScope, denial_id: str, field: str
) -> tuple[ClaimRecord, DenialRecord]:
    """The denial under the lock of its claim, which guards all denials of the claim."""
    seen = await denials_db.one(connection, scope, denial_id)
    claim = await claims_db.lock(connection, scope, seen.claim_id) if seen else None
    denial = await denials_db.one(connection, scope, denial_id) if claim else None
    if claim is None or denial is None:
        raise not_found("denial", denial_id, field)
    return claim, denial


async def _refuse_replaced(connection: AsyncConnection, claim: ClaimRecord) -> None:
    if claim.id in await claims_db.replaced_among(connection, [claim.id]):
        raise conflict("another claim replaces the claim of this denial")


async def _keep(
    connection: AsyncConnection,
    claim: ClaimRecord,
    denial: DenialRecord,
    action: DenialAction,
    amount: int,
    subject: str,
    now: datetime,
) -> DenialRecord:
    await denials_db.update_denial(connection, denial)
    await history.record(connection, history.denial_step(claim, denial, action, amount=amount, actor=subject, at=now))
    await outbox.record(connection, denial_event(EVENTS[action], claim, denial, at=now))
    return denial
