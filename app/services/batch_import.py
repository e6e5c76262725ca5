"""Importing a guide of a TISS batch document: it becomes a submitted claim by the same rules as one from a caller."""

import zlib
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum

from app.db import claims as claims_db
from app.db import guides as guides_db
from app.db.claims import ClaimRecord
from app.db.guides import GuideRecord
from app.domain.claim_form import ClaimForm
from app.domain.earlier_codes import fields_with_earlier_codes
from app.domain.errors import ErrorCode, Failure, raise_any
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.money import Cents
from app.domain.preflight import Finding, FindingSeverity
from app.domain.text import ascii_failure
from app.services import claim_checks, claims, guide_providers
from app.tiss.read_batch import IncomingGuide
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


class GuideOutcome(StrEnum):
    """The result for one guide."""

    IMPORTED = "IMPORTED"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"


@frozen
class GuideResult:
    """The result for one guide: its claim, new or imported before, or why it was refused; `warnings` of a new claim."""

    number: str
    outcome: GuideOutcome
    claim_id: str | None = None
    failures: tuple[Failure, ...] = ()
    warnings: tuple[Finding, ...] = ()


async def import_guide(
    unit: UnitOfWork, *, guide: IncomingGuide, form: ClaimForm, document_id: str | None = None
) -> GuideResult:
    """One guide as a submitted claim; a guide that was imported before changes nothing. `document_id`: of the stored
    document that it came in."""
    form = await guide_providers.identified(unit, form, guide.executor)
    known = await claims_db.by_numbers(
        unit.connection,
        unit.scope,
        form.provider,
        form.payer,
        own_numbers=[form.provider_claim_number],
        payer_numbers=[],
    )
    if known:
        return await _compare(unit, known[0], form)
    accepted, number = claim_checks.codes_of(form.items), guide.payer_claim_number
    raise_any([ascii_failure(number, "numeroGuiaOperadora", NUMBER_LENGTH_MAX)])
    claim = await claims.create(
        unit,
        form=form,
        submit=True,
        accepted=accepted,
        free=() if guide.is_validated else fields_with_earlier_codes(form),
        payer_claim_number=number,
        patient_name=guide.patient_name,
        source=guide.source,
    )
    await guides_db.insert(unit.connection, _record(claim.id, guide, document_id, unit.now))
    warnings = (*_findings(guide), *(claim.warnings or ()))
    return GuideResult(guide.number, GuideOutcome.IMPORTED, claim.id, warnings=warnings)


def _findings(guide: IncomingGuide) -> Iterator[Finding]:
    """What the document itself makes doubtful, such as a version of TISS whose schema is not here."""
    for each in guide.warnings:
        yield Finding(FindingSeverity.WARNING, each.code, each.message, each.field, each.tiss_code, Cents(0))


def _record(claim_id: str, guide: IncomingGuide, document_id: str | None, now: datetime) -> GuideRecord:
    return GuideRecord(claim_id, guide.version, zlib.compress(guide.source), document_id, now)


async def _compare(unit: UnitOfWork, known: ClaimRecord, form: ClaimForm) -> GuideResult:
    """UNCHANGED for the same guide again, REFUSED for a different guide with the number of an earlier one."""
    items = await claims_db.items_of_claims(unit.connection, unit.scope, [known.id])
    earlier = claim_checks.form_of(known, items)
    if (earlier.card_number, _billed(earlier)) == (form.card_number, _billed(form)):
        return GuideResult(form.provider_claim_number, GuideOutcome.UNCHANGED, known.id)
    message = f"the number belongs to claim {known.id}: use another number"
    failure = Failure(ErrorCode.DUPLICATE_CLAIM, message, "numeroGuiaPrestador", "1308")
    return GuideResult(form.provider_claim_number, GuideOutcome.REFUSED, failures=(failure,))


def _billed(form: ClaimForm) -> list[tuple[str, str, date, int]]:
    """The billed items, sorted: documents list expenses after procedures, so the order of the form is lost."""
    return sorted(
        (item.code_system, item.code, item.performed_on or form.service_date, item.total) for item in form.items
    )
