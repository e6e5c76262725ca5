"""Object types that refer to each other: claims, items and denials, invoices and their lines, settlements."""

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
from app.domain.access_log import DataClass
from app.domain.invoices import ADJUSTMENTS, YearMonth
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
from app.schema.appeals import Appeal
from app.schema.base import lists
from app.schema.base.connections import Node
from app.schema.base.enums import ClaimStatus, ClaimType, DenialStatus, InvoiceLineKind, InvoiceStatus
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, amount, financial, health, marked, maskable, personal
from app.schema.base.scalars import BigInt
from app.schema.history import ClaimHistoryEntry, InvoiceHistoryEntry
from app.schema.parties import Authorization, Patient, Payer, Practitioner, Provider
from app.schema.preflight import PreflightFinding
from app.schema.tuss import TussTerm

PROCESSED = "Amount processed by the payer (valorProcessado); null until decided."
APPROVED = "Amount approved by the payer (valorLiberado); null until decided."
ACTIONS = "Actions, each with the reason if it is not available to the caller now."
DENIED = "Amount denied by the payer (valorGlosa); null until decided."


@strawberry.type(description="A claim (guia).")
class Claim(Node):
    record = ClaimRecord

    type: ClaimType = strawberry.field(description="Claim type (tipo de guia).")
    status: ClaimStatus = strawberry.field(description="Status of the claim.")
    provider_claim_number: str = strawberry.field(description="The provider's claim number (numeroGuiaPrestador).")
    payer_claim_number: str | None = strawberry.field(
        description="The payer's claim number (numeroGuiaOperadora); null until the payer assigns one."
    )
    service_date: date = strawberry.field(description="Day of the service (dataAtendimento).")
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    submitted_at: datetime | None = strawberry.field(description="Time of submission to the payer; null for a draft.")
    decided_at: datetime | None = strawberry.field(description="Time of the payer's decision; null until decided.")
    claimed_cents: Cents | None = amount("claimedAmount", "Claimed amount, the sum of the items (valorInformado).")
    processed_cents: Cents | None = amount("processedAmount", PROCESSED)
    approved_cents: Cents | None = amount("approvedAmount", APPROVED)
    denied_cents: Cents | None = amount("deniedAmount", DENIED)
    card_number: str | None = strawberry.field(
        description="Card number of the patient (numeroCarteira).", extensions=maskable()
    )
    clinical_indication: str | None = strawberry.field(
        description="Clinical indication, the reason for the service (indicacaoClinica); null if none was given.",
        extensions=health("claims:read_health"),
    )

    @strawberry.field(
        name="diagnosisCodes",
        directives=[lists.DIAGNOSES],
        description="Diagnoses, as CID codes.",
        extensions=health("claims:read_health"),
    )
    def diagnoses(claim: strawberry.Parent[ClaimRecord]) -> list[str] | None:
        return list(claim.diagnosis_codes)

    @strawberry.field(description="Practitioner who performed the service (profissional executante).")
    def practitioner(claim: strawberry.Parent[ClaimRecord]) -> Practitioner:
        return Practitioner(
            name=claim.practitioner_name,
            council=claim.practitioner_council,
            number=claim.practitioner_number,
            state=claim.practitioner_state,
            cbo=claim.practitioner_cbo,
        )

    @strawberry.field(
        description="The payer's authorization (senha); null if the claim has none.",
        extensions=personal("patients:read"),
    )
    def authorization(claim: strawberry.Parent[ClaimRecord]) -> Authorization | None:
        if claim.authorization_number is None:
            return None
        return Authorization(
            number=claim.authorization_number,
            issued_on=claim.authorization_date,
            valid_until=claim.authorization_valid_until,
        )

    @strawberry.field(graphql_type=Payer | None, description="The payer (operadora).")
    async def payer(claim: strawberry.Parent[ClaimRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(claim.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The provider that bills (prestador).")
    async def provider(claim: strawberry.Parent[ClaimRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(claim.provider_cnes)

    @strawberry.field(
        graphql_type=Patient | None,
        description="The patient (beneficiário).",
        extensions=personal("patients:read", "patients:read_masked"),
    )
    async def patient(claim: strawberry.Parent[ClaimRecord], info: Info) -> PatientRecord | None:
        return await info.context.loaders.patient.load(claim.patient_id)

    @strawberry.field(
        graphql_type="list[ClaimItem] | None",
        directives=[lists.ITEMS],
        description="Billed items, by number.",
        extensions=health("claims:read_items"),
    )
    async def items(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[ItemRecord] | None:
        return await info.context.loaders.items_of_claim.load(claim.id)

    @strawberry.field(
        graphql_type="Invoice | None",
        description="The active invoice that bills this claim; null if there is none.",
        extensions=[Requires("invoices:read")],
    )
    async def invoice(claim: strawberry.Parent[ClaimRecord], info: Info) -> InvoiceRecord | None:
        return await info.context.loaders.invoice_of_claim.load(claim.id)

    @amount("paidAmount", "Amount paid for the claim and its won appeals, less reversals.")
    async def paid(claim: strawberry.Parent[ClaimRecord], info: Info) -> Cents | None:
        lines = await info.context.loaders.lines_of_claim.load(claim.id) if claim.approved_cents is not None else []
        return Cents(sum(line.settled_cents for line in lines))

    @strawberry.field(
        graphql_type=list[PreflightFinding] | None,
        directives=[lists.FINDINGS],
        description="Warnings found when the claim was submitted: what the payer may deny.",
        extensions=health("claims:read_items"),
    )
    def warnings(claim: strawberry.Parent[ClaimRecord]) -> Any:
        return list(claim.warnings or ())

    @strawberry.field(
        graphql_type="Claim | None", description="The decided claim that this one corrects; null if it corrects none."
    )
    async def replaces(claim: strawberry.Parent[ClaimRecord], info: Info) -> ClaimRecord | None:
        return None if claim.replaces_id is None else await info.context.loaders.claim.load(claim.replaces_id)

    @strawberry.field(
        graphql_type="Claim | None", description="The active claim that corrects this one; null if there is none."
    )
    async def replaced_by(claim: strawberry.Parent[ClaimRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.replacement_of_claim.load(claim.id)

    @strawberry.field(
        graphql_type=list[ClaimHistoryEntry], directives=[lists.STEPS], description="All steps, oldest first."
    )
    async def history(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[ClaimStep]:
        return await info.context.loaders.history_of_claim.load(claim.id)

    @strawberry.field(description=ACTIONS, directives=[lists.CLAIM_ACTIONS])
    async def available_actions(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[AvailableClaimAction]:
        return await claim_actions(claim, info)


@strawberry.type(description="A billed item of a claim (item da guia).")
class ClaimItem(Node):
    record = ItemRecord

    sequence: int = strawberry.field(
        description="Number of the item within the claim, from 1 without gaps (sequencialItem)."
    )
    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(
        description="Code within the table (codigoProcedimento).", directives=marked(DataClass.HEALTH)
    )
    description: str = strawberry.field(
        description="What was done or used (descricaoProcedimento).", directives=marked(DataClass.HEALTH)
    )
    performed_on: date = strawberry.field(description="Day of execution (dataExecucao).")
    quantity: Quantity = strawberry.field(description="Quantity (quantidadeExecutada).")
    factor: Factor = strawberry.field(description="Reduction or surcharge (reducaoAcrescimo).")
    unit_price_cents: Cents | None = amount("unitPrice", "Price of one unit (valorUnitario).")
    total_cents: Cents | None = amount(
        "total", "Unit price x quantity x factor, rounded half up to cents (valorTotal)."
    )
    processed_cents: Cents | None = amount("processedAmount", PROCESSED)
    approved_cents: Cents | None = amount("approvedAmount", APPROVED)
    denied_cents: Cents | None = amount("deniedAmount", DENIED)

    @strawberry.field(
        graphql_type="list[Denial]", directives=[lists.DENIALS_OF_ITEM], description="Denials of this item (glosas)."
    )
    async def denials(item: strawberry.Parent[ItemRecord], info: Info) -> list[DenialRecord]:
        # Most items have no denials: this saves the query.
        return await info.context.loaders.denials_of_item.load(item.id) if item.denied_cents else []

    @strawberry.field(graphql_type=TussTerm | None, description="TUSS term of the code; null for a payer's own code.")
    async def term(item: strawberry.Parent[ItemRecord], info: Info) -> TussRecord | None:
        return await info.context.loaders.term.load((item.code_system, item.code))


@strawberry.type(description="A denial of an item (glosa).")
class Denial(Node):
    record = DenialRecord

    code: str = strawberry.field(description="Reason for the denial, a code of Tabela 38 (tipoGlosa).")
    status: DenialStatus = strawberry.field(description="Status of the denial.")
    created_at: datetime = strawberry.field(description="Time of the payer's denial.")
    appeal_deadline: date = strawberry.field(description="Last day to appeal, derived from the contract.")
    amount_cents: Cents | None = amount("amount", "Denied amount (valorGlosa).")

    @strawberry.field(description="Official text of the code, in Portuguese; null for an unknown code.")
    def description(denial: strawberry.Parent[DenialRecord]) -> str | None:
        return tabela38.description(denial.code)

    @amount("inDisputeAmount", "Part of the amount that is in dispute.")
    def in_dispute(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.in_dispute

    @amount("wonAmount", "Part of the amount that an appeal won; billed by the next invoice.")
    def won(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.won

    @amount("lostAmount", "Part of the amount that is finally lost.")
    def lost(denial: strawberry.Parent[DenialRecord]) -> Cents | None:
        return denial.shares.lost

    @strawberry.field(graphql_type=Appeal | None, description="The appeal (recurso de glosa); null if there is none.")
    def appeal(denial: strawberry.Parent[DenialRecord]) -> DenialRecord | None:
        return None if denial.appealed_at is None else denial

    @strawberry.field(
        graphql_type="ClaimItem | None",
        description="The denied item.",
        extensions=health("claims:read_items"),
    )
    async def item(denial: strawberry.Parent[DenialRecord], info: Info) -> ItemRecord | None:
        return await info.context.loaders.item.load(denial.item_id)

    @strawberry.field(
        graphql_type="Claim | None",
        description="The claim that contains the item.",
        extensions=[Requires("claims:read")],
    )
    async def claim(denial: strawberry.Parent[DenialRecord], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(denial.claim_id)

    @strawberry.field(description=ACTIONS, directives=[lists.DENIAL_ACTIONS])
    async def available_actions(denial: strawberry.Parent[DenialRecord], info: Info) -> list[AvailableDenialAction]:
        return await denial_actions(denial, info)


@strawberry.type(description="An invoice (conta) for approved claims to one payer.")
class Invoice(Node):
    record = InvoiceRecord

    number: int = strawberry.field(description="Number of the invoice, consecutive for the provider.")
    billing_month: YearMonth = strawberry.field(description="Billing month (competência).")
    status: InvoiceStatus = strawberry.field(description="Status of the invoice.")
    due_date: date | None = strawberry.field(description="Due date; null until issued.")
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    issued_at: datetime | None = strawberry.field(description="Time of issue to the payer; null for a draft.")
    total_cents: Cents | None = amount("totalAmount", "Sum of the lines, less debits.")
    settled_cents: Cents | None = amount("settledAmount", "Confirmed settlements, less reversals.")
    due_cents: Cents | None = amount("dueAmount", "Amount due: total less settled.")

    @amount("inDisputeAmount", "Open and appealed denials of its claims; not part of the total.")
    async def in_dispute(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> Cents | None:
        return Cents(await info.context.loaders.disputed_cents.load(invoice.id))

    @strawberry.field(graphql_type=Payer | None, description="The payer (operadora).")
    async def payer(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(invoice.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="The provider that bills (prestador).")
    async def provider(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(invoice.provider_cnes)

    @strawberry.field(
        graphql_type="list[InvoiceLine]",
        directives=[lists.INVOICE_LINES],
        description="Lines for claims and won appeals, and adjustments.",
    )
    async def lines(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        return await info.context.loaders.lines_of_invoice.load(invoice.id)

    @strawberry.field(
        graphql_type="list[Settlement] | None",
        directives=[lists.SETTLEMENTS],
        description="Settlements and reversals, oldest first.",
        extensions=financial("settlements:read"),
    )
    async def settlements(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[SettlementRecord] | None:
        return await info.context.loaders.settlements_of_invoice.load(invoice.id)

    @strawberry.field(
        graphql_type="list[InvoiceLine]",
        directives=[lists.ADJUSTMENTS],
        description="Lines that are credits or debits, oldest first.",
    )
    async def adjustments(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[LineRecord]:
        lines = await info.context.loaders.lines_of_invoice.load(invoice.id)
        return [line for line in lines if line.kind in ADJUSTMENTS]

    @strawberry.field(
        graphql_type=list[InvoiceHistoryEntry], directives=[lists.STEPS], description="All steps, oldest first."
    )
    async def history(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[InvoiceStep]:
        return await info.context.loaders.history_of_invoice.load(invoice.id)

    @strawberry.field(description=ACTIONS, directives=[lists.INVOICE_ACTIONS])
    def available_actions(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[AvailableInvoiceAction]:
        return invoice_actions(invoice, info)


@strawberry.type(description="A line of an invoice.")
class InvoiceLine:
    id: strawberry.ID = strawberry.field(description="Id of the line.")
    kind: InvoiceLineKind = strawberry.field(description="Kind of the line.")
    reason: str | None = strawberry.field(
        description="Reason for the adjustment; null for other lines.", extensions=personal("settlements:read")
    )
    amount_cents: Cents | None = amount("amount", "Approved, won or adjusted amount; above zero for debits too.")
    settled_cents: Cents | None = amount("settledAmount", "Amount paid for the line, less reversals.")
    debited_cents: Cents | None = amount("debitedAmount", "Amount by which debits reduce the line.")

    @strawberry.field(
        graphql_type="Claim | None",
        description="The claim that the line bills; null for adjustments.",
        extensions=[Requires("claims:read")],
    )
    async def claim(line: strawberry.Parent[LineRecord], info: Info) -> ClaimRecord | None:
        return None if line.claim_id is None else await info.context.loaders.claim.load(line.claim_id)

    @strawberry.field(
        graphql_type="Denial | None",
        description="The denial whose won appeal the line bills; null for other lines.",
        extensions=health("claims:read_items"),
    )
    async def denial(line: strawberry.Parent[LineRecord], info: Info) -> DenialRecord | None:
        return None if line.denial_id is None else await info.context.loaders.denial.load(line.denial_id)


@strawberry.type(description="An entry of the settlement ledger: a payment (liquidação) or a reversal (estorno).")
class Settlement(Node):
    record = SettlementRecord

    status: SettlementStatus = strawberry.field(description="Status of the settlement.")
    paid_on: date = strawberry.field(description="Day of payment (dataPagamento).")
    method: PaymentMethod = strawberry.field(description="Payment method (formaPagamento).")
    statement_number: str | None = strawberry.field(
        description="Number of the payer's statement (numeroDemonstrativo); null if unknown."
    )
    reason: str | None = strawberry.field(
        description="Reason for a reversal; null for a payment.", extensions=personal("settlements:read")
    )
    created_at: datetime = strawberry.field(description="Time at which it was recorded.")
    created_by: str = strawberry.field(description="Who recorded it: the subject of a token, or a job of the gateway.")
    amount_cents: Cents | None = amount("amount", "Amount, above zero for reversals too.")
    bank_reference: str | None = strawberry.field(
        description="The bank's reference of the payment; null if none was given.",
        extensions=financial("settlements:read_bank"),
    )

    @strawberry.field(graphql_type=BigInt | None, description="Position in the event log; null until published.")
    async def position(settlement: strawberry.Parent[SettlementRecord], info: Info) -> int | None:
        return await info.context.loaders.position_of_event.load(settlement.event_id)

    @strawberry.field(
        graphql_type="Invoice | None", description="The invoice that it pays.", extensions=[Requires("invoices:read")]
    )
    async def invoice(settlement: strawberry.Parent[SettlementRecord], info: Info) -> InvoiceRecord | None:
        return await info.context.loaders.invoice.load(settlement.invoice_id)

    @strawberry.field(
        graphql_type="Settlement | None", description="The settlement that a reversal reverses; null for a payment."
    )
    async def reverses(settlement: strawberry.Parent[SettlementRecord], info: Info) -> SettlementRecord | None:
        if settlement.reverses_id is None:
            return None
        return await info.context.loaders.settlement.load(settlement.reverses_id)
