"""The object types that know each other: claims, items and denials, invoices and their lines, settlements."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.history import ClaimStep, InvoiceStep
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.db.settlements import SettlementRecord
from app.db.tuss import TussRecord
from app.domain import tabela38
from app.domain.invoices import ADJUSTMENTS
from app.domain.money import Cents, Factor, Quantity
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.schema.actions import (
    AvailableClaimAction,
    AvailableDenialAction,
    AvailableInvoiceAction,
    claim_actions,
    denial_actions,
    invoice_actions,
)
from app.schema.base.connections import Node
from app.schema.base.enums import ClaimStatus, ClaimType, DenialStatus, InvoiceLineKind, InvoiceStatus
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, amount, financial, health, maskable, personal
from app.schema.history import ClaimHistoryEntry, InvoiceHistoryEntry
from app.schema.parties import Authorization, Patient, Payer, Practitioner, Provider
from app.schema.preflight import PreflightFinding
from app.schema.tuss import TussTerm

PROCESSED = "What the payer processed (valorProcessado); null until decided."


APPROVED = "What the payer approved (valorLiberado); null until decided."


DENIED = "What the payer denied (valorGlosa); null until decided."


@strawberry.type(description="A billing claim (guia).")
class Claim(Node):
    type: ClaimType = strawberry.field(description="The kind of claim.")
    status: ClaimStatus = strawberry.field(description="Where it stands.")
    provider_claim_number: str = strawberry.field(description="The provider's number (numeroGuiaPrestador).")
    payer_claim_number: str | None = strawberry.field(description="The payer's number (numeroGuiaOperadora).")
    service_date: date = strawberry.field(description="Day of the service (dataAtendimento).")
    version: int = strawberry.field(description="Goes up with every change; give it back to change what you saw.")
    created_at: datetime = strawberry.field(description="When it was created.")
    submitted_at: datetime | None = strawberry.field(description="When it was sent to the payer.")
    decided_at: datetime | None = strawberry.field(description="When the payer decided.")
    claimed_cents: Cents | None = amount("claimedAmount", "Sum of the items (valorInformado).")
    processed_cents: Cents | None = amount("processedAmount", PROCESSED)
    approved_cents: Cents | None = amount("approvedAmount", APPROVED)
    denied_cents: Cents | None = amount("deniedAmount", DENIED)
    card_number: str | None = strawberry.field(
        description="Card of the insured (numeroCarteira).", extensions=maskable()
    )
    clinical_indication: str | None = strawberry.field(
        description="Why the service was asked for (indicacaoClinica).", extensions=health("claims:read_health")
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, ClaimRecord)

    @strawberry.field(
        name="diagnosisCodes",
        description="Diagnoses (CID).",
        extensions=health("claims:read_health"),
    )
    def diagnoses(claim: strawberry.Parent[ClaimRecord]) -> list[str] | None:
        return list(claim.diagnosis_codes)

    @strawberry.field(description="Who performed the service.")
    def practitioner(claim: strawberry.Parent[ClaimRecord]) -> Practitioner:
        return Practitioner(
            name=claim.practitioner_name,
            council=claim.practitioner_council,
            number=claim.practitioner_number,
            state=claim.practitioner_state,
            cbo=claim.practitioner_cbo,
        )

    @strawberry.field(
        description="The payer's authorization, if the claim has one.", extensions=personal("patients:read")
    )
    def authorization(claim: strawberry.Parent[ClaimRecord]) -> Authorization | None:
        if claim.authorization_number is None:
            return None
        return Authorization(
            number=claim.authorization_number,
            issued_on=claim.authorization_date,
            valid_until=claim.authorization_valid_until,
        )

    @strawberry.field(graphql_type=Payer | None, description="The insurer that pays.")
    async def payer(claim: strawberry.Parent[ClaimRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(claim.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The establishment that bills.")
    async def provider(claim: strawberry.Parent[ClaimRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(claim.provider_cnes)

    @strawberry.field(
        graphql_type=Patient | None,
        description="The insured person.",
        extensions=personal("patients:read", "patients:read_masked"),
    )
    async def patient(claim: strawberry.Parent[ClaimRecord], info: Info) -> PatientRecord | None:
        return await info.context.loaders.patient.load(claim.patient_id)

    @strawberry.field(
        graphql_type="list[ClaimItem] | None", description="What is billed.", extensions=health("claims:read_items")
    )
    async def items(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[ItemRecord] | None:
        return await info.context.loaders.items_of_claim.load(claim.id)

    @strawberry.field(
        graphql_type="Invoice | None",
        description="The invoice that bills this claim and is not cancelled.",
        extensions=[Requires("invoices:read")],
    )
    async def invoice(claim: strawberry.Parent[ClaimRecord], info: Info) -> InvoiceRecord | None:
        return await info.context.loaders.invoice_of_claim.load(claim.id)

    @amount("paidAmount", "What payments have paid of it and of its won appeals, reversals taken off.")
    async def paid(claim: strawberry.Parent[ClaimRecord], info: Info) -> Cents | None:
        lines = await info.context.loaders.lines_of_claim.load(claim.id) if claim.approved_cents is not None else []
        return Cents(sum(line.settled_cents for line in lines))

    @strawberry.field(
        graphql_type=list[PreflightFinding] | None,
        description="What the payer may object to, as it was found when the claim was sent.",
        extensions=health("claims:read_items"),
    )
    def warnings(claim: strawberry.Parent[ClaimRecord]) -> Any:
        return list(claim.warnings or ())

    @strawberry.field(graphql_type="Claim | None", description="The decided claim that this one corrects.")
    async def replaces(claim: strawberry.Parent[ClaimRecord], info: Info) -> ClaimRecord | None:
        return None if claim.replaces_id is None else await info.context.loaders.claim.load(claim.replaces_id)

    @strawberry.field(graphql_type="Claim | None", description="The claim that corrects this one and is not cancelled.")
    async def replaced_by(claim: strawberry.Parent[ClaimRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.replacement_of_claim.load(claim.id)

    @strawberry.field(graphql_type=list[ClaimHistoryEntry], description="Every step so far, oldest first.")
    async def history(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[ClaimStep]:
        return await info.context.loaders.history_of_claim.load(claim.id)

    @strawberry.field(description="What can be done to it now, and why not.")
    async def available_actions(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[AvailableClaimAction]:
        return await claim_actions(claim, info)


@strawberry.type(description="One billed item of a claim (item da guia).")
class ClaimItem(Node):
    sequence: int = strawberry.field(description="Its number within the claim, from 1 without gaps (sequencialItem).")
    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(description="TUSS code (codigoProcedimento).")
    description: str = strawberry.field(description="What was done or used.")
    performed_on: date = strawberry.field(description="Day of execution (dataExecucao).")
    quantity: Quantity = strawberry.field(description="How many (quantidadeExecutada).")
    factor: Factor = strawberry.field(description="Reduction or surcharge (reducaoAcrescimo).")
    unit_price_cents: Cents | None = amount("unitPrice", "Price of one (valorUnitario).")
    total_cents: Cents | None = amount("total", "unit price x quantity x factor, rounded half up (valorTotal).")
    processed_cents: Cents | None = amount("processedAmount", PROCESSED)
    approved_cents: Cents | None = amount("approvedAmount", APPROVED)
    denied_cents: Cents | None = amount("deniedAmount", DENIED)

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, ItemRecord)

    @strawberry.field(graphql_type="list[Denial]", description="The denials of this item.")
    async def denials(item: strawberry.Parent[ItemRecord], info: Info) -> list[DenialRecord]:
        # Nothing was denied on most items: they need no statement.
        return await info.context.loaders.denials_of_item.load(item.id) if item.denied_cents else []

    @strawberry.field(graphql_type=TussTerm | None, description="The term of the code; null for payers' own tables.")
    async def term(item: strawberry.Parent[ItemRecord], info: Info) -> TussRecord | None:
        return await info.context.loaders.term.load((item.code_system, item.code))


@strawberry.type(description="One denial of an item (glosa).")
class Denial(Node):
    code: str = strawberry.field(description="The reason, a code of Tabela 38 (tipoGlosa).")
    status: DenialStatus = strawberry.field(description="Where the denial stands.")
    created_at: datetime = strawberry.field(description="When the payer denied it.")
    appeal_deadline: date = strawberry.field(description="The last day to appeal, from the contract.")
    amount_cents: Cents | None = amount("amount", "The denied amount.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, DenialRecord)

    @strawberry.field(description="The official text of the code, in Portuguese.")
    def description(denial: strawberry.Parent[DenialRecord]) -> str | None:
        return tabela38.description(denial.code)

    @amount("inDisputeAmount", "What of it is still fought for.")
    def in_dispute(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.in_dispute

    @amount("wonAmount", "What an appeal has won; the next invoice bills it.")
    def won(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.won

    @amount("lostAmount", "What of it is lost for good.")
    def lost(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.lost

    @strawberry.field(graphql_type="Appeal | None", description="The appeal, if one was made.")
    def appeal(denial: strawberry.Parent[DenialRecord]) -> DenialRecord | None:
        return None if denial.appealed_at is None else denial

    @strawberry.field(
        graphql_type="ClaimItem | None",
        description="The item it denies.",
        extensions=health("claims:read_items"),
    )
    async def item(denial: strawberry.Parent[DenialRecord], info: Info) -> ItemRecord | None:
        return await info.context.loaders.item.load(denial.item_id)

    @strawberry.field(
        graphql_type="Claim | None",
        description="The claim of the item.",
        extensions=[Requires("claims:read")],
    )
    async def claim(denial: strawberry.Parent[DenialRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(denial.claim_id)

    @strawberry.field(description="What can be done to it now, and why not.")
    async def available_actions(denial: strawberry.Parent[DenialRecord], info: Info) -> list[AvailableDenialAction]:
        return await denial_actions(denial, info)


@strawberry.type(description="An appeal against a denial (recurso de glosa) and its answer.")
class Appeal:
    appealed_at: datetime | None = strawberry.field(description="When it was made.")
    answered_at: datetime | None = strawberry.field(description="When the payer answered; null until then.")
    appealed_cents: Cents | None = amount("appealedAmount", "What of the denial is contested.")
    answered_cents: Cents | None = amount("answeredAmount", "What the payer pays after all; null until answered.")
    justification: str | None = strawberry.field(
        description="Why the provider contests it.", extensions=health("claims:read_health")
    )
    payer_justification: str | None = strawberry.field(
        description="Why the payer decided so.", extensions=health("claims:read_health")
    )


@strawberry.type(description="An invoice (conta) of approved claims to one payer.")
class Invoice(Node):
    number: int = strawberry.field(description="The provider's number, without gaps.")
    billing_month: str = strawberry.field(description="The month it belongs to (competência), YYYYMM.")
    status: InvoiceStatus = strawberry.field(description="Where it stands.")
    due_date: date | None = strawberry.field(description="When it falls due; null until issued.")
    version: int = strawberry.field(description="Goes up with every change; give it back to change what you saw.")
    created_at: datetime = strawberry.field(description="When it was created.")
    issued_at: datetime | None = strawberry.field(description="When it was sent to the payer.")
    total_cents: Cents | None = amount("totalAmount", "Sum of the lines, debits taken off.")
    settled_cents: Cents | None = amount("settledAmount", "Confirmed minus reversed.")
    due_cents: Cents | None = amount("dueAmount", "Total minus settled.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, InvoiceRecord)

    @amount("inDisputeAmount", "Open and appealed denials on its claims; not part of the total.")
    async def in_dispute(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> Cents | None:
        return Cents(await info.context.loaders.disputed_cents.load(invoice.id))

    @strawberry.field(graphql_type=Payer | None, description="The insurer that pays.")
    async def payer(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(invoice.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The establishment that bills.")
    async def provider(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(invoice.provider_cnes)

    @strawberry.field(graphql_type="list[InvoiceLine]", description="What it bills, and its adjustments.")
    async def lines(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        return await info.context.loaders.lines_of_invoice.load(invoice.id)

    @strawberry.field(
        graphql_type="list[Settlement] | None",
        description="Its ledger rows, oldest first.",
        extensions=financial("settlements:read"),
    )
    async def settlements(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[SettlementRecord] | None:
        return await info.context.loaders.settlements_of_invoice.load(invoice.id)

    @strawberry.field(graphql_type="list[InvoiceLine]", description="Its credits and debits, oldest first.")
    async def adjustments(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        lines = await info.context.loaders.lines_of_invoice.load(invoice.id)
        return [line for line in lines if line.kind in ADJUSTMENTS]

    @strawberry.field(graphql_type=list[InvoiceHistoryEntry], description="Every step so far, oldest first.")
    async def history(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[InvoiceStep]:
        return await info.context.loaders.history_of_invoice.load(invoice.id)

    @strawberry.field(description="What can be done to it now, and why not.")
    def available_actions(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[AvailableInvoiceAction]:
        return invoice_actions(invoice, info)


@strawberry.type(description="One line of an invoice.")
class InvoiceLine:
    id: strawberry.ID = strawberry.field(description="The line's id.")
    kind: InvoiceLineKind = strawberry.field(description="What it is.")
    reason: str | None = strawberry.field(description="Why the adjustment was made.")
    amount_cents: Cents | None = amount("amount", "The approved, won or adjusted amount; above zero for debits too.")
    settled_cents: Cents | None = amount("settledAmount", "What payments have paid of it, reversals taken off.")
    debited_cents: Cents | None = amount("debitedAmount", "What debits took from it.")

    @strawberry.field(
        graphql_type="Claim | None",
        description="The claim that it bills; null for adjustments.",
        extensions=[Requires("claims:read")],
    )
    async def claim(line: strawberry.Parent[LineRecord], info: Info) -> ClaimRecord | None:
        return None if line.claim_id is None else await info.context.loaders.claim.load(line.claim_id)

    @strawberry.field(
        graphql_type="Denial | None",
        description="The denial whose won appeal it bills.",
        extensions=health("claims:read_items"),
    )
    async def denial(line: strawberry.Parent[LineRecord], info: Info) -> DenialRecord | None:
        return None if line.denial_id is None else await info.context.loaders.denial.load(line.denial_id)


@strawberry.type(description="A row of the settlement ledger (liquidação); a reversal (estorno) is a row of its own.")
class Settlement(Node):
    status: SettlementStatus = strawberry.field(description="Where it stands.")
    paid_on: date = strawberry.field(description="Day of payment (dataPagamento).")
    method: PaymentMethod = strawberry.field(description="How it was paid.")
    statement_number: str | None = strawberry.field(description="The payer's statement (numeroDemonstrativo).")
    reason: str | None = strawberry.field(description="Why it was reversed.")
    created_at: datetime = strawberry.field(description="When it was recorded.")
    created_by: str = strawberry.field(description="Who recorded it.")
    amount_cents: Cents | None = amount("amount", "The amount, above zero for reversals too.")
    bank_reference: str | None = strawberry.field(
        description="The bank's reference of the payment.", extensions=financial("settlements:read_bank")
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, SettlementRecord)

    @strawberry.field(description="Its place in the event log; null until it is published.")
    async def position(settlement: strawberry.Parent[SettlementRecord], info: Info) -> int | None:
        return await info.context.loaders.position_of_event.load(settlement.event_id)

    @strawberry.field(
        graphql_type="Invoice | None", description="The invoice it pays.", extensions=[Requires("invoices:read")]
    )
    async def invoice(settlement: strawberry.Parent[SettlementRecord], info: Info) -> InvoiceRecord | None:
        return await info.context.loaders.invoice.load(settlement.invoice_id)

    @strawberry.field(graphql_type="Settlement | None", description="The settlement that this row takes back.")
    async def reverses(settlement: strawberry.Parent[SettlementRecord], info: Info) -> SettlementRecord | None:
        if settlement.reverses_id is None:
            return None
        return await info.context.loaders.settlement.load(settlement.reverses_id)
