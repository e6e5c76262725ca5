"""Object types that refer to each other: claims, their items and denials."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain import tabela38
from app.domain.access_log import DataClass
from app.domain.money import Cents, Factor, Quantity
from app.executor.reach import Owner
from app.resolvers import claims
from app.resolvers.appeals import attachments_of, earlier_of
from app.resolvers.paging import Slice
from app.schema.actions import (
    ACTIONS,
    AvailableClaimAction,
    AvailableDenialAction,
    claim_actions,
    denial_actions,
)
from app.schema.appeals import Appeal, AppealAttachment
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.enums import ClaimStatus, ClaimType, DenialStatus
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.permissions import Requires, amount, financial, health, marked, maskable, personal
from app.schema.base.relations import batched, paged, related
from app.schema.base.types import object_type
from app.schema.encounters import Encounter, ServiceDetails
from app.schema.history import CREATED_BY, UPDATED_AT, ClaimHistoryEntry
from app.schema.parties import Authorization, Patient, Payer, Practitioner, Provider
from app.schema.preflight import PreflightFinding
from app.schema.tuss import TussTerm

PROCESSED = "Amount processed by the payer (valorProcessado); null until decided."
APPROVED = "Amount approved by the payer (valorLiberado); null until decided."
DENIED = "Amount denied by the payer (valorGlosa); null until decided."
OF_PATIENT = "Owed by the patient (valorFranquia): neither approved nor denied; null until decided."


@object_type(description="A claim (guia).")
class Claim(Node):
    record = ClaimRecord
    owner = Owner.PARTIES

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
    patient_cents: Cents | None = amount("patientAmount", OF_PATIENT)
    card_number: str | None = strawberry.field(
        description="Card number of the patient (numeroCarteira).", extensions=maskable()
    )
    clinical_indication: str | None = strawberry.field(
        description="Clinical indication, the reason for the service (indicacaoClinica); null if none was given.",
        extensions=health("claims:read_health"),
    )

    created_by = related(
        str | None,
        lambda loaders: loaders.changes_of_claim,
        "id",
        description=CREATED_BY,
        then=lambda found: None if found is None else found.created_by,
    )

    updated_at = related(
        datetime | None,
        lambda loaders: loaders.changes_of_claim,
        "id",
        description=UPDATED_AT,
        then=lambda found: None if found is None else found.updated_at,
    )

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

    payer = related(Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The payer (operadora).")

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider that bills (prestador).",
    )

    patient = related(
        Patient | None,
        lambda loaders: loaders.patient,
        "patient_id",
        description="The patient (beneficiário).",
        extensions=personal("patients:read", "patients:read_masked"),
    )

    items = related(
        "list[ClaimItem] | None",
        lambda loaders: loaders.items_of_claim,
        "id",
        directives=[lists.ITEMS],
        description="Billed items, by number; at most 200, and 2,000 of a claim that came as a guide.",
        extensions=health("claims:read_items"),
    )

    invoice = related(
        later("Invoice", "invoice_objects") | None,
        lambda loaders: loaders.invoice_of_claim,
        "id",
        description="The active invoice that bills this claim; null if there is none.",
        extensions=[Requires("invoices:read")],
    )

    @strawberry.field(
        graphql_type=later("InvoiceConnection", "summed_lists") | None,
        directives=[lists.PAGE],
        description="All invoices with the claim or its won appeals, cancelled ones too, oldest first.",
        extensions=[Requires("invoices:read")],
    )
    @paged(claims.INVOICES)
    async def invoices(
        claim: strawberry.Parent[ClaimRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await claims.INVOICES.page(info.context, claim.id, at=Slice(first, after, last, before))

    paid = related(
        Cents | None,
        lambda loaders: loaders.lines_of_claim,
        lambda claim: None if claim.approved_cents is None else claim.id,
        name="paidAmount",
        description="Amount paid for the claim and its won appeals, less reversals.",
        otherwise=Cents(0),
        then=lambda lines: Cents(sum(line.settled_cents for line in lines)),
        extensions=financial("amounts:read"),
    )

    @strawberry.field(
        graphql_type=list[PreflightFinding] | None,
        directives=[lists.FINDINGS],
        description="Warnings found when the claim was submitted: what the payer may deny.",
        extensions=health("claims:read_items"),
    )
    def warnings(claim: strawberry.Parent[ClaimRecord]) -> Any:
        return list(claim.warnings or ())

    batch = related(
        later("Batch", "batches") | None,
        lambda loaders: loaders.batch_of_claim,
        "id",
        description="The active batch that contains the claim (lote de guias); null if there is none.",
        extensions=[Requires("batches:read")],
    )

    replaces = related(
        "Claim | None",
        lambda loaders: loaders.claim,
        "replaces_id",
        description="The decided claim that this one corrects; null if it corrects none.",
    )

    replaced_by = related(
        "Claim | None",
        lambda loaders: loaders.replacement_of_claim,
        "id",
        description="The active claim that corrects this one; null if there is none.",
    )

    @strawberry.field(
        graphql_type=Connection[ClaimHistoryEntry], directives=[lists.PAGE], description="Steps, oldest first."
    )
    @paged(claims.HISTORY)
    async def history(
        claim: strawberry.Parent[ClaimRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await claims.HISTORY.page(info.context, claim.id, at=Slice(first, after, last, before))

    available_actions = batched(
        list[AvailableClaimAction], claim_actions, description=ACTIONS, directives=[lists.CLAIM_ACTIONS]
    )


@object_type(description="A billed item of a claim (item da guia).")
class ClaimItem(Node):
    record = ItemRecord
    owner = Owner.PARTIES

    sequence: int = strawberry.field(
        description="Number of the item within the claim; of a document its own (sequencialItem), if that is 1 to 9999 "
        "and no earlier item has it."
    )
    document_sequence: int | None = strawberry.field(
        description="Number of the item in its document (sequencialItem), by which statements name it, if it differs "
        "from `sequence`."
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
    patient_cents: Cents | None = amount("patientAmount", OF_PATIENT)

    denials = related(
        "list[Denial]",
        lambda loaders: loaders.denials_of_item,
        # Most items have no denials: this saves the query.
        lambda item: item.id if item.denied_cents else None,
        directives=[lists.DENIALS_OF_ITEM],
        description=f"Denials of this item (glosas), oldest first; at most {lists.DENIALS_OF_ITEM.most}.",
        otherwise=(),
    )

    @strawberry.field(
        graphql_type=ServiceDetails | None,
        description="What the guide says of it besides; null if nothing.",
        extensions=health("claims:read_items"),
    )
    def details(item: strawberry.Parent[ItemRecord]) -> Any:
        return item.details

    term = related(
        TussTerm | None,
        lambda loaders: loaders.term,
        lambda item: (item.code_system, item.code),
        description="TUSS term of the code; null for a payer's own code.",
    )


@object_type(description="A denial of an item (glosa).")
class Denial(Node):
    record = DenialRecord
    owner = Owner.PARTIES

    code: str = strawberry.field(description="Reason for the denial, a code of Tabela 38 (tipoGlosa).")
    status: DenialStatus = strawberry.field(description="Status of the denial.")
    created_at: datetime = strawberry.field(description="Time of the payer's denial.")
    appeal_deadline: date = strawberry.field(description="Last day to appeal, derived from the contract.")
    appeal_instance: int = strawberry.field(
        description="Instance of the present or next appeal: 1, or 2 after the payer has upheld the denial once."
    )
    amount_cents: Cents | None = amount("amount", "Denied amount (valorGlosa).")

    created_by = related(
        str | None,
        lambda loaders: loaders.changes_of_denial,
        "id",
        description=CREATED_BY,
        then=lambda found: None if found is None else found.created_by,
    )

    updated_at = related(
        datetime | None,
        lambda loaders: loaders.changes_of_denial,
        "id",
        description=UPDATED_AT,
        then=lambda found: None if found is None else found.updated_at,
    )

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

    attachments = batched(
        list[AppealAttachment],
        attachments_of,
        description="The files with its appeals, oldest first.",
        directives=[lists.APPEAL_ATTACHMENTS],
    )

    earlier_appeals = batched(
        list[Appeal],
        earlier_of,
        description="Its appeals of earlier instances, which the payer has answered.",
        directives=[lists.EARLIER_APPEALS],
    )

    item = related(
        "ClaimItem | None",
        lambda loaders: loaders.item,
        "item_id",
        description="The denied item.",
        extensions=health("claims:read_items"),
    )

    claim = related(
        "Claim | None",
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim that contains the item.",
        extensions=[Requires("claims:read")],
    )

    invoice_line = related(
        later("InvoiceLine", "invoice_objects") | None,
        lambda loaders: loaders.line_of_won_appeal,
        # Most denials are not won: this saves the query.
        lambda denial: denial.id if denial.answered_cents else None,
        description="The line of an active invoice that bills the won appeal; null if there is none.",
        extensions=[Requires("invoices:read")],
    )

    available_actions = batched(
        list[AvailableDenialAction], denial_actions, description=ACTIONS, directives=[lists.DENIAL_ACTIONS]
    )
