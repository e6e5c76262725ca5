"""What becomes of a denial: accepted, appealed, answered, or lost when the deadline has passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import glosas as glosas_db
from app.db.claims import ClaimRecord
from app.db.engine import Database
from app.db.glosas import GlosaRecord
from app.domain.calendar import business_day
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found, raise_any, refuse
from app.domain.glosas import (
    JUSTIFICATION_MAX,
    GlosaAction,
    GlosaStatus,
    answer_action,
    appeal_block,
    check_appeal,
    next_status,
)
from app.domain.money import Cents
from app.domain.scope import EVERYTHING, Scope
from app.domain.text import text_failure
from app.events import outbox
from app.events.contracts import glosa_event
from app.services import history

ANSWERS_MAX: Final = 100
SWEEP_BATCH: Final = 100
SWEEPER: Final = "deadline"
EVENTS: Final = {
    GlosaAction.ACCEPT: "GlosaAccepted",
    GlosaAction.APPEAL: "GlosaAppealed",
    GlosaAction.OVERTURN: "AppealAnswered",
    GlosaAction.OVERTURN_PARTIALLY: "AppealAnswered",
    GlosaAction.UPHOLD: "AppealAnswered",
    GlosaAction.EXPIRE: "GlosaExpired",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The payer's answer to one appeal: what it pays after all, and why not the rest."""

    glosa_id: str
    accepted: Cents
    justification: str | None = None


async def accept(
    connection: AsyncConnection, *, scope: Scope, glosa_id: str, subject: str, now: datetime
) -> GlosaRecord:
    """Take the loss."""
    claim, glosa = await _locked(connection, scope, glosa_id, "id")
    await _refuse_replaced(connection, claim)
    accepted = replace(glosa, status=next_status(glosa.status, GlosaAction.ACCEPT))
    return await _keep(connection, claim, accepted, GlosaAction.ACCEPT, glosa.amount_cents, subject, now)


async def appeal(
    connection: AsyncConnection,
    *,
    scope: Scope,
    glosa_id: str,
    amount: Cents | None,
    justification: str,
    subject: str,
    now: datetime,
) -> GlosaRecord:
    """Contest the denial (recurso de glosa), for the whole of it or for `amount`; the rest is given up."""
    failure = text_failure(justification, "justification", JUSTIFICATION_MAX)
    raise_any([failure] if failure else [])
    claim, glosa = await _locked(connection, scope, glosa_id, "id")
    block = appeal_block(glosa.status, deadline=glosa.appeal_deadline, today=business_day(now))
    if block is not None:
        raise block
    await _refuse_replaced(connection, claim)
    appealed = Cents(glosa.amount_cents) if amount is None else amount
    check_appeal(appealed=appealed, amount=Cents(glosa.amount_cents))
    moved = replace(
        glosa,
        status=next_status(glosa.status, GlosaAction.APPEAL),
        appealed_cents=appealed,
        justification=justification,
        appealed_at=now,
    )
    return await _keep(connection, claim, moved, GlosaAction.APPEAL, appealed, subject, now)


async def answer(
    connection: AsyncConnection, *, scope: Scope, answers: Sequence[Answer], subject: str, now: datetime
) -> list[GlosaRecord]:
    """The payer's decision on appeals, each for itself; all of them or none."""
    if not 1 <= len(answers) <= ANSWERS_MAX or len({each.glosa_id for each in answers}) < len(answers):
        message = f"1 to {ANSWERS_MAX} answers, one for each denial"
        raise refuse(ErrorCode.INVALID_INPUT, message, "answers")
    await _lock_claims(connection, scope, answers)
    return [await _answer(connection, scope, index, each, subject, now) for index, each in enumerate(answers)]


async def _lock_claims(connection: AsyncConnection, scope: Scope, answers: Sequence[Answer]) -> None:
    """All claims at once and in id order, so that two callers cannot block each other."""
    found = await glosas_db.by_ids(connection, scope, [each.glosa_id for each in answers])
    await claims_db.lock_many(connection, scope, sorted({glosa.claim_id for glosa in found}))


async def _answer(
    connection: AsyncConnection, scope: Scope, index: int, given: Answer, subject: str, now: datetime
) -> GlosaRecord:
    path = f"answers.{index}"
    failure = None
    if given.justification is not None:
        failure = text_failure(given.justification, "justification", JUSTIFICATION_MAX)
    try:
        raise_any([failure] if failure else [])
        claim, glosa = await _locked(connection, scope, given.glosa_id, "glosa")
        appealed, amount = Cents(glosa.appealed_cents or 0), Cents(glosa.amount_cents)
        # The table is asked first: a denial without an appeal is CONFLICT whatever the amount.
        next_status(glosa.status, GlosaAction.UPHOLD)
        action = answer_action(accepted=given.accepted, appealed=appealed, amount=amount)
    except BillingError as error:
        raise BillingError(*(_of_answer(each).under(path) for each in error.failures)) from None
    moved = replace(
        glosa,
        status=next_status(glosa.status, action),
        answered_cents=given.accepted,
        payer_justification=given.justification,
        answered_at=now,
    )
    return await _keep(connection, claim, moved, action, given.accepted, subject, now)


def _of_answer(failure: Failure) -> Failure:
    """An answer names its denial `glosa`, where other inputs say `id`."""
    return replace(failure, field="glosa") if failure.field == "id" else failure


async def sweep(database: Database, *, now: Callable[[], datetime]) -> int:
    """Let every open denial expire whose last appeal day has passed; how many there were.

    Any number of processes may do this at once: each claim is locked and looked at again.
    """
    total = 0
    while True:
        day = business_day(now())
        async with database.reading() as connection:
            claims = await glosas_db.overdue_claims(connection, day, SWEEP_BATCH)
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
        glosa
        for glosa in await glosas_db.of_claims(connection, EVERYTHING, [claim_id])
        if glosa.status is GlosaStatus.OPEN and day > glosa.appeal_deadline
    ]
    for glosa in late:
        moved = replace(glosa, status=next_status(glosa.status, GlosaAction.EXPIRE))
        await _keep(connection, claim, moved, GlosaAction.EXPIRE, glosa.amount_cents, SWEEPER, now)
    return len(late)


async def _locked(
    connection: AsyncConnection, scope: Scope, glosa_id: str, field: str
) -> tuple[ClaimRecord, GlosaRecord]:
    """The denial under the lock of its claim, which guards all denials of the claim."""
    seen = await glosas_db.one(connection, scope, glosa_id)
    claim = await claims_db.lock(connection, scope, seen.claim_id) if seen else None
    glosa = await glosas_db.one(connection, scope, glosa_id) if claim else None
    if claim is None or glosa is None:
        raise not_found("denial", glosa_id, field)
    return claim, glosa


async def _refuse_replaced(connection: AsyncConnection, claim: ClaimRecord) -> None:
    if claim.id in await claims_db.replaced_among(connection, [claim.id]):
        raise conflict("another claim replaces the claim of this denial")


async def _keep(
    connection: AsyncConnection,
    claim: ClaimRecord,
    glosa: GlosaRecord,
    action: GlosaAction,
    amount: int,
    subject: str,
    now: datetime,
) -> GlosaRecord:
    await glosas_db.update_glosa(connection, glosa)
    await history.record(connection, history.glosa_step(claim, glosa, action, amount=amount, actor=subject, at=now))
    await outbox.record(connection, glosa_event(EVENTS[action], claim, glosa, at=now))
    return glosa
