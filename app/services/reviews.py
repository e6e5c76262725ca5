"""The payer's actions on claims: review, ask for information, adjudicate."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain import ids, tabela38
from app.domain.actions import ClaimOperation
from app.domain.appeal_terms import DenialDays
from app.domain.claims import (
    ClaimAction,
    ClaimStatus,
    DeniedAmount,
    ItemDecision,
    decision_failures,
    next_status,
    outcome,
)
from app.domain.denials import DenialAction, DenialStatus
from app.domain.errors import Failure, check_version, raise_any
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.money import Cents
from app.domain.refusals import Refusals, checked
from app.domain.remittances import RemittanceLineProblem
from app.domain.text import ascii_failure, text_failure
from app.services import batch_steps, claims, contracts, held_lines, history
from app.services.claims import CLAIM_ANSWER, REASON_LENGTH_MAX
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

DECISIONS_AT_ONCE: Final = 20
"""So many decisions with ten denials each take a few milliseconds."""
DECIDED_EVENTS: Final = {
    ClaimAction.APPROVE: "ClaimApproved",
    ClaimAction.APPROVE_PARTIALLY: "ClaimPartiallyApproved",
    ClaimAction.DENY: "ClaimDenied",
    ClaimAction.DENY_PART_LATER: "ClaimPartiallyApproved",
    ClaimAction.DENY_REST_LATER: "ClaimDenied",
}


async def start(unit: UnitOfWork, *, id: str, version: int | None) -> ClaimRecord:
    """Start the review of a submitted claim."""
    return await _review(unit, await claims.locked(unit, id, version), ClaimAction.START_REVIEW)


async def resume(unit: UnitOfWork, *, id: str, note: str | None, version: int | None) -> ClaimRecord:
    """Resume the review for which information was requested; the note is the provider's answer."""
    claim = await checked([text_failure(note, "note", REASON_LENGTH_MAX)], claims.locked(unit, id, version))
    return await _review(unit, claim, ClaimAction.RESUME_REVIEW, reason=note)


async def open_locked(unit: UnitOfWork, claim: ClaimRecord) -> ClaimRecord:
    """Start or resume the review of a claim that the caller has locked."""
    is_paused = claim.status is ClaimStatus.PENDING_INFORMATION
    return await _review(unit, claim, ClaimAction.RESUME_REVIEW if is_paused else ClaimAction.START_REVIEW)


async def _review(
    unit: UnitOfWork, claim: ClaimRecord, action: ClaimAction, *, reason: str | None = None
) -> ClaimRecord:
    after = claims.after_action(claim, action)
    return await claims.store(unit, claim, after, action, "ClaimReviewStarted", reason=reason)


async def request_information(unit: UnitOfWork, *, id: str, reason: str, version: int | None) -> ClaimRecord:
    """Pause the review until the provider answers; the reason says what is missing."""
    action = ClaimAction.REQUEST_INFORMATION
    claim = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], claims.locked(unit, id, version))
    asked = claims.after_action(claim, action)
    return await claims.store(unit, claim, asked, action, "ClaimInformationRequested", reason=reason)


async def adjudicate(
    unit: UnitOfWork,
    *,
    id: str,
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    version: int | None,
) -> ClaimRecord:
    """Decide every item; the claim's status follows from the items."""
    await held_lines.lock_remittances(unit, [id])
    claim = await claims.locked(unit, id, None)
    items = await claims_db.items_of_claims(unit.connection, unit.scope, [id])
    refusals = Refusals()
    with refusals.also():
        check_version("claim", claim.version, version)
    with refusals.also():
        _check_decision(claim, items, decisions, payer_claim_number, is_of_statement=False)
    refusals.raise_any()
    decided = await decide(unit, claim, items, decisions, payer_claim_number)
    await held_lines.give_back(unit, id, RemittanceLineProblem.NOT_POSTED, held_lines.DECIDED)
    await batch_steps.finish(unit, [id])
    return decided


async def decide(
    unit: UnitOfWork,
    claim: ClaimRecord,
    rows: Sequence[ItemRecord],
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    denied: DenialDays | None = None,
    *,
    is_of_statement: bool = False,
) -> ClaimRecord:
    """Decide a claim that the caller has locked: set the amounts of claim and items, and add its denials. The caller
    finishes its batch. `denied` are the days of the payer's statement, None for a decision of today. A
    statement may deny for a code that is in no table: the payer has said so."""
    action = outcome(decisions)
    items = {item.sequence: item for item in rows}
    _check_decision(claim, rows, decisions, payer_claim_number, is_of_statement=is_of_statement)
    decided = _decided(unit, claim, action, decisions, payer_claim_number)
    await claims.store(unit, claim, decided, action, DECIDED_EVENTS[action])
    await _decide_items(unit, decided, items, decisions, denied or DenialDays(unit.today, unit.today))
    return decided


def _check_decision(
    claim: ClaimRecord,
    rows: Sequence[ItemRecord],
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    *,
    is_of_statement: bool,
) -> None:
    next_status(claim.status, outcome(decisions))
    failures: list[Failure | None] = []
    failures += decision_failures({item.sequence: Cents(item.total_cents) for item in rows}, list(decisions))
    for index, decision in enumerate(decisions):
        for place, denial in enumerate(() if is_of_statement else decision.denials):
            failures.append(tabela38.code_failure(denial.code, f"items.{index}.denials.{place}.code"))
    failures.append(ascii_failure(payer_claim_number, "payerClaimNumber", NUMBER_LENGTH_MAX))
    raise_any(failures)


def _decided(
    unit: UnitOfWork,
    claim: ClaimRecord,
    action: ClaimAction,
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
) -> ClaimRecord:
    approved = sum(decision.approved for decision in decisions)
    denied = sum(decision.denied for decision in decisions)
    patient = sum(decision.patient for decision in decisions)
    return replace(
        claims.after_action(claim, action),
        payer_claim_number=payer_claim_number or claim.payer_claim_number,
        processed_cents=approved + denied + patient,
        approved_cents=approved,
        denied_cents=denied,
        patient_cents=patient,
        decided_at=unit.now,
    )


async def _decide_items(
    unit: UnitOfWork,
    claim: ClaimRecord,
    items: dict[int, ItemRecord],
    decisions: Sequence[ItemDecision],
    denied: DenialDays,
) -> None:
    await claims_db.update_items(unit.connection, [_item(items[each.sequence], each) for each in decisions])
    await _deny(unit, claim, [(items[each.sequence], each.denials) for each in decisions], denied)


async def deny_later(
    unit: UnitOfWork,
    claim: ClaimRecord,
    rows: Iterable[ItemRecord],
    later: Mapping[int, tuple[DeniedAmount, ...]],
    denied: DenialDays,
    reason: str,
) -> ClaimRecord:
    """Deny so much of what was approved of a decided claim that the caller has locked, by item; `denied` are the days
    of the payer's statement."""
    items = {row.sequence: row for row in rows}
    amounts = {sequence: sum(each.amount for each in denials) for sequence, denials in later.items()}
    amount = sum(amounts.values())
    approved = (claim.approved_cents or 0) - amount
    action = ClaimAction.DENY_PART_LATER if approved else ClaimAction.DENY_REST_LATER
    after = claims.after_action(claim, action)
    after = replace(after, approved_cents=approved, denied_cents=(claim.denied_cents or 0) + amount)
    await claims.store(unit, claim, after, action, DECIDED_EVENTS[action], reason=reason)
    changed = [_denied_later(items[sequence], cents) for sequence, cents in amounts.items()]
    await claims_db.update_items(unit.connection, changed)
    await _deny(unit, after, [(items[sequence], denials) for sequence, denials in later.items()], denied)
    return after


def _denied_later(item: ItemRecord, cents: int) -> ItemRecord:
    approved, denied = (item.approved_cents or 0) - cents, (item.denied_cents or 0) + cents
    return replace(item, approved_cents=approved, denied_cents=denied)


async def _deny(
    unit: UnitOfWork,
    claim: ClaimRecord,
    items: Sequence[tuple[ItemRecord, Sequence[DeniedAmount]]],
    denied: DenialDays,
) -> None:
    """Add the denials of these items, which can be appealed until the day that the contract says."""
    terms = await contracts.appeal_terms_of(unit.connection, claim.provider_cnes, claim.payer_ans)
    deadline = terms.last_day(denied)
    rows: list[DenialRecord] = []
    for number, (item, amounts) in enumerate(items, start=1):
        for row in _denials(unit, item, amounts, deadline):
            rows.append(row)
            unit.step(history.denial_step(unit, claim, row, DenialAction.DENY, amount=row.amount_cents))
        if number % DECISIONS_AT_ONCE == 0:
            await asyncio.sleep(0)
    await denials_db.insert_denials(unit.connection, rows)


def _item(item: ItemRecord, decision: ItemDecision) -> ItemRecord:
    return replace(
        item,
        processed_cents=decision.processed,
        approved_cents=decision.approved,
        denied_cents=decision.denied,
        patient_cents=decision.patient,
    )


def _denials(unit: UnitOfWork, item: ItemRecord, amounts: Iterable[DeniedAmount], deadline: date) -> list[DenialRecord]:
    return [
        DenialRecord(
            id=ids.new_id(ids.DENIAL),
            claim_id=item.claim_id,
            item_id=item.id,
            code=denial.code,
            amount_cents=denial.amount,
            status=DenialStatus.OPEN,
            created_at=unit.now,
            appeal_deadline=deadline,
            appealed_cents=None,
            justification=None,
            appealed_at=None,
            answered_cents=None,
            payer_justification=None,
            answered_at=None,
            appeal_instance=1,
        )
        for denial in amounts
    ]


START: Final = Action(
    "startReview", start, needs="claims:review", answer=CLAIM_ANSWER, offers=ClaimOperation.START_REVIEW
)
RESUME: Final = Action(
    "resumeReview", resume, needs="claims:review", answer=CLAIM_ANSWER, offers=ClaimOperation.RESUME_REVIEW
)
REQUEST_INFORMATION: Final = Action(
    "requestInformation",
    request_information,
    needs="claims:review",
    answer=CLAIM_ANSWER,
    offers=ClaimOperation.REQUEST_INFORMATION,
)
ADJUDICATE: Final = Action(
    "adjudicateClaim", adjudicate, needs="claims:adjudicate", answer=CLAIM_ANSWER, offers=ClaimOperation.ADJUDICATE
)
