"""What the provider does with claims: create, change, submit, cancel, replace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import invoice_lines as lines_db
from app.db.claims import ClaimRecord
from app.domain import claim_form as claim_input
from app.domain import ids
from app.domain.calendar import business_day
from app.domain.claim_form import Checked, ClaimData
from app.domain.claims import ClaimAction, ClaimStatus, next_status, replacement_block
from app.domain.data_scope import DataScope
from app.domain.denials import AFTER_APPEAL
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found, raise_any, refuse
from app.domain.text import text_failure
from app.events import outbox
from app.events.contracts import claim_event
from app.services import history, preflight
from app.services.history import claim_step
from app.services.preflight import Own, Preflight

BATCH_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of one claim of a batch: the claim as it is now, or why it was not submitted."""

    claim_id: str
    claim: ClaimRecord | None
    failures: tuple[Failure, ...] = ()


async def create(
    connection: AsyncConnection, *, scope: DataScope, data: ClaimData, is_submitted: bool, subject: str, now: datetime
) -> ClaimRecord:
    """A new claim, DRAFT or at once SUBMITTED."""
    found = await preflight.examine(connection, scope=scope, data=data, own=Own(), today=business_day(now))
    draft = _new_record(data, found.passed(), subject=subject, now=now)
    return await _insert(connection, data, draft, found, is_submitted=is_submitted, now=now)


async def _insert(
    connection: AsyncConnection,
    data: ClaimData,
    draft: ClaimRecord,
    found: Preflight,
    *,
    is_submitted: bool,
    now: datetime,
) -> ClaimRecord:
    claim = _submitted(draft, found, now) if is_submitted else draft
    try:
        await claims_db.insert_claim(connection, claim, claim_input.item_records(claim.id, data, found.passed()))
    except IntegrityError:
        # Another caller took the number between the check and the insert.
        raise BillingError(preflight.duplicate_number(data)) from None
    actor = draft.created_by
    steps = [claim_step(draft, ClaimAction.CREATE, actor=actor, at=now)]
    events = [claim_event("ClaimCreated", draft, at=now)]
    if is_submitted:
        steps.append(claim_step(claim, ClaimAction.SUBMIT, actor=actor, at=now))
        events.append(claim_event("ClaimSubmitted", claim, at=now))
    await history.record(connection, *steps)
    await outbox.record(connection, *events)
    return claim


async def replace_claim(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    claim_id: str,
    changes: dict[str, Any],
    is_submitted: bool,
    subject: str,
    now: datetime,
) -> ClaimRecord:
    """A corrected claim in the place of a decided one: a new claim that keeps the payer's number."""
    original = await locked(connection, scope, claim_id, None)
    await _check_replaceable(connection, scope, original)
    rows = await claims_db.items_of_claims(connection, scope, [claim_id])
    data = replace(claim_input.data_of(original, rows), **changes)
    own = Own(replaces_id=claim_id)
    found = await preflight.examine(connection, scope=scope, data=data, own=own, today=business_day(now))
    draft = replace(
        _new_record(data, found.passed(), subject=subject, now=now),
        replaces_id=claim_id,
        payer_claim_number=original.payer_claim_number,
    )
    return await _insert(connection, data, draft, found, is_submitted=is_submitted, now=now)


async def _check_replaceable(connection: AsyncConnection, scope: DataScope, claim: ClaimRecord) -> None:
    denials = await denials_db.of_claims(connection, scope, [claim.id])
    block = replacement_block(
        claim.status,
        is_billed=claim.id in await lines_db.billed_claims(connection, [claim.id]),
        is_replaced=claim.id in await claims_db.replaced_among(connection, [claim.id]),
        is_appealed=any(denial.status in AFTER_APPEAL for denial in denials),
    )
    if block is not None:
        raise conflict(block)


async def update_draft(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    claim_id: str,
    changes: dict[str, Any],
    version: int | None,
    subject: str,
    now: datetime,
) -> ClaimRecord:
    """Lay the changes (fields of ClaimData) over a draft; the whole claim is checked again."""
    claim = await locked(connection, scope, claim_id, version)
    next_status(claim.status, ClaimAction.UPDATE)
    rows = await claims_db.items_of_claims(connection, scope, [claim_id])
    data = replace(claim_input.data_of(claim, rows), **changes)
    own = Own(claim_id, claim.replaces_id)
    found = await preflight.examine(connection, scope=scope, data=data, own=own, today=business_day(now))
    checked = found.passed()
    renewed = replace(claim, **_columns(data, checked), version=claim.version + 1)
    try:
        await claims_db.update_claim(connection, renewed)
    except IntegrityError:
        raise BillingError(preflight.duplicate_number(data)) from None
    await claims_db.delete_items(connection, claim_id)
    await claims_db.insert_items(connection, claim_input.item_records(claim_id, data, checked))
    await history.record(connection, claim_step(renewed, ClaimAction.UPDATE, actor=subject, at=now))
    await outbox.record(connection, claim_event("ClaimUpdated", renewed, at=now))
    return renewed


async def submit_many(
    connection: AsyncConnection, *, scope: DataScope, claim_ids: Sequence[str], subject: str, now: datetime
) -> list[Submission]:
    """Send up to 100 claims of one type; each succeeds or is refused for itself, in input order."""
    check_batch(claim_ids)
    found = {claim.id: claim for claim in await claims_db.lock_many(connection, scope, sorted(set(claim_ids)))}
    check_one_type(list(found.values()))
    return [
        await _submit_one(connection, scope, found.get(claim_id), claim_id, f"claimIds.{index}", subject, now)
        for index, claim_id in enumerate(claim_ids)
    ]


def check_batch(claim_ids: Sequence[str]) -> None:
    """BATCH_TOO_LARGE above 100 claims, INVALID_INPUT for none or for one named twice."""
    if len(claim_ids) > BATCH_MAX:
        raise refuse(ErrorCode.BATCH_TOO_LARGE, f"a batch holds at most {BATCH_MAX} claims", "claimIds", "5015")
    if not claim_ids or len(set(claim_ids)) < len(claim_ids):
        raise refuse(ErrorCode.INVALID_INPUT, "a batch holds at least one claim, each of them once", "claimIds")


def check_one_type(claims: Sequence[ClaimRecord]) -> None:
    """BATCH_TOO_LARGE for claims of several types."""
    if len({claim.type for claim in claims}) > 1:
        raise refuse(ErrorCode.BATCH_TOO_LARGE, "a batch holds claims of one type only", "claimIds", "5015")


async def _submit_one(
    connection: AsyncConnection,
    scope: DataScope,
    claim: ClaimRecord | None,
    claim_id: str,
    field: str,
    subject: str,
    now: datetime,
) -> Submission:
    try:
        if claim is None:
            raise not_found("claim", claim_id, field)
        return Submission(claim_id, await _submit(connection, scope, claim, subject, now))
    except BillingError as error:
        return Submission(claim_id, None, error.failures)


async def _submit(
    connection: AsyncConnection, scope: DataScope, claim: ClaimRecord, subject: str, now: datetime
) -> ClaimRecord:
    next_status(claim.status, ClaimAction.SUBMIT)
    # What was right when the draft was written may have run out since: card, window, codes, prices.
    found = await preflight.of_record(connection, scope=scope, claim=claim, today=business_day(now))
    found.passed()
    submitted = _submitted(claim, found, now)
    return await keep(connection, submitted, ClaimAction.SUBMIT, "ClaimSubmitted", subject=subject, now=now)


async def cancel(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    claim_id: str,
    version: int | None,
    reason: str | None,
    subject: str,
    now: datetime,
) -> ClaimRecord:
    """Withdraw a claim that is not decided yet."""
    raise_any(reason_failures(reason))
    claim = await locked(connection, scope, claim_id, version)
    moved = moved_by(claim, ClaimAction.CANCEL)
    return await keep(connection, moved, ClaimAction.CANCEL, "ClaimCancelled", subject=subject, now=now, reason=reason)


async def locked(connection: AsyncConnection, scope: DataScope, claim_id: str, version: int | None) -> ClaimRecord:
    """The claim held for a change; NOT_FOUND outside the scope, STALE_VERSION if it has moved on."""
    claim = await claims_db.lock(connection, scope, claim_id)
    if claim is None:
        raise not_found("claim", claim_id)
    if version is not None and version != claim.version:
        message = f"the claim has changed: its version is {claim.version}"
        raise refuse(ErrorCode.STALE_VERSION, message, "version")
    return claim


def moved_by(claim: ClaimRecord, action: ClaimAction) -> ClaimRecord:
    """The claim one step further; CONFLICT for a step that its state does not allow."""
    return replace(claim, status=next_status(claim.status, action), version=claim.version + 1)


async def keep(
    connection: AsyncConnection,
    claim: ClaimRecord,
    action: ClaimAction,
    event: str,
    *,
    subject: str,
    now: datetime,
    reason: str | None = None,
) -> ClaimRecord:
    """Write the moved claim, its step of history and its event."""
    await claims_db.update_claim(connection, claim)
    await history.record(connection, claim_step(claim, action, actor=subject, at=now, reason=reason))
    await outbox.record(connection, claim_event(event, claim, at=now))
    return claim


def reason_failures(reason: str | None) -> list[Failure]:
    """Why a reason is refused; none at all is fine."""
    found = None if reason is None else text_failure(reason, "reason", 500)
    return [] if found is None else [found]


def _submitted(claim: ClaimRecord, found: Preflight, now: datetime) -> ClaimRecord:
    return replace(moved_by(claim, ClaimAction.SUBMIT), submitted_at=now, warnings=found.warnings or None)


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
        "encounter": data.encounter,
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
        replaces_id=None,
        warnings=None,
        version=1,
        created_by=subject,
        created_at=now,
        submitted_at=None,
        decided_at=None,
        **_columns(data, checked),
    )
