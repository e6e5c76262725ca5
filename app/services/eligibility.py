"""Eligibility: an answer per question, decided from the coverage and stored as history."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import contracts as contracts_db
from app.db import eligibility as eligibility_db
from app.db import parties as parties_db
from app.db import tuss as tuss_db
from app.db.eligibility import EligibilityRecord
from app.db.merged_patients import all_ids
from app.db.parties import CoverageRecord
from app.domain import ids
from app.domain.calendar import BRASILIA, business_day
from app.domain.data_scope import DataScope
from app.domain.eligibility import EligibilityDecision, EligibilityOutcome, EligibilitySource, decide
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.identifiers import ans_failure, card_failure, cnes_failure
from app.domain.refusals import Refusals
from app.services import parties, tuss
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

ANSWER_LIFETIME: Final = timedelta(hours=1)


@frozen
class Question:
    """Whether a payer's card is covered on a day, for a procedure (TUSS table and code) if one is given."""

    provider: str
    payer: str
    card_number: str
    service_date: date
    code_system: str | None = None
    procedure_code: str | None = None


def check_question(question: Question, scope: DataScope) -> None:
    """Refuse malformed identifiers (INVALID_IDENTIFIER, INVALID_CARD) and providers outside the scope (NOT_FOUND)."""
    refusals = Refusals(_question_failures(question))
    # A patient's token may only ask about the patient's own card, which `_ask` checks once it knows the owner.
    with refusals.also():
        if not scope.contains(provider=question.provider, payer=question.payer, patient=scope.patient):
            raise refuse(ErrorCode.NOT_FOUND, "the provider is not in your data scope", "provider")
    refusals.raise_any()


def _question_failures(question: Question) -> list[Failure | None]:
    found = [
        cnes_failure(question.provider, "provider"),
        ans_failure(question.payer, "payer"),
        card_failure(question.card_number, "cardNumber"),
    ]
    if (question.code_system is None) != (question.procedure_code is None):
        found.append(Failure(ErrorCode.INVALID_INPUT, "give both codeSystem and code of the procedure", "procedure"))
    return found


async def check(unit: UnitOfWork, *, question: Question, earlier: EligibilityRecord | None) -> EligibilityRecord:
    """Store the payer's answer, or repeat `earlier`, its answer to the same question; both add a row.

    The payer is asked if the earlier answer has expired, is none of this database's, is older than the last change of
    the card, or names a patient who was merged meanwhile.
    """
    if earlier is not None and await _is_valid(unit, earlier):
        record = _repeated(unit, question, earlier)
    else:
        record = await _ask(unit, question)
    await eligibility_db.insert_check(unit.connection, record)
    unit.changed(record.id, record.patient_id)
    return record


async def _is_valid(unit: UnitOfWork, earlier: EligibilityRecord) -> bool:
    if earlier.expires_at is None or earlier.expires_at <= unit.now:
        return False
    coverage = await parties_db.held_coverage_of_card(unit.connection, earlier.payer_ans, earlier.card_number)
    if earlier.patient_id != (coverage.patient_id if coverage else None):
        return False
    return bool(await eligibility_db.unchanged(unit.connection, unit.scope, earlier.id))


async def _ask(unit: UnitOfWork, question: Question) -> EligibilityRecord:
    """Decide from the payer's coverage."""
    connection, scope = unit.connection, unit.scope
    payer = await parties.require(connection, provider=question.provider, payer=question.payer)
    coverage = await parties_db.held_coverage_of_card(connection, question.payer, question.card_number)
    own = [] if scope.patient is None else await all_ids(connection, scope.patient)
    if scope.patient is not None and (coverage is None or coverage.patient_id not in own):
        raise refuse(ErrorCode.NOT_FOUND, "this card is not yours: ask about your own card", "cardNumber")
    await _check_procedure(connection, question)
    terms, is_answering = None if coverage is None else coverage.terms, payer.is_answering
    if terms is None or not terms.is_known:
        # Without the membership nobody knows: that the card is unknown here says nothing.
        contract = await contracts_db.between(connection, question.provider, question.payer)
        terms, is_answering = None, is_answering and contract is not None and contract.holds_membership
    decision = decide(terms, is_payer_answering=is_answering, service_date=question.service_date)
    return _record(unit, question, decision, coverage)


def _repeated(unit: UnitOfWork, question: Question, earlier: EligibilityRecord) -> EligibilityRecord:
    """The earlier answer with source CACHE; `asked_payer_at` is still the time when the payer was asked."""
    return replace(
        earlier,
        id=ids.new_id(ids.ELIGIBILITY),
        provider_cnes=question.provider,
        source=EligibilitySource.CACHE,
        answered_at=unit.now,
        created_by=unit.subject,
    )


async def _check_procedure(connection: AsyncConnection, question: Question) -> None:
    if question.code_system is None or question.procedure_code is None:
        return
    use = tuss.CodeUse("procedure", question.code_system, question.procedure_code, question.service_date)
    codes = tuss.published_codes([use])
    found = await tuss_db.by_keys(connection, codes) if codes else []
    raise_any(tuss.code_failures([use], {(term.code_system, term.code): term for term in found}))


def _record(
    unit: UnitOfWork, question: Question, decision: EligibilityDecision, coverage: CoverageRecord | None
) -> EligibilityRecord:
    known = coverage if decision.outcome is not EligibilityOutcome.UNDETERMINED else None
    return EligibilityRecord(
        id=ids.new_id(ids.ELIGIBILITY),
        payer_ans=question.payer,
        provider_cnes=question.provider,
        patient_id=coverage.patient_id if coverage else None,
        card_number=question.card_number,
        service_date=question.service_date,
        code_system=question.code_system,
        procedure_code=question.procedure_code,
        outcome=decision.outcome,
        reasons=decision.reasons,
        source=EligibilitySource.PAYER,
        plan_name=known.plan_name if known else None,
        card_valid_until=known.card_valid_until if known else None,
        asked_payer_at=unit.now,
        answered_at=unit.now,
        expires_at=_expiry(decision, known, unit.now),
        created_by=unit.subject,
    )


def _expiry(decision: EligibilityDecision, coverage: CoverageRecord | None, now: datetime) -> datetime | None:
    """When the answer expires: after an hour, with the day or with the card; None if the payer did not answer."""
    if decision.outcome is EligibilityOutcome.UNDETERMINED:
        return None
    limits = [now + ANSWER_LIFETIME, _end_of(business_day(now))]
    if (
        coverage is not None
        and coverage.card_valid_until is not None
        and coverage.card_valid_until >= business_day(now)
    ):
        limits.append(_end_of(coverage.card_valid_until))
    return min(limits)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), BRASILIA)


CHECK: Final = Action("checkEligibility", check, needs="eligibility:check", finds_cards=True)
