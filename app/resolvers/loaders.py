"""A dataloader for each relation: a batch is one statement on a short-lived connection, within the data scope."""

from functools import cached_property, partial

from strawberry.dataloader import DataLoader

from app.db import (
    adjustments,
    appeal_batches,
    appeal_templates,
    bank,
    batches,
    claims,
    contracts,
    deductions,
    denials,
    documents,
    eligibility,
    emergency,
    history,
    imports,
    invoice_lines,
    invoices,
    line_history,
    outbox,
    parties,
    party_history,
    patient_changes,
    registered_practitioners,
    remittances,
    settlements,
    statement_mappings,
    three_way,
    unapplied_credits,
)
from app.db.adjustments import AdjustmentRecord, AdjustmentStepRecord
from app.db.appeal_batches import AppealBatchRecord, AppealBatchStep
from app.db.appeal_templates import AppealTemplateRecord
from app.db.bank import BankEntryRecord, BankFileRecord
from app.db.batches import BatchRecord, BatchStep
from app.db.claims import ClaimRecord, ItemRecord
from app.db.contracts import ContractRecord, PriceRecord
from app.db.deductions import DeductionRecord
from app.db.denials import DenialRecord
from app.db.documents import DocumentRecord
from app.db.eligibility import EligibilityRecord
from app.db.emergency import EmergencyRecord
from app.db.history import Changes, ClaimStep, InvoiceStep
from app.db.imports import ImportJobRecord
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.db.line_history import LineStepRecord
from app.db.parties import CoverageRecord, PatientRecord, PayerRecord, ProviderRecord
from app.db.party_history import PartyStep
from app.db.registered_practitioners import PractitionerRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.settlements import SettlementRecord
from app.db.statement_mappings import StatementMappingRecord
from app.db.tuss import TussRecord
from app.db.unapplied_credits import CreditMoveRecord, CreditRecord
from app.domain.three_way import Booked
from app.resolvers.cached_terms import CachedTerms, TermKey
from app.resolvers.level_batches import Loader
from app.resolvers.loader_kinds import LoaderKinds, of_nobody


class Loaders(LoaderKinds):
    """The loaders of one request or one subscription event; dropped after every write."""

    @cached_property
    def payer(self) -> DataLoader[str, PayerRecord | None]:
        return self._one(of_nobody(parties.payers_by_code), lambda row: row.ans_code)

    @cached_property
    def provider(self) -> DataLoader[str, ProviderRecord | None]:
        return self._one(of_nobody(parties.providers_by_code), lambda row: row.cnes)

    @cached_property
    def provider_by_id(self) -> DataLoader[str, ProviderRecord | None]:
        return self._one(parties.providers_by_id, lambda row: row.id)

    @cached_property
    def patient(self) -> DataLoader[str, PatientRecord | None]:
        return self._mapped(parties.patients_by_any_id, otherwise=None)

    @cached_property
    def claim(self) -> DataLoader[str, ClaimRecord | None]:
        return self._one(claims.by_ids, lambda row: row.id)

    @cached_property
    def items_of_claim(self) -> DataLoader[str, list[ItemRecord]]:
        return self._many(claims.items_of_claims, lambda row: row.claim_id)

    @cached_property
    def item(self) -> DataLoader[str, ItemRecord | None]:
        return self._one(claims.items_by_ids, lambda row: row.id)

    @cached_property
    def claim_step(self) -> DataLoader[str, ClaimStep | None]:
        return self._one(history.claim_steps_by_ids, lambda row: row.id)

    @cached_property
    def invoice_step(self) -> DataLoader[str, InvoiceStep | None]:
        return self._one(history.invoice_steps_by_ids, lambda row: row.id)

    @cached_property
    def coverage(self) -> DataLoader[str, CoverageRecord | None]:
        return self._one(patient_changes.coverages_by_id, lambda row: row.id)

    @cached_property
    def registered_practitioner(self) -> DataLoader[str, PractitionerRecord | None]:
        return self._one(registered_practitioners.by_ids, lambda row: row.id)

    @cached_property
    def party_step(self) -> DataLoader[str, PartyStep | None]:
        return self._one(party_history.by_ids, lambda row: row.id)

    @cached_property
    def changes_of_claim(self) -> DataLoader[str, Changes | None]:
        return self._one(history.changes_of_claims, lambda row: row.object_id)

    @cached_property
    def changes_of_denial(self) -> DataLoader[str, Changes | None]:
        return self._one(history.changes_of_denials, lambda row: row.object_id)

    @cached_property
    def changes_of_invoice(self) -> DataLoader[str, Changes | None]:
        return self._one(history.changes_of_invoices, lambda row: row.object_id)

    @cached_property
    def replacement_of_claim(self) -> DataLoader[str, ClaimRecord | None]:
        return self._one(claims.active_replacements, lambda row: row.replaces_id or "")

    @cached_property
    def lines_of_claim(self) -> DataLoader[str, list[LineRecord]]:
        return self._many(invoice_lines.of_claims, lambda row: row.claim_id or "")

    @cached_property
    def adjustments_of_remittance(self) -> DataLoader[str, list[AdjustmentRecord]]:
        return self._many(adjustments.adjustments_of, lambda row: row.remittance_id)

    @cached_property
    def adjustment(self) -> DataLoader[str, AdjustmentRecord | None]:
        return self._one(adjustments.by_ids, lambda row: row.id)

    @cached_property
    def adjustment_step(self) -> DataLoader[str, AdjustmentStepRecord | None]:
        return self._one(adjustments.steps_by_ids, lambda row: row.id)

    @cached_property
    def denial(self) -> DataLoader[str, DenialRecord | None]:
        return self._one(denials.by_ids, lambda row: row.id)

    @cached_property
    def denials_of_item(self) -> DataLoader[str, list[DenialRecord]]:
        return self._many(denials.of_items, lambda row: row.item_id)

    @cached_property
    def denials_of_claim(self) -> DataLoader[str, list[DenialRecord]]:
        return self._many(denials.of_claims, lambda row: row.claim_id)

    @cached_property
    def invoice(self) -> DataLoader[str, InvoiceRecord | None]:
        return self._one(invoices.by_ids, lambda row: row.id)

    @cached_property
    def invoice_of_claim(self) -> DataLoader[str, InvoiceRecord | None]:
        return self._mapped(invoices.invoices_of_claims, otherwise=None)

    @cached_property
    def invoice_line(self) -> DataLoader[str, LineRecord | None]:
        return self._one(invoice_lines.by_ids, lambda row: row.id)

    @cached_property
    def line_of_won_appeal(self) -> DataLoader[str, LineRecord | None]:
        return self._one(invoice_lines.of_won_appeals, lambda row: row.billed_denial_id or "")

    @cached_property
    def remittance(self) -> DataLoader[str, RemittanceRecord | None]:
        return self._one(remittances.by_ids, lambda row: row.id)

    @cached_property
    def remittance_line(self) -> DataLoader[str, RemittanceLineRecord | None]:
        return self._one(remittances.lines_by_ids, lambda row: row.id)

    @cached_property
    def batch(self) -> DataLoader[str, BatchRecord | None]:
        return self._one(batches.by_ids, lambda row: row.id)

    @cached_property
    def appeal_batch(self) -> DataLoader[str, AppealBatchRecord | None]:
        return self._one(appeal_batches.by_ids, lambda row: row.id)

    @cached_property
    def appeal_batch_of_denial(self) -> DataLoader[str, AppealBatchRecord | None]:
        return self._mapped(appeal_batches.of_denials, otherwise=None)

    @cached_property
    def appeal_batch_step(self) -> DataLoader[str, AppealBatchStep | None]:
        return self._one(appeal_batches.steps_by_ids, lambda row: row.id)

    @cached_property
    def appeal_template(self) -> DataLoader[str, AppealTemplateRecord | None]:
        return self._one(appeal_templates.by_ids, lambda row: row.id)

    @cached_property
    def statement_mapping(self) -> DataLoader[str, StatementMappingRecord | None]:
        return self._one(statement_mappings.by_ids, lambda row: row.id)

    @cached_property
    def batch_of_claim(self) -> DataLoader[str, BatchRecord | None]:
        return self._mapped(batches.of_claims, otherwise=None)

    @cached_property
    def remittance_line_step(self) -> DataLoader[str, LineStepRecord | None]:
        return self._one(line_history.by_ids, lambda row: row.id)

    @cached_property
    def credit(self) -> DataLoader[str, CreditRecord | None]:
        return self._one(unapplied_credits.by_ids, lambda row: row.id)

    @cached_property
    def credit_use(self) -> DataLoader[str, CreditMoveRecord | None]:
        return self._one(unapplied_credits.moves_by_ids, lambda row: row.id)

    @cached_property
    def batch_step(self) -> DataLoader[str, BatchStep | None]:
        return self._one(batches.steps_by_ids, lambda row: row.id)

    @cached_property
    def contract(self) -> DataLoader[str, ContractRecord | None]:
        return self._one(contracts.by_ids, lambda row: row.id)

    @cached_property
    def price(self) -> DataLoader[str, PriceRecord | None]:
        return self._one(contracts.prices_by_ids, lambda row: row.id)

    @cached_property
    def emergency_access(self) -> DataLoader[str, EmergencyRecord | None]:
        return self._one(emergency.by_ids, lambda row: row.id)

    @cached_property
    def disputed_cents(self) -> DataLoader[str, int]:
        return self._mapped(invoices.disputed_cents, otherwise=0)

    @cached_property
    def document(self) -> DataLoader[str, DocumentRecord | None]:
        return self._one(partial(documents.by_ids, subject=self._subject), lambda row: row.id)

    @cached_property
    def import_job(self) -> DataLoader[str, ImportJobRecord | None]:
        return self._one(partial(imports.by_ids, subject=self._subject), lambda row: row.id)

    @cached_property
    def settlement(self) -> DataLoader[str, SettlementRecord | None]:
        return self._one(settlements.by_ids, lambda row: row.id)

    @cached_property
    def position_of_event(self) -> DataLoader[str, int | None]:
        return self._mapped(of_nobody(outbox.positions_of), otherwise=None)

    @cached_property
    def reversed_cents(self) -> DataLoader[str, int]:
        return self._mapped(settlements.reversed_cents, otherwise=0)

    @cached_property
    def credit_use_of_settlement(self) -> DataLoader[str, CreditMoveRecord | None]:
        return self._one(
            unapplied_credits.moves_of_settlements,
            lambda row: row.settlement_id or "",
        )

    @cached_property
    def deductions_of_settlement(self) -> DataLoader[str, list[DeductionRecord]]:
        return self._many(
            deductions.of_settlements,
            lambda row: row.settlement_id or "",
        )

    @cached_property
    def bank_file(self) -> DataLoader[str, BankFileRecord | None]:
        return self._one(bank.files_by_ids, lambda row: row.id)

    @cached_property
    def bank_entry(self) -> DataLoader[str, BankEntryRecord | None]:
        return self._one(bank.by_ids, lambda row: row.id)

    @cached_property
    def bank_match_of_remittance(self) -> DataLoader[str, str | None]:
        return self._mapped(bank.matches_of_remittances, otherwise=None)

    @cached_property
    def bank_entries_of_match(self) -> DataLoader[str, list[BankEntryRecord]]:
        return self._many(bank.of_matches, lambda row: row.match_id or "")

    @cached_property
    def booked(self) -> DataLoader[str, Booked | None]:
        return self._mapped(three_way.booked, otherwise=None)

    @cached_property
    def taken_back_cents(self) -> DataLoader[str, int]:
        return self._mapped(three_way.taken_back, otherwise=0)

    @cached_property
    def remittance_of_settlement(self) -> DataLoader[str, RemittanceRecord | None]:
        return self._mapped(remittances.of_settlements, otherwise=None)

    @cached_property
    def eligibility(self) -> DataLoader[str, EligibilityRecord | None]:
        return self._one(eligibility.by_ids, lambda row: row.id)

    @cached_property
    def term(self) -> DataLoader[TermKey, TussRecord | None]:
        return Loader(CachedTerms(self._reads.database).load, self._work)
