"""What the payer's side does with claims: review, ask for information, adjudicate."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain import ids, tabela38
from app.domain.calendar import business_day
from app.domain.claims import ClaimAction, ItemDecision, decision_failures, next_status, outcome
from app.domain.data_scope import DataScope
from app.domain.denials import DenialAction, DenialStatus
from app.domain.errors import ErrorCode, Failure, raise_any
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.money import Cents
from app.domain.text import ascii_failure
from app.services import claims, contracts, history

DECIDED_EVENTS: Final = {
    ClaimAction.APPROVE: "ClaimApproved",
    ClaimAction.APPROVE_PARTIALLY: "ClaimPartiallyApproved",
    ClaimAction.DENY: "ClaimDenied",
}


async def start(
    connection: AsyncConnection, *, scope: DataScope, claim_id: str, version: int | None, subject: str, now: datetime
) -> ClaimRecord:
    """Take a submitted claim into review, or take the review up again once the information is there."""
    claim = await claims.locked(connection, scope, claim_id, version)
    return await start_locked(connection, claim, subject=subject, now=now)


async def start_locked(connection: AsyncConnection, claim: ClaimRecord, *, subject: str, now: datetime) -> ClaimRecord:
    """The same for a claim that the caller holds."""
    moved, action = claims.moved_by(claim, ClaimAction.START_REVIEW), ClaimAction.START_REVIEW
    return await claims.keep(connection, moved, action, "ClaimReviewStarted", subject=subject, now=now)


async def request_information(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    claim_id: str,
    reason: str,
    version: int | None,
    subject: str,
    now: datetime,
) -> ClaimRecord:
    """Halt the review until the provider has answered; the reason says what is missing."""
    raise_any(claims.reason_failures(reason))
    claim = await claims.locked(connection, scope, claim_id, version)
    moved, action = claims.moved_by(claim, ClaimAction.REQUEST_INFORMATION), ClaimAction.REQUEST_INFORMATION
    event = "ClaimInformationRequested"
    return await claims.keep(connection, moved, action, event, subject=subject, now=now, reason=reason)


async def adjudicate(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    claim_id: str,
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    version: int | None,
    subject: str,
    now: datetime,
) -> ClaimRecord:
    """Decide every item; the claim's status follows from the items and is never given."""
    claim = await claims.locked(connection, scope, claim_id, version)
    items = await claims_db.items_of_claims(connection, scope, [claim_id])
    return await decide(connection, claim, items, decisions, payer_claim_number, subject=subject, now=now)


async def decide(
    connection: AsyncConnection,
    claim: ClaimRecord,
    rows: Sequence[ItemRecord],
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    *,
    subject: str,
    now: datetime,
) -> ClaimRecord:
    """The decision on a claim that the caller holds: amounts of claim and items, and a denial per denial."""
    action = outcome(decisions)
    next_status(claim.status, action)
    items = {item.sequence: item for item in rows}
    _check_decisions(items, list(decisions), payer_claim_number)
    decided = _decided(claim, action, decisions, payer_claim_number, now)
    await claims.keep(connection, decided, action, DECIDED_EVENTS[action], subject=subject, now=now)
    await _decide_items(connection, decided, items, decisions, subject=subject, now=now)
    return decided


def _check_decisions(
    items: dict[int, ItemRecord], decisions: list[ItemDecision], payer_claim_number: str | None
) -> None:
    failures: list[Failure | None] = []
    failures += decision_failures({number: Cents(item.total_cents) for number, item in items.items()}, decisions)
    for index, decision in enumerate(decisions):
        for place, denial in enumerate(decision.denials):
            if tabela38.description(denial.code) is None:
                message = f"Tabela 38 has no code {denial.code[:10]}"
                failures.append(Failure(ErrorCode.UNKNOWN_CODE, message, f"items.{index}.denials.{place}.code"))
    if payer_claim_number is not None:
        failures.append(ascii_failure(payer_claim_number, "payerClaimNumber", NUMBER_LENGTH_MAX))
    raise_any(failures)


def _decided(
    claim: ClaimRecord,
    action: ClaimAction,
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    now: datetime,
) -> ClaimRecord:
    approved = sum(decision.approved for decision in decisions)
    denied = sum(decision.denied for decision in decisions)
    return replace(
        claims.moved_by(claim, action),
        payer_claim_number=payer_claim_number or claim.payer_claim_number,
        processed_cents=approved + denied,
        approved_cents=approved,
        denied_cents=denied,
        decided_at=now,
    )


async def _decide_items(
    connection: AsyncConnection,
    claim: ClaimRecord,
    items: dict[int, ItemRecord],
    decisions: Sequence[ItemDecision],
    *,
    subject: str,
    now: datetime,
) -> None:
    await claims_db.update_items(connection, [_item(items[each.sequence], each) for each in decisions])
    terms = await contracts.terms_of(connection, claim.provider_cnes, claim.payer_ans)
    deadline = terms.last_appeal_day(business_day(now))
    rows = [row for each in decisions for row in _denials(items[each.sequence], each, deadline, now)]
    await denials_db.insert_denials(connection, rows)
    steps = [
        history.denial_step(claim, row, DenialAction.DENY, amount=row.amount_cents, actor=subject, at=now)
        for row in rows
    ]
    await history.record(connection, *steps)


def _item(item: ItemRecord, decision: ItemDecision) -> ItemRecord:
    processed = decision.approved + decision.denied
    return replace(item, processed_cents=processed, approved_cents=decision.approved, denied_cents=decision.denied)


def _denials(item: ItemRecord, decision: ItemDecision, deadline: date, now: datetime) -> list[DenialRecord]:
    return [
        DenialRecord(
            id=ids.new_id(ids.DENIAL),
            claim_id=item.claim_id,
            item_id=item.id,
            code=denial.code,
            amount_cents=denial.amount,
            status=DenialStatus.OPEN,
            created_at=now,
            appeal_deadline=deadline,
            appealed_cents=None,
            justification=None,
            appealed_at=None,
            answered_cents=None,
            payer_justification=None,
            answered_at=None,
        )
        for denial in decision.denials
    ]
