"""Object types that refer to each other: claims, their items and denials."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.db.tuss import TussRecord
from app.domain import tabela38
from app.domain.access_log import DataClass
from app.domain.money import Cents, Factor, Quantity
from app.resolvers import claims
from app.schema.actions import (
    ACTIONS,
    AvailableClaimAction,
    AvailableDenialAction,
    claim_actions,
    denial_actions,
)
from app.schema.appeals import Appeal
from app.schema.base import lists
from app.schema.base.arguments import After, First
from app.schema.base.connections import Connection, Node
from app.schema.base.enums import ClaimStatus, ClaimType, DenialStatus
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.permissions import Requires, amount, health, marked, maskable, personal
from app.schema.history import CREATED_BY, UPDATED_AT, ClaimHistoryEntry
from app.schema.parties import Authorization, Encounter, Patient, Payer, Practitioner, Provider
from app.schema.preflight import PreflightFinding
from app.schema.tuss import TussTerm

PROCESSED = "Amount processed by the payer (valorProcessado); null until decided."
APPROVED = "Amount approved by the payer (valorLiberado); null until decided."
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

    @strawberry.field(description=CREATED_BY)
    async def created_by(claim: strawberry.Parent[ClaimRecord], info: Info) -> str | None:
        found = await info.context.loaders.changes_of_claim.load(claim.id)
        return None if found is None else found.created_by

    @strawberry.field(description=UPDATED_AT)
    async def updated_at(claim: strawberry.Parent[ClaimRecord], info: Info) -> datetime | None:
        found = await info.context.loaders.changes_of_claim.load(claim.id)
        return None if found is None else found.updated_at

    @strawberry.field(
        name="diagnosisCodes",
        directives=[lists.DIAGNOSES],
        description=f"Diagnoses, as CID codes; at most {lists.DIAGNOSES.most}.",
        extensions=health("claims:read_health"),
    )
    def diagnoses(claim: strawberry.Parent[ClaimRecord]) -> list[str] | None:
        return list(claim.diagnosis_codes)

    encounter: Encounter | None = strawberry.field(
        description="The encounter; null if the claim says nothing of it.", extensions=health("claims:read_health")
    )

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
        description=f"Billed items, by number; at most {lists.ITEMS.most}.",
        extensions=health("claims:read_items"),
    )
    async def items(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[ItemRecord] | None:
        return await info.context.loaders.items_of_claim.load(claim.id)

    @strawberry.field(
        graphql_type=later("Invoice", "invoice_objects") | None,
        description="The active invoice that bills this claim; null if there is none.",
        extensions=[Requires("invoices:read")],
    )
    async def invoice(claim: strawberry.Parent[ClaimRecord], info: Info) -> InvoiceRecord | None:
        return await info.context.loaders.invoice_of_claim.load(claim.id)

    @strawberry.field(
        graphql_type=later("InvoiceConnection", "summed_lists") | None,
        directives=[lists.PAGE],
        description="All invoices with the claim or its won appeals, cancelled ones too, oldest first.",
        extensions=[Requires("invoices:read")],
    )
    async def invoices(
        claim: strawberry.Parent[ClaimRecord], info: Info, first: First = 20, after: After = None
    ) -> Any:
        return await claims.INVOICES.page(info.context, claim.id, first=first, after=after)

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
        graphql_type=Connection[ClaimHistoryEntry], directives=[lists.PAGE], description="Steps, oldest first."
    )
    async def history(claim: strawberry.Parent[ClaimRecord], info: Info, first: First = 20, after: After = None) -> Any:
        return await claims.HISTORY.page(info.context, claim.id, first=first, after=after)

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
        "totalAmount", "Unit price x quantity x factor, rounded half up to cents (valorTotal)."
    )
    processed_cents: Cents | None = amount("processedAmount", PROCESSED)
    approved_cents: Cents | None = amount("approvedAmount", APPROVED)
    denied_cents: Cents | None = amount("deniedAmount", DENIED)

    @strawberry.field(
        graphql_type="list[Denial]",
        directives=[lists.DENIALS_OF_ITEM],
        description=f"Denials of this item (glosas), oldest first; at most {lists.DENIALS_OF_ITEM.most}.",
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

    @strawberry.field(description=CREATED_BY)
    async def created_by(denial: strawberry.Parent[DenialRecord], info: Info) -> str | None:
        found = await info.context.loaders.changes_of_denial.load(denial.id)
        return None if found is None else found.created_by

    @strawberry.field(description=UPDATED_AT)
    async def updated_at(denial: strawberry.Parent[DenialRecord], info: Info) -> datetime | None:
        found = await info.context.loaders.changes_of_denial.load(denial.id)
        return None if found is None else found.updated_at

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

    @strawberry.field(
        graphql_type=later("InvoiceLine", "invoice_objects") | None,
        description="The line of an active invoice that bills the won appeal; null if there is none.",
        extensions=[Requires("invoices:read")],
    )
    async def invoice_line(denial: strawberry.Parent[DenialRecord], info: Info) -> LineRecord | None:
        # Most denials are not won: this saves the query.
        return await info.context.loaders.line_of_won_appeal.load(denial.id) if denial.answered_cents else None

    @strawberry.field(description=ACTIONS, directives=[lists.DENIAL_ACTIONS])
    async def available_actions(denial: strawberry.Parent[DenialRecord], info: Info) -> list[AvailableDenialAction]:
        return await denial_actions(denial, info)
