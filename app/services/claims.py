"""The actions on claims: create, change, submit, cancel, review, adjudicate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db.claims import ClaimRecord, GlosaRecord, ItemRecord
from app.domain import ids, tabela38
from app.domain.claims import (
    ClaimAction,
    ClaimStatus,
    GlosaStatus,
    ItemDecision,
    decision_failures,
    next_status,
    outcome,
)
from app.domain.errors import BillingError, ErrorCode, Failure, not_found, raise_any, refuse
from app.domain.identifiers import CARD_LENGTH_MAX
from app.domain.money import Cents
from app.domain.scope import Scope
from app.domain.text import text_failure
from app.events import outbox
from app.events.contracts import claim_event
from app.services import claim_input
from app.services.claim_input import Checked, ClaimData

BATCH_MAX: Final = 100
DECIDED_EVENTS: Final = {
    ClaimAction.APPROVE: "ClaimApproved",
    ClaimAction.APPROVE_PARTIALLY: "ClaimPartiallyApproved",
    ClaimAction.DENY: "ClaimDenied",
}


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of one claim of a batch: the claim as it is now, or why it was not submitted."""

    claim_id: str
    claim: ClaimRecord | None
    failures: tuple[Failure, ...] = ()


async def create(
    connection: AsyncConnection, *, scope: Scope, data: ClaimData, is_submitted: bool, subject: str, now: datetime
) -> ClaimRecord:
    """A new claim, DRAFT or at once SUBMITTED."""
    checked = await claim_input.check(connection, scope=scope, data=data, today=now.date())
    await _refuse_duplicate(connection, data, None)
    draft = _new_record(data, checked, subject=subject, now=now)
    claim = _submitted(draft, now) if is_submitted else draft
    items = claim_input.item_records(claim.id, data, checked)
    try:
        await claims_db.insert_claim(connection, claim, items)
    except IntegrityError:
        # Another caller took the number between the check and the insert.
        raise _duplicate(data) from None
    events = [claim_event("ClaimCreated", draft, at=now)]
    if is_submitted:
        events.append(claim_event("ClaimSubmitted", claim, at=now))
    await outbox.record(connection, *events)
    return claim


async def update_draft(
    connection: AsyncConnection,
    *,
    scope: Scope,
    claim_id: str,
    changes: dict[str, Any],
    version: int | None,
    now: datetime,
) -> ClaimRecord:
    """Lay the changes (fields of ClaimData) over a draft; the whole claim is checked again."""
    claim = await _locked(connection, scope, claim_id, version)
    next_status(claim.status, ClaimAction.UPDATE)
    items = await claims_db.items_of_claims(connection, scope, [claim_id])
    data = replace(claim_input.data_of(claim, items), **changes)
    checked = await claim_input.check(connection, scope=scope, data=data, today=now.date())
    await _refuse_duplicate(connection, data, claim_id)
    renewed = replace(claim, **_columns(data, checked), version=claim.version + 1)
    await _write_draft(connection, data, renewed)
    await claims_db.delete_items(connection, claim_id)
    await claims_db.insert_items(connection, claim_input.item_records(claim_id, data, checked))
    await outbox.record(connection, claim_event("ClaimUpdated", renewed, at=now))
    return renewed


async def _write_draft(connection: AsyncConnection, data: ClaimData, claim: ClaimRecord) -> None:
    try:
        await claims_db.update_claim(connection, claim)
    except IntegrityError:
        raise _duplicate(data) from None


async def submit_many(
    connection: AsyncConnection, *, scope: Scope, claim_ids: Sequence[str], now: datetime
) -> list[Submission]:
    """Send up to 100 claims of one type; each succeeds or is refused for itself, in input order."""
    _check_batch(claim_ids)
    found = {claim.id: claim for claim in await claims_db.lock_many(connection, scope, sorted(set(claim_ids)))}
    if len({claim.type for claim in found.values()}) > 1:
        raise refuse(ErrorCode.BATCH_TOO_LARGE, "a batch holds claims of one type only", "claimIds", "5015")
    return [
        await _submit_one(connection, scope, found.get(claim_id), claim_id, index, now)
        for index, claim_id in enumerate(claim_ids)
    ]


def _check_batch(claim_ids: Sequence[str]) -> None:
    if len(claim_ids) > BATCH_MAX:
        raise refuse(ErrorCode.BATCH_TOO_LARGE, f"a batch holds at most {BATCH_MAX} claims", "claimIds", "5015")
    if not claim_ids or len(set(claim_ids)) < len(claim_ids):
        raise refuse(ErrorCode.INVALID_INPUT, "a batch holds at least one claim, each of them once", "claimIds")


async def _submit_one(
    connection: AsyncConnection, scope: Scope, claim: ClaimRecord | None, claim_id: str, index: int, now: datetime
) -> Submission:
    try:
        if claim is None:
            raise not_found("claim", claim_id, f"claimIds.{index}")
        return Submission(claim_id, await _submit(connection, scope, claim, now))
    except BillingError as error:
        return Submission(claim_id, None, error.failures)


async def _submit(connection: AsyncConnection, scope: Scope, claim: ClaimRecord, now: datetime) -> ClaimRecord:
    submitted = _submitted(claim, now)
    items = await claims_db.items_of_claims(connection, scope, [claim.id])
    # What was right when the draft was written may have run out since: card, window, codes.
    await claim_input.check(connection, scope=scope, data=claim_input.data_of(claim, items), today=now.date())
    await claims_db.update_claim(connection, submitted)
    await outbox.record(connection, claim_event("ClaimSubmitted", submitted, at=now))
    return submitted


async def cancel(
    connection: AsyncConnection, *, scope: Scope, claim_id: str, version: int | None, now: datetime
) -> ClaimRecord:
    """Withdraw a claim that is not decided yet."""
    claim = await _locked(connection, scope, claim_id, version)
    return await _move(connection, claim, ClaimAction.CANCEL, "ClaimCancelled", now)


async def start_review(
    connection: AsyncConnection, *, scope: Scope, claim_id: str, version: int | None, now: datetime
) -> ClaimRecord:
    """Take a submitted claim into review."""
    claim = await _locked(connection, scope, claim_id, version)
    return await _move(connection, claim, ClaimAction.START_REVIEW, "ClaimReviewStarted", now)


async def adjudicate(
    connection: AsyncConnection,
    *,
    scope: Scope,
    claim_id: str,
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    version: int | None,
    now: datetime,
) -> ClaimRecord:
    """Decide every item; the claim's status follows from the items and is never given."""
    claim = await _locked(connection, scope, claim_id, version)
    action = outcome(decisions)
    status = next_status(claim.status, action)
    items = {item.sequence: item for item in await claims_db.items_of_claims(connection, scope, [claim_id])}
    _check_decisions(items, list(decisions), payer_claim_number)
    decided = _decided(claim, decisions, status=status, payer_claim_number=payer_claim_number, now=now)
    await claims_db.update_claim(connection, decided)
    for decision in decisions:
        await _decide_item(connection, items[decision.sequence], decision, now)
    await outbox.record(connection, claim_event(DECIDED_EVENTS[action], decided, at=now))
    return decided


def _check_decisions(
    items: dict[int, ItemRecord], decisions: list[ItemDecision], payer_claim_number: str | None
) -> None:
    failures = decision_failures({number: Cents(item.total_cents) for number, item in items.items()}, decisions)
    for index, decision in enumerate(decisions):
        for place, denial in enumerate(decision.denials):
            if tabela38.description(denial.code) is None:
                message = f"Tabela 38 has no code {denial.code[:10]}"
                failures.append(Failure(ErrorCode.UNKNOWN_CODE, message, f"items.{index}.denials.{place}.code"))
    if payer_claim_number is not None:
        number = text_failure(payer_claim_number, "payerClaimNumber", CARD_LENGTH_MAX)
        failures += [number] if number else []
        if not payer_claim_number.isascii():
            message = "only ASCII characters are allowed"
            failures.append(Failure(ErrorCode.INVALID_INPUT, message, "payerClaimNumber"))
    raise_any(failures)


def _decided(
    claim: ClaimRecord,
    decisions: Sequence[ItemDecision],
    *,
    status: ClaimStatus,
    payer_claim_number: str | None,
    now: datetime,
) -> ClaimRecord:
    approved = sum(decision.approved for decision in decisions)
    denied = sum(decision.denied for decision in decisions)
    return replace(
        claim,
        status=status,
        payer_claim_number=payer_claim_number or claim.payer_claim_number,
        processed_cents=approved + denied,
        approved_cents=approved,
        denied_cents=denied,
        decided_at=now,
        version=claim.version + 1,
    )


async def _decide_item(connection: AsyncConnection, item: ItemRecord, decision: ItemDecision, now: datetime) -> None:
    processed = decision.approved + decision.denied
    decided = replace(item, processed_cents=processed, approved_cents=decision.approved, denied_cents=decision.denied)
    await claims_db.update_item(connection, decided)
    rows = [
        GlosaRecord(
            ids.new_id(ids.GLOSA), item.claim_id, item.id, denial.code, denial.amount, GlosaStatus.OPEN, created_at=now
        )
        for denial in decision.denials
    ]
    await claims_db.insert_glosas(connection, rows)


async def _locked(connection: AsyncConnection, scope: Scope, claim_id: str, version: int | None) -> ClaimRecord:
    claim = await claims_db.lock(connection, scope, claim_id)
    if claim is None:
        raise not_found("claim", claim_id)
    if version is not None and version != claim.version:
        message = f"the claim has changed: its version is {claim.version}"
        raise refuse(ErrorCode.STALE_VERSION, message, "version")
    return claim


async def _move(
    connection: AsyncConnection, claim: ClaimRecord, action: ClaimAction, event: str, now: datetime
) -> ClaimRecord:
    moved = replace(claim, status=next_status(claim.status, action), version=claim.version + 1)
    await claims_db.update_claim(connection, moved)
    await outbox.record(connection, claim_event(event, moved, at=now))
    return moved


def _submitted(claim: ClaimRecord, now: datetime) -> ClaimRecord:
    status = next_status(claim.status, ClaimAction.SUBMIT)
    return replace(claim, status=status, submitted_at=now, version=claim.version + 1)


async def _refuse_duplicate(connection: AsyncConnection, data: ClaimData, own_id: str | None) -> None:
    known = await claims_db.by_number(connection, data.provider, data.payer, data.provider_claim_number)
    if known is not None and known.id != own_id:
        raise _duplicate(data)


def _duplicate(data: ClaimData) -> BillingError:
    message = f"the provider already sent claim {data.provider_claim_number} to this payer"
    return refuse(ErrorCode.DUPLICATE_CLAIM, message, "providerClaimNumber", "1308")


def _columns(data: ClaimData, checked: Checked) -> dict[str, Any]:
    who, authorization = data.practitioner, data.authorization
    return {
        "type": data.type,
        "patient_id": checked.coverage.patient_id,
        "provider_claim_number": data.provider_claim_number,
        "card_number": data.card_number,
        "practitioner_name": who.name,
        "practitioner_council": who.council,
        "practitioner_number": who.number,
        "practitioner_state": who.state,
        "practitioner_cbo": who.cbo,
        "authorization_number": authorization.number if authorization else None,
        "authorization_date": authorization.issued_on if authorization else None,
        "authorization_valid_until": authorization.valid_until if authorization else None,
        "service_date": data.service_date,
        "clinical_indication": data.clinical_indication,
        "diagnosis_codes": data.diagnosis_codes,
        "claimed_cents": data.total,
    }


def _new_record(data: ClaimData, checked: Checked, *, subject: str, now: datetime) -> ClaimRecord:
    return ClaimRecord(
        id=ids.new_id(ids.CLAIM),
        status=ClaimStatus.DRAFT,
        provider_cnes=data.provider,
        payer_ans=data.payer,
        payer_claim_number=None,
        processed_cents=None,
        approved_cents=None,
        denied_cents=None,
        version=1,
        created_by=subject,
        created_at=now,
        submitted_at=None,
        decided_at=None,
        **_columns(data, checked),
    )
