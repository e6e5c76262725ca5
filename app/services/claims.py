"""The provider's actions on claims: create, change, submit, cancel, replace."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from sqlalchemy.exc import IntegrityError

from app.db import batches as batches_db
from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import guides as guides_db
from app.db import invoice_lines as lines_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.parties import CoverageRecord
from app.domain import ids
from app.domain.actions import ClaimOperation
from app.domain.claim_form import ClaimForm, with_document_numbers
from app.domain.claims import ClaimAction, ClaimStatus, next_status, replacement_block
from app.domain.errors import (
    BillingError,
    ErrorCode,
    Failure,
    check_version,
    not_found,
    raise_any,
    refuse,
)
from app.domain.refusals import Refusals, checked
from app.domain.remittances import RemittanceLineProblem
from app.domain.text import text_failure
from app.events.contracts import claim_event
from app.services import batch_steps, claim_checks, guide_cards, held_lines, preflight, readiness
from app.services.claim_checks import Checked, Code
from app.services.history import claim_step
from app.services.outcomes import Outcome, answer_of_outcomes
from app.services.preflight import BilledServices, ClaimIdentity, Preflight
from app.services.readiness import Source
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

BATCH_MAX: Final = 100
REASON_LENGTH_MAX: Final = 500
UNSEEN: Final = frozenset({ClaimStatus.DRAFT, ClaimStatus.SUBMITTED})
"""States of a claim of which the payer knows only from a batch."""
_NO_NUMBER: Final = Failure(ErrorCode.INVALID_INPUT, "give the new claim a number of its own", "providerClaimNumber")


async def create(
    unit: UnitOfWork,
    *,
    form: ClaimForm,
    submit: bool,
    accepted: Collection[Code] = (),
    free: Collection[str] = (),
    payer_claim_number: str | None = None,
    patient_name: str | None = None,
    source: bytes | None = None,
) -> ClaimRecord:
    """Create a claim as DRAFT, or SUBMITTED at once; `accepted` codes of a document need no term, nor do those at the
    fields `free`, and it may have the payer's number and a name for the person of an unknown card. `source`: the guide
    that it comes as."""
    scope, today = unit.scope, unit.today
    found = await preflight.examine(
        unit.connection,
        scope=scope,
        form=form,
        identity=ClaimIdentity(),
        today=today,
        accepted=accepted,
        free=free,
        may_be_zero=source is not None,
    )
    if source is not None:
        found = await readiness.warned(found, form, Source(unit.children, source))
    elif submit:
        found = await readiness.checked(found, form)
    coverage = await guide_cards.coverage_of(unit, form, found.require_passed().coverage, patient_name)
    new = replace(_new_record(unit, form, coverage), payer_claim_number=payer_claim_number)
    return await _insert(unit, form, new, found, coverage, submit=submit)


async def _insert(
    unit: UnitOfWork, form: ClaimForm, draft: ClaimRecord, found: Preflight, coverage: CoverageRecord, *, submit: bool
) -> ClaimRecord:
    claim = _submitted(unit, draft, found) if submit else draft
    try:
        items = claim_checks.item_records(claim.id, form, found.require_passed())
        await claims_db.insert_claim(unit.connection, claim, items, coverage.id)
    except IntegrityError:
        # The check ran without a lock: another caller used the number before this insert.
        raise BillingError(preflight.duplicate_number()) from None
    unit.step(claim_step(unit, draft, ClaimAction.CREATE))
    unit.emit(claim_event("ClaimCreated", draft, previous=None, at=unit.now))
    if submit:
        unit.step(claim_step(unit, claim, ClaimAction.SUBMIT))
        unit.emit(claim_event("ClaimSubmitted", claim, previous=draft.status, at=unit.now))
    unit.changed(claim.id, claim.patient_id)
    return claim


async def replace_claim(
    unit: UnitOfWork, *, id: str, changes: Mapping[str, Any], submit: bool, version: int | None = None
) -> ClaimRecord:
    """Replace a decided claim with a corrected one, which has a number of its own and the same payer's number."""
    original = await locked(unit, id, None)
    refusals = Refusals([None if "provider_claim_number" in changes else _NO_NUMBER])
    with refusals.also():
        check_version("claim", original.version, version)
    with refusals.also():
        await _check_replaceable(unit, original)
        form, found = await _examine_changes(unit, original, changes, ClaimIdentity(replaces_id=id))
        if submit:
            sources = await readiness.sources(unit.connection, unit.children, [id])
            found = await readiness.checked(found, form, sources.get(id))
        passed = found.require_passed()
    refusals.raise_any()
    coverage = await guide_cards.coverage_of(unit, form, passed.coverage)
    new = _new_record(unit, form, coverage)
    draft = replace(new, replaces_id=id, payer_claim_number=original.payer_claim_number)
    claim = await _insert(unit, form, draft, found, coverage, submit=submit)
    await guides_db.copy(unit.connection, id, claim.id)
    return claim


async def _examine_changes(
    unit: UnitOfWork, claim: ClaimRecord, changes: Mapping[str, Any], identity: ClaimIdentity
) -> tuple[ClaimForm, Preflight]:
    """The form of the claim with the changes, and what is found of it; codes and a total of 0.00 that the claim has
    already are accepted."""
    rows = await claims_db.items_of_claims(unit.connection, unit.scope, [claim.id])
    earlier = claim_checks.form_of(claim, rows)
    form = replace(earlier, **changes)
    if form.items is not earlier.items:
        form = replace(form, items=with_document_numbers(form.items, earlier.items))
    found = await preflight.examine(
        unit.connection,
        scope=unit.scope,
        form=form,
        identity=identity,
        today=unit.today,
        accepted=preflight.accepted_codes(claim, rows),
        may_be_zero=claim.claimed_cents == 0,
    )
    return form, found


async def _check_replaceable(unit: UnitOfWork, claim: ClaimRecord) -> None:
    denials = await denials_db.of_claims(unit.connection, unit.scope, [claim.id])
    raise_any(
        [
            replacement_block(
                claim.status,
                is_billed=claim.id in await lines_db.billed_claims(unit.connection, [claim.id]),
                is_replaced=claim.id in await claims_db.replaced_among(unit.connection, [claim.id]),
                is_appealed=any(denial.is_after_appeal for denial in denials),
            )
        ]
    )


async def update_draft(unit: UnitOfWork, *, id: str, changes: Mapping[str, Any], version: int | None) -> ClaimRecord:
    """Apply the changes (fields of ClaimForm) to a draft; the whole claim is checked again."""
    claim = await locked(unit, id, None)
    refusals = Refusals()
    with refusals.also():
        check_version("claim", claim.version, version)
    with refusals.also():
        next_status(claim.status, ClaimAction.UPDATE)
        form, found = await _examine_changes(unit, claim, changes, ClaimIdentity(id, claim.replaces_id))
        checked = found.require_passed()
    refusals.raise_any()
    patient_id = claim.patient_id
    if checked.coverage is None or checked.coverage.patient_id != patient_id:
        patient_id = await guide_cards.patient_of(unit, form, checked.coverage)
    renewed = replace(claim, **claim_checks.columns_of(form, patient_id), version=claim.version + 1)
    await _rewrite(unit, renewed, form, checked)
    unit.step(claim_step(unit, renewed, ClaimAction.UPDATE))
    unit.emit(claim_event("ClaimUpdated", renewed, previous=claim.status, at=unit.now))
    unit.changed(renewed.id, renewed.patient_id)
    return renewed


async def _rewrite(unit: UnitOfWork, claim: ClaimRecord, form: ClaimForm, checked: Checked) -> None:
    try:
        await claims_db.update_claim(unit.connection, claim)
    except IntegrityError:
        raise BillingError(preflight.duplicate_number()) from None
    await claims_db.delete_items(unit.connection, claim.id)
    await claims_db.insert_items(unit.connection, claim_checks.item_records(claim.id, form, checked))


async def submit_many(
    unit: UnitOfWork, *, claim_ids: Sequence[str], atomic: bool = False
) -> list[Outcome[ClaimRecord]]:
    """Send up to 100 claims of one type, results in input order: each for itself or, if `atomic`, all or none."""
    check_batch(claim_ids)
    rows = await claims_db.lock_many(unit.connection, unit.scope, sorted(set(claim_ids)))
    check_one_type(rows)
    batch = await _Batch.of(unit, rows)
    outcomes = [
        await _submit_one(unit, batch, claim_id, f"claimIds.{index}") for index, claim_id in enumerate(claim_ids)
    ]
    if atomic:
        raise_any(failure for each in outcomes for failure in each.failures)
    return outcomes


def check_batch(claim_ids: Sequence[str]) -> None:
    """BATCH_TOO_LARGE for more than 100 claims, INVALID_INPUT for none or for duplicates."""
    if len(claim_ids) > BATCH_MAX:
        raise refuse(ErrorCode.BATCH_TOO_LARGE, f"send at most {BATCH_MAX} claims at once", "claimIds", "5015")
    if not claim_ids or len(set(claim_ids)) < len(claim_ids):
        raise refuse(ErrorCode.INVALID_INPUT, "send at least one claim, and each claim only once", "claimIds")


def check_one_type(claims: Sequence[ClaimRecord]) -> None:
    """BATCH_TOO_LARGE for claims of several types."""
    if len({claim.type for claim in claims}) > 1:
        raise refuse(ErrorCode.BATCH_TOO_LARGE, "send claims of one type only", "claimIds", "5015")


@frozen
class _Batch:
    """The claims to submit, by id, with their items, what is billed of these elsewhere, and the guides they came as."""

    claims: dict[str, ClaimRecord]
    items: dict[str, list[ItemRecord]]
    billed: BilledServices
    sources: dict[str, Source]

    @classmethod
    async def of(cls, unit: UnitOfWork, claims: Sequence[ClaimRecord]) -> Self:
        by_id = {claim.id: claim for claim in claims}
        rows = await claims_db.items_of_claims(unit.connection, unit.scope, list(by_id))
        items: dict[str, list[ItemRecord]] = {claim_id: [] for claim_id in by_id}
        for row in rows:
            items[row.claim_id].append(row)
        billed = await BilledServices.of_drafts(unit.connection, unit.scope, claims, rows)
        return cls(by_id, items, billed, await readiness.sources(unit.connection, unit.children, list(by_id)))


async def _submit_one(unit: UnitOfWork, batch: _Batch, claim_id: str, field: str) -> Outcome[ClaimRecord]:
    try:
        claim = batch.claims.get(claim_id)
        if claim is None:
            raise not_found("claim", field)
        return Outcome(claim_id, await _submit(unit, batch, claim))
    except BillingError as error:
        return Outcome(claim_id, None, tuple(_of_batch(failure, field) for failure in error.failures))


def _of_batch(failure: Failure, field: str) -> Failure:
    """The failure as a batch names it: what is said of the claim as such is said of its place in the input."""
    return replace(failure, field=field) if failure.field == "id" else failure


async def _submit(unit: UnitOfWork, batch: _Batch, claim: ClaimRecord) -> ClaimRecord:
    next_status(claim.status, ClaimAction.SUBMIT)
    items = batch.items[claim.id]
    # Checked again: card, submission window, codes and prices may have changed since the draft was written.
    form = claim_checks.form_of(claim, items)
    found = await preflight.of_rows(
        unit.connection, scope=unit.scope, claim=claim, items=items, form=form, today=unit.today, billed=batch.billed
    )
    found = await readiness.checked(found, form, batch.sources.get(claim.id))
    found.require_passed()
    batch.billed.add(claim, items)
    return await store(unit, claim, _submitted(unit, claim, found), ClaimAction.SUBMIT, "ClaimSubmitted")


async def cancel(unit: UnitOfWork, *, id: str, version: int | None, reason: str | None) -> ClaimRecord:
    """Withdraw a claim that is not decided yet. If it was in no batch that was sent, and the payer has not begun its
    review, another claim may use its number."""
    await held_lines.lock_remittances(unit, [id])
    claim = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id, version))
    cancelled = after_action(claim, ClaimAction.CANCEL)
    batch = await batch_steps.sent_batch(unit, id)
    if claim.status in UNSEEN and not await batches_db.was_sent(unit.connection, id):
        cancelled = replace(cancelled, freed_id=claim.id)
    await store(unit, claim, cancelled, ClaimAction.CANCEL, "ClaimCancelled", reason=reason)
    await held_lines.give_back(unit, id, RemittanceLineProblem.NOT_PAYABLE, held_lines.NOT_SENT)
    if batch is not None:
        await batch_steps.finish(unit, [id])
    return cancelled


async def withdraw(unit: UnitOfWork, *, id: str, version: int | None, reason: str | None) -> ClaimRecord:
    """Make a submitted claim that is in no active batch a draft again, so that it can be corrected."""
    await held_lines.lock_remittances(unit, [id])
    claim = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id, version))
    draft = as_draft(claim, ClaimAction.WITHDRAW)
    await batch_steps.require_none(unit, id)
    await held_lines.give_back(unit, id, RemittanceLineProblem.NOT_PAYABLE, held_lines.NOT_SENT)
    return await store(unit, claim, draft, ClaimAction.WITHDRAW, "ClaimWithdrawn", reason=reason)


def as_draft(claim: ClaimRecord, action: ClaimAction) -> ClaimRecord:
    """The claim as a draft again; CONFLICT for an action that its status does not allow."""
    return replace(after_action(claim, action), submitted_at=None, warnings=None)


async def locked(unit: UnitOfWork, claim_id: str, version: int | None) -> ClaimRecord:
    """The claim, locked for a change; NOT_FOUND outside the data scope, STALE_VERSION if it has changed since."""
    claim = await claims_db.lock(unit.connection, unit.scope, claim_id)
    if claim is None:
        raise not_found("claim")
    check_version("claim", claim.version, version)
    return claim


def after_action(claim: ClaimRecord, action: ClaimAction) -> ClaimRecord:
    """The claim after the action; CONFLICT for an action that its status does not allow."""
    return replace(claim, status=next_status(claim.status, action), version=claim.version + 1)


async def store(
    unit: UnitOfWork,
    before: ClaimRecord,
    after: ClaimRecord,
    action: ClaimAction,
    event: str,
    *,
    reason: str | None = None,
) -> ClaimRecord:
    """Write the claim as it is after the action, the step of history and the event; the result is that claim."""
    await claims_db.update_claim(unit.connection, after)
    unit.step(claim_step(unit, after, action, reason=reason))
    unit.emit(claim_event(event, after, previous=before.status, at=unit.now))
    unit.changed(after.id, after.patient_id)
    return after


def _submitted(unit: UnitOfWork, claim: ClaimRecord, found: Preflight) -> ClaimRecord:
    return replace(after_action(claim, ClaimAction.SUBMIT), submitted_at=unit.now, warnings=found.warnings or None)


def _new_record(unit: UnitOfWork, form: ClaimForm, coverage: CoverageRecord) -> ClaimRecord:
    return ClaimRecord(
        id=ids.new_id(ids.CLAIM),
        status=ClaimStatus.DRAFT,
        provider_cnes=form.provider,
        payer_ans=form.payer,
        payer_claim_number=None,
        processed_cents=None,
        approved_cents=None,
        denied_cents=None,
        patient_cents=None,
        replaces_id=None,
        warnings=None,
        freed_id="",
        version=1,
        created_by=unit.subject,
        created_at=unit.now,
        submitted_at=None,
        decided_at=None,
        **claim_checks.columns_of(form, coverage.patient_id),
    )


STORED_CLAIM: Final = StoredRecord(
    ClaimRecord,
    claims_db.by_ids,
    *("status", "version", "payer_claim_number", "submitted_at", "decided_at"),
    *("claimed_cents", "processed_cents", "approved_cents", "denied_cents", "patient_cents"),
)
CLAIM_ANSWER: Final[StoredAnswer[ClaimRecord]] = answer_of_one(STORED_CLAIM)
CLAIM_OUTCOMES: Final = answer_of_outcomes(STORED_CLAIM)

CREATE: Final = Action("createClaim", create, needs="claims:create", answer=CLAIM_ANSWER, finds_cards=True)
UPDATE_DRAFT: Final = Action(
    "updateDraftClaim",
    update_draft,
    needs="claims:create",
    answer=CLAIM_ANSWER,
    offers=ClaimOperation.UPDATE_DRAFT,
    finds_cards=True,
)
REPLACE: Final = Action(
    "replaceClaim",
    replace_claim,
    needs="claims:create",
    answer=CLAIM_ANSWER,
    offers=ClaimOperation.REPLACE,
    finds_cards=True,
)
SUBMIT: Final = Action(
    "submitClaims",
    submit_many,
    needs="claims:submit",
    answer=CLAIM_OUTCOMES,
    offers=ClaimOperation.SUBMIT,
)
CANCEL: Final = Action("cancelClaim", cancel, needs="claims:cancel", answer=CLAIM_ANSWER, offers=ClaimOperation.CANCEL)
WITHDRAW: Final = Action(
    "withdrawClaim", withdraw, needs="claims:submit", answer=CLAIM_ANSWER, offers=ClaimOperation.WITHDRAW
)
