"""The data scope as SQL: the condition in the WHERE of every read and every lock."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, false, literal, or_, select, true

from app.db.appeal_tables import appeal_batches, appeal_templates
from app.db.bank_tables import bank_entries, bank_files
from app.db.batch_tables import batches
from app.db.book_tables import book_sums
from app.db.deduction_tables import settlement_deductions
from app.db.document_tables import documents
from app.db.filters import Condition, has
from app.db.import_tables import import_jobs
from app.db.mapping_tables import statement_mappings
from app.db.merged_patients import same_patient
from app.db.party_tables import party_history, patient_registrations, practitioners
from app.db.queue_tables import unapplied_credits
from app.db.reference_tables import contracts, coverages, eligibility_checks, patients, providers
from app.db.remittance_tables import remittances
from app.db.tables import claims, invoices, outbox, settlements
from app.domain import ids
from app.domain.data_scope import DataScope


def _allows(
    scope: DataScope,
    *,
    provider: ColumnElement[str],
    payer: ColumnElement[str],
    patient: ColumnElement[str] | None = None,
) -> Condition:
    if scope.is_empty:
        return false()
    parts: list[Condition] = []
    if scope.providers and not scope.any_provider:
        parts.append(provider.in_(sorted(scope.providers)))
    if scope.payer is not None:
        parts.append(payer == scope.payer)
    if scope.patient is not None:
        parts.append(false() if patient is None else same_patient(patient, scope.patient))
    return and_(*parts) if parts else true()


def parties_of(
    scope: DataScope,
    provider: ColumnElement[str],
    providers: Collection[str] | None,
    payer: ColumnElement[str],
    payers: Collection[str] | None,
) -> list[tuple[ColumnElement[str], Sequence[str] | None]]:
    """The providers and the payers that the filter leaves, or else the scope; None where all are left."""
    own = None if scope.any_provider or not scope.providers else sorted(scope.providers)
    return [
        (provider, own if providers is None else list(providers)),
        (payer, None if payers is None else list(payers)),
    ]


def claims_in(scope: DataScope) -> Condition:
    """Claims of the scope's providers, payer and patient."""
    return _allows(scope, provider=claims.c.provider_cnes, payer=claims.c.payer_ans, patient=claims.c.patient_id)


def invoices_in(scope: DataScope) -> Condition:
    """Invoices of the scope's providers and payer; a patient sees none, since they bill other patients' claims too."""
    return _allows(scope, provider=invoices.c.provider_cnes, payer=invoices.c.payer_ans)


def settlements_in(scope: DataScope) -> Condition:
    """Settlements of the scope's providers and payer; a patient sees none."""
    return _allows(scope, provider=settlements.c.provider_cnes, payer=settlements.c.payer_ans)


def deductions_in(scope: DataScope) -> Condition:
    """What the scope's payer kept back of payments to the scope's providers; a patient sees nothing."""
    table = settlement_deductions.c
    return _allows(scope, provider=table.provider_cnes, payer=table.payer_ans)


def bank_files_in(scope: DataScope) -> Condition:
    """Files of the bank accounts of the scope's providers; a payer and a patient see none."""
    return _allows(scope, provider=bank_files.c.provider_cnes, payer=literal(""))


def bank_entries_in(scope: DataScope) -> Condition:
    """Entries of the bank accounts of the scope's providers; a payer sees those of its payments, a patient none."""
    return _allows(scope, provider=bank_entries.c.provider_cnes, payer=bank_entries.c.payer_ans)


def book_sums_in(scope: DataScope) -> Condition:
    """Sums of the scope's providers and payer; a patient sees none."""
    return _allows(scope, provider=book_sums.c.provider_cnes, payer=book_sums.c.payer_ans)


def contracts_in(scope: DataScope) -> Condition:
    """Contracts of the scope's providers and payer; a patient sees none."""
    return _allows(scope, provider=contracts.c.provider_cnes, payer=contracts.c.payer_ans)


def remittances_in(scope: DataScope) -> Condition:
    """Remittances to the scope's providers from its payer; a patient sees none."""
    return _allows(scope, provider=remittances.c.provider_cnes, payer=remittances.c.payer_ans)


def mappings_in(scope: DataScope) -> Condition:
    """Mappings of the scope's providers for its payer; a patient sees none."""
    return _allows(scope, provider=statement_mappings.c.provider_cnes, payer=statement_mappings.c.payer_ans)


def credits_in(scope: DataScope) -> Condition:
    """Unapplied credits of the scope's providers from its payer; a patient sees none."""
    return _allows(scope, provider=unapplied_credits.c.provider_cnes, payer=unapplied_credits.c.payer_ans)


def batches_in(scope: DataScope) -> Condition:
    """Batches of the scope's providers to its payer; a patient sees none, since they contain other patients' claims."""
    return _allows(scope, provider=batches.c.provider_cnes, payer=batches.c.payer_ans)


def appeal_batches_in(scope: DataScope) -> Condition:
    """Batches of appeals of the scope's providers to its payer; a patient sees none."""
    return _allows(scope, provider=appeal_batches.c.provider_cnes, payer=appeal_batches.c.payer_ans)


def appeal_templates_in(scope: DataScope) -> Condition:
    """Templates of the scope's providers; payers and patients see none."""
    if scope.is_empty or scope.payer is not None or scope.patient is not None:
        return false()
    return true() if scope.any_provider else appeal_templates.c.provider_cnes.in_(sorted(scope.providers))


def documents_in(scope: DataScope) -> Condition:
    """Documents of the scope's providers and payer, as far as these are known; a patient sees none."""
    return _allows(scope, provider=documents.c.provider_cnes, payer=documents.c.payer_ans)


def imports_in(scope: DataScope) -> Condition:
    """Import jobs of the scope's providers and payer, as far as these are known; a patient sees none."""
    return _allows(scope, provider=import_jobs.c.provider_cnes, payer=import_jobs.c.payer_ans)


def events_in(scope: DataScope) -> Condition:
    """Recorded events of the scope's providers, payer and patient."""
    return _allows(scope, provider=outbox.c.provider_cnes, payer=outbox.c.payer_ans, patient=outbox.c.patient_id)


def eligibility_in(scope: DataScope) -> Condition:
    """Eligibility answers of the scope's providers, payer and patient."""
    table = eligibility_checks.c
    return _allows(scope, provider=table.provider_cnes, payer=table.payer_ans, patient=table.patient_id)


def providers_in(scope: DataScope) -> Condition:
    """The scope's own providers; for a payer those of claims and contracts with it, for a patient those of own claims.

    The providers table has no payer and no patient: both are reached through claims and contracts.
    """
    if scope.is_empty:
        return false()
    parts: list[Condition] = []
    if scope.providers and not scope.any_provider:
        parts.append(providers.c.cnes.in_(sorted(scope.providers)))
    billed = select(claims.c.id).where(claims.c.provider_cnes == providers.c.cnes)
    if scope.payer is not None:
        agreed = select(contracts.c.id).where(contracts.c.provider_cnes == providers.c.cnes)
        billed_to = billed.where(claims.c.payer_ans == scope.payer).exists()
        parts.append(or_(billed_to, agreed.where(contracts.c.payer_ans == scope.payer).exists()))
    if scope.patient is not None:
        parts.append(billed.where(same_patient(claims.c.patient_id, scope.patient)).exists())
    return and_(true(), *parts)


def patients_in(scope: DataScope) -> Condition:
    """Patients known to the scope's providers, covered by its payer, or the scope's own patient.

    The patients table has no provider and no payer: both are reached through tables that name the patient. A provider
    knows a patient whom it has registered, or by a claim or an eligibility check of its own, a payer by any coverage,
    ended ones included, since claims from that time may still be open.
    """
    if scope.is_empty:
        return false()
    parts: list[Condition] = []
    if scope.providers and not scope.any_provider:
        parts.append(_known_to(scope.providers))
    if scope.payer is not None:
        covered = select(coverages.c.id).where(coverages.c.patient_id == patients.c.id)
        parts.append(covered.where(coverages.c.payer_ans == scope.payer).exists())
    if scope.patient is not None:
        parts.append(same_patient(patients.c.id, scope.patient))
    return and_(true(), *parts)


def _known_to(providers: frozenset[str]) -> Condition:
    codes = sorted(providers)
    billed = select(claims.c.id).where(claims.c.patient_id == patients.c.id, claims.c.provider_cnes.in_(codes))
    table = eligibility_checks.c
    asked = select(table.id).where(table.patient_id == patients.c.id, table.provider_cnes.in_(codes))
    return or_(has(billed), has(asked), _registered_by(codes))


def _registered_by(codes: Sequence[str]) -> Condition:
    table = patient_registrations.c
    return select(table.patient_id).where(table.patient_id == patients.c.id, table.provider_cnes.in_(codes)).exists()


def is_treated_in(scope: DataScope) -> Condition:
    """Whether the scope's providers treat a patient: one of them has registered the patient, or submitted a claim.

    A card number that somebody guessed leads to an eligibility check or a draft, and to the patient's name, but not to
    the CPF and the day of birth. A payer and a patient know their own.
    """
    if not scope.providers or scope.any_provider or scope.payer is not None or scope.patient is not None:
        return true()
    submitted = select(claims.c.id).where(claims.c.patient_id == patients.c.id, claims.c.submitted_at.is_not(None))
    codes = sorted(scope.providers)
    return or_(submitted.where(claims.c.provider_cnes.in_(codes)).exists(), _registered_by(codes))


def coverages_in(scope: DataScope) -> Condition:
    """Coverages of patients whom the scope's providers treat; of a payer those with it, of a patient the own ones.

    A card number that somebody guessed leads to a patient, but not to the other cards of that patient.
    """
    of_patient = select(patients.c.id).where(patients.c.id == coverages.c.patient_id)
    known = of_patient.where(patients_in(scope), is_treated_in(scope)).exists()
    return known if scope.payer is None else and_(known, coverages.c.payer_ans == scope.payer)


def practitioners_in(scope: DataScope) -> Condition:
    """Practitioners of the scope's providers; payers and patients see them on claims only."""
    if scope.is_empty or scope.payer is not None or scope.patient is not None:
        return false()
    return true() if scope.any_provider else practitioners.c.provider_cnes.in_(sorted(scope.providers))


def party_steps_in(scope: DataScope) -> Condition:
    """Steps of the parties within the scope; payers are known to everybody."""
    party = party_history.c.party_id
    found = [
        select(providers.c.cnes).where(literal(f"{ids.PROVIDER}_") + providers.c.cnes == party, providers_in(scope)),
        select(patients.c.id).where(patients.c.id == party, patients_in(scope), is_treated_in(scope)),
        select(coverages.c.id).where(coverages.c.id == party, coverages_in(scope)),
        select(practitioners.c.id).where(practitioners.c.id == party, practitioners_in(scope)),
    ]
    is_of_payer = false() if scope.is_empty else party.startswith(f"{ids.PAYER}_", autoescape=True)
    return or_(is_of_payer, *[each.exists() for each in found])
