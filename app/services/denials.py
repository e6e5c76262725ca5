"""Actions on denials: accept, appeal, withdraw or answer the appeal, and expire when the deadline has passed."""

from dataclasses import replace
from datetime import date
from typing import Final

from app.db import appeal_attachments, earlier_appeals
from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.earlier_appeals import EarlierAppealRecord
from app.domain import ids
from app.domain.actions import DenialOperation
from app.domain.appeal_terms import AppealTerms, DenialDays
from app.domain.calendar import business_day
from app.domain.denials import (
    JUSTIFICATION_MAX,
    REPLACED,
    DenialAction,
    DenialStatus,
    answer_action,
    appeal_block,
    check_appeal,
    next_status,
)
from app.domain.errors import conflict, not_found, raise_any
from app.domain.money import Cents
from app.domain.refusals import checked
from app.domain.text import text_failure
from app.events.contracts import denial_event
from app.services import appeal_batch_steps, contracts, history
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

EVENTS: Final = {
    DenialAction.ACCEPT: "DenialAccepted",
    DenialAction.APPEAL: "DenialAppealed",
    DenialAction.WITHDRAW: "AppealWithdrawn",
    DenialAction.OVERTURN: "AppealAnswered",
    DenialAction.OVERTURN_PARTIALLY: "AppealAnswered",
    DenialAction.UPHOLD: "AppealAnswered",
    DenialAction.UPHOLD_FIRST: "AppealAnswered",
    DenialAction.EXPIRE: "DenialExpired",
    DenialAction.ATTACH: "AppealAttachmentAdded",
    DenialAction.REMOVE_ATTACHMENT: "AppealAttachmentRemoved",
    DenialAction.RECOVER: "DenialRecovered",
    DenialAction.TAKE_BACK: "DenialRecovered",
    DenialAction.RECOVER_PART: "DenialRecovered",
}


@frozen
class Recovery:
    """What the payer pays of a denial by itself: all of it, or a part."""

    denial: DenialRecord
    amount: Cents


async def accept(unit: UnitOfWork, *, id: str) -> DenialRecord:
    """Accept the loss."""
    claim, denial = await locked(unit, id)
    await _refuse_replaced(unit, claim)
    return await accept_locked(unit, claim, denial)


async def accept_locked(unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord) -> DenialRecord:
    """Accept the loss of a denial whose claim the caller has locked."""
    accepted = replace(denial, status=next_status(denial.status, DenialAction.ACCEPT))
    return await _store(unit, claim, denial, accepted, DenialAction.ACCEPT, denial.contestable_cents)


async def appeal(unit: UnitOfWork, *, id: str, amount: Cents | None, justification: str) -> DenialRecord:
    """Contest the denial (recurso de glosa), for its whole amount or for `amount` only; the rest is given up."""
    claim, denial = await checked([text_failure(justification, "justification", JUSTIFICATION_MAX)], locked(unit, id))
    block = appeal_block(denial.status, deadline=denial.appeal_deadline, today=unit.today)
    if block is not None:
        raise block
    await _refuse_replaced(unit, claim)
    contestable = denial.contestable_cents
    appealed = contestable if amount is None else amount
    check_appeal(appealed=appealed, amount=contestable, instance=denial.appeal_instance)
    changed = replace(
        denial,
        status=next_status(denial.status, DenialAction.APPEAL),
        appealed_cents=appealed,
        justification=justification,
        appealed_at=unit.now,
    )
    return await _store(unit, claim, denial, changed, DenialAction.APPEAL, appealed)


async def withdraw_appeal(unit: UnitOfWork, *, id: str) -> DenialRecord:
    """Withdraw an appeal that is not answered: the denial may be appealed again until its last day, after which it
    expires at once."""
    claim, denial = await locked(unit, id)
    await appeal_batch_steps.require_none(unit, id)
    earlier = await earlier_appeals.of_instance(unit.connection, denial.id, denial.appeal_instance - 1)
    opened = replace(
        denial,
        status=next_status(denial.status, DenialAction.WITHDRAW),
        appealed_cents=None if earlier is None else min(earlier.appealed_cents, denial.amount_cents),
        justification=None,
        appealed_at=None,
    )
    attached = await appeal_attachments.of_denials(unit.connection, unit.scope, [denial.id])
    if taken_back := [each for each in attached if each.appeal_instance == denial.appeal_instance]:
        await appeal_attachments.remove(unit.connection, taken_back, unit.now)
    await _store(unit, claim, denial, opened, DenialAction.WITHDRAW, denial.appealed_cents or 0)
    return await _expire(unit, claim, opened) if unit.today > denial.appeal_deadline else opened


async def answer(unit: UnitOfWork, *, id: str, accepted: Cents, justification: str | None) -> DenialRecord:
    """Record the payer's decision on an appeal: the amount that it now accepts, and why not the rest."""
    claim, denial = await locked(unit, id)
    return await answer_locked(unit, claim, denial, accepted, justification)


async def answer_locked(
    unit: UnitOfWork,
    claim: ClaimRecord,
    denial: DenialRecord,
    accepted: Cents,
    justification: str | None,
    *,
    answered_on: date | None = None,
) -> DenialRecord:
    """The same for a denial whose claim the caller has locked. A denial that is upheld is open again if the contract
    has a second instance; `answered_on` is the day of the payer's document, if there is one."""
    raise_any([text_failure(justification, "justification", JUSTIFICATION_MAX)])
    appealed, amount = Cents(denial.appealed_cents or 0), Cents(denial.amount_cents)
    # The table is asked first: a denial without an appeal is CONFLICT whatever the amount.
    next_status(denial.status, DenialAction.UPHOLD)
    terms = await contracts.appeal_terms_of(unit.connection, claim.provider_cnes, claim.payer_ans)
    is_last = denial.appeal_instance >= terms.instances
    action = answer_action(accepted=accepted, appealed=appealed, amount=amount, is_last=is_last)
    changed = replace(
        denial,
        status=next_status(denial.status, action),
        answered_cents=accepted,
        payer_justification=justification,
        answered_at=unit.now,
    )
    if action is DenialAction.UPHOLD_FIRST:
        changed = await _opened_again(unit, changed, terms, answered_on)
    stored = await _store(unit, claim, denial, changed, action, accepted)
    await appeal_batch_steps.answered(unit, denial.id, accepted)
    return stored


async def _opened_again(
    unit: UnitOfWork, upheld: DenialRecord, terms: AppealTerms, answered_on: date | None
) -> DenialRecord:
    """The denial for its next instance, whose last day counts from the answer; the answered appeal is stored apart."""
    assert upheld.appealed_at is not None, "an appeal was answered"  # noqa: S101
    assert upheld.answered_at is not None, "now"  # noqa: S101
    await earlier_appeals.insert(
        unit.connection,
        EarlierAppealRecord(
            denial_id=upheld.id,
            appeal_instance=upheld.appeal_instance,
            appealed_cents=upheld.appealed_cents or 0,
            justification=upheld.justification,
            appealed_at=upheld.appealed_at,
            answered_cents=upheld.answered_cents or 0,
            payer_justification=upheld.payer_justification,
            answered_at=upheld.answered_at,
            appeal_deadline=upheld.appeal_deadline,
        ),
    )
    # A document may name any day: an answer is neither older than its appeal nor of tomorrow.
    earliest = business_day(upheld.appealed_at)
    day = None if answered_on is None else min(max(answered_on, earliest), unit.today)
    return replace(
        upheld,
        appeal_deadline=terms.last_day(DenialDays(issued_on=day, received_on=unit.today)),
        justification=None,
        appealed_at=None,
        answered_cents=None,
        payer_justification=None,
        answered_at=None,
        appeal_instance=upheld.appeal_instance + 1,
    )


async def take_back_locked(unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord) -> DenialRecord:
    """Record that what a person had said to be denied is due again; the caller has locked the claim."""
    return await _recover(unit, claim, denial, DenialAction.TAKE_BACK)


async def recover_locked(unit: UnitOfWork, claim: ClaimRecord, recovery: Recovery) -> DenialRecord:
    """Record that the payer pays a denied amount by itself, the result is the denial that it pays; the caller has
    locked the claim. A part is a denial of its own from now on: the rest keeps its id, status and last day to appeal.
    """
    denial = recovery.denial
    if recovery.amount < denial.amount_cents:
        denial = await _divide(unit, claim, denial, recovery.amount)
    return await _recover(unit, claim, denial, DenialAction.RECOVER)


async def _recover(unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord, action: DenialAction) -> DenialRecord:
    status = next_status(denial.status, action)
    recovered = replace(denial, status=status, answered_cents=denial.amount_cents, answered_at=unit.now)
    return await _store(unit, claim, denial, recovered, action, denial.amount_cents)


async def _divide(unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord, amount: Cents) -> DenialRecord:
    """Make so much of a denial one of its own, which nobody has accepted or appealed."""
    part = replace(
        denial,
        id=ids.new_id(ids.DENIAL),
        amount_cents=amount,
        status=DenialStatus.OPEN,
        appealed_cents=None,
        justification=None,
        appealed_at=None,
        answered_cents=None,
        payer_justification=None,
        answered_at=None,
        appeal_instance=1,
    )
    rest = denial.amount_cents - amount
    # What was given up by an earlier appeal is paid first: the payer owes the provider no less than it contests.
    appealed = None if denial.appealed_cents is None else min(denial.appealed_cents, rest)
    status = next_status(denial.status, DenialAction.RECOVER_PART)
    left = replace(denial, amount_cents=rest, appealed_cents=appealed, status=status)
    await _store(unit, claim, denial, left, DenialAction.RECOVER_PART, amount)
    await denials_db.insert_denials(unit.connection, [part])
    unit.step(history.denial_step(unit, claim, part, DenialAction.DENY, amount=amount))
    return part


async def expire(unit: UnitOfWork, *, claim_id: str) -> int:
    """Expire the open denials of one claim whose last day to appeal has passed; the result is how many.

    Any number of processes may do this at once: the denials are read under the claim's lock.
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
        await _expire(unit, claim, denial)
    return len(late)


async def _expire(unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord) -> DenialRecord:
    changed = replace(denial, status=next_status(denial.status, DenialAction.EXPIRE))
    return await _store(unit, claim, denial, changed, DenialAction.EXPIRE, denial.contestable_cents)


async def locked(unit: UnitOfWork, denial_id: str) -> tuple[ClaimRecord, DenialRecord]:
    """The denial, with its claim locked: one lock protects all denials of a claim."""
    # Read without the lock only to find the claim; read again under the lock, as another caller may have changed it.
    seen = await denials_db.one(unit.connection, unit.scope, denial_id)
    claim = await claims_db.lock(unit.connection, unit.scope, seen.claim_id) if seen else None
    denial = await denials_db.one(unit.connection, unit.scope, denial_id) if claim else None
    if claim is None or denial is None:
        raise not_found("denial")
    return claim, denial


async def _refuse_replaced(unit: UnitOfWork, claim: ClaimRecord) -> None:
    if claim.id in await claims_db.replaced_among(unit.connection, [claim.id]):
        raise conflict(REPLACED)


def record_unchanged(unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord, action: DenialAction) -> DenialRecord:
    """Add the step and the event of an action that leaves the row of the denial as it is; the result is the denial."""
    unit.step(history.denial_step(unit, claim, denial, action, amount=denial.appealed_cents or 0))
    unit.emit(denial_event(EVENTS[action], claim, denial, previous=denial.status, at=unit.now))
    unit.changed(denial.id, claim.patient_id)
    return denial


async def _store(
    unit: UnitOfWork,
    claim: ClaimRecord,
    before: DenialRecord,
    after: DenialRecord,
    action: DenialAction,
    amount: int,
) -> DenialRecord:
    await denials_db.update_denial(unit.connection, after)
    unit.step(history.denial_step(unit, claim, after, action, amount=amount))
    unit.emit(denial_event(EVENTS[action], claim, after, previous=before.status, at=unit.now))
    unit.changed(after.id, claim.patient_id)
    return after


STORED_DENIAL: Final = StoredRecord(
    DenialRecord,
    denials_db.by_ids,
    *("status", "amount_cents", "appealed_cents", "answered_cents", "appealed_at", "answered_at"),
    *("appeal_deadline", "appeal_instance"),
    texts=("justification", "payer_justification"),
)
DENIAL_ANSWER: Final = answer_of_one(STORED_DENIAL)
ACCEPT: Final = Action(
    "acceptDenial", accept, needs="denials:appeal", answer=DENIAL_ANSWER, offers=DenialOperation.ACCEPT
)
APPEAL: Final = Action(
    "appealDenial",
    appeal,
    needs="denials:appeal",
    answer=DENIAL_ANSWER,
    offers=DenialOperation.APPEAL,
    # Withdrawing the appeal erases it.
    resent=lambda denial, given: replace(denial, justification=given["justification"]),
)
WITHDRAW_APPEAL: Final = Action(
    "withdrawAppeal",
    withdraw_appeal,
    needs="denials:appeal",
    answer=DENIAL_ANSWER,
    offers=DenialOperation.WITHDRAW_APPEAL,
)
ANSWER_APPEAL: Final = Action(
    "answerAppeal", answer, needs="appeals:answer", answer=DENIAL_ANSWER, offers=DenialOperation.ANSWER_APPEAL
)
EXPIRE: Final = Action("expireDenials", expire)
"""Run by the sweep only: no permission allows it."""
