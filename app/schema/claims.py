"""Claims, their items and denials, and the queries on them."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.db.claims import ClaimFilter, ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.history import ClaimStep
from app.db.invoices import InvoiceRecord
from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.db.tuss import TussRecord
from app.domain.actions import ClaimFacts, claim_block
from app.domain.denials import AFTER_APPEAL
from app.domain.money import Cents, Factor, Quantity
from app.resolvers import claims
from app.resolvers.claims import ClaimOrder
from app.schema.actions import CLAIM_MUTATIONS, AvailableClaimAction, permission_block
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.enums import ClaimStatus, ClaimType, InvoiceLineKind
from app.schema.base.info import Info
from app.schema.base.mutations import checked_arguments
from app.schema.base.permissions import Requires, amount, check_input, health, maskable, needing, personal
from app.schema.claim_inputs import ClaimInput
from app.schema.denials import Denial
from app.schema.history import ClaimHistoryEntry
from app.schema.parties import Patient, Payer, Provider
from app.schema.preflight import ClaimPreflight, PreflightFinding
from app.schema.tuss import TussTerm

if TYPE_CHECKING:
    from app.schema.invoices import Invoice

described(
    ClaimOrder,
    "How a list of claims is sorted.",
    {
        "NEWEST_FIRST": "By creation, latest first.",
        "OLDEST_FIRST": "By creation, earliest first.",
        "SERVICE_DATE_ASC": "By service date, earliest first.",
        "SERVICE_DATE_DESC": "By service date, latest first.",
        "CLAIMED_AMOUNT_ASC": "By claimed amount, smallest first. Needs `amounts:read`.",
        "CLAIMED_AMOUNT_DESC": "By claimed amount, largest first. Needs `amounts:read`.",
    },
)
PROCESSED = "What the payer processed (valorProcessado); null until decided."
APPROVED = "What the payer approved (valorLiberado); null until decided."
DENIED = "What the payer denied (valorGlosa); null until decided."
# Sorting by an amount would tell it.
ORDER_NEEDS = dict.fromkeys((ClaimOrder.CLAIMED_AMOUNT_ASC, ClaimOrder.CLAIMED_AMOUNT_DESC), ("amounts:read",))


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

    @strawberry.field(graphql_type=list[Denial], description="The denials of this item.")
    async def denials(item: strawberry.Parent[ItemRecord], info: Info) -> list[DenialRecord]:
        # Nothing was denied on most items: they need no statement.
        return await info.context.loaders.denials_of_item.load(item.id) if item.denied_cents else []

    @strawberry.field(graphql_type=TussTerm | None, description="The term of the code; null for payers' own tables.")
    async def term(item: strawberry.Parent[ItemRecord], info: Info) -> TussRecord | None:
        return await info.context.loaders.term.load((item.code_system, item.code))


@strawberry.type(description="Who performed the service (profissional executante).")
class Practitioner:
    name: str | None = strawberry.field(description="Name.")
    council: str | None = strawberry.field(description="Professional council (conselho), a code of TISS table 26.")
    number: str | None = strawberry.field(description="Number in the council.")
    state: str | None = strawberry.field(description="State of the council (UF), a code of TISS table 59.")
    cbo: str | None = strawberry.field(description="Occupation (CBO), a code of TISS table 24.")


@strawberry.type(description="The payer's authorization (senha).")
class Authorization:
    number: str = strawberry.field(description="Number of the authorization (senha).")
    issued_on: date | None = strawberry.field(description="When it was given (dataAutorizacao).")
    valid_until: date | None = strawberry.field(description="Last day of its validity (dataValidadeSenha).")


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
        graphql_type=list[ClaimItem] | None, description="What is billed.", extensions=health("claims:read_items")
    )
    async def items(claim: strawberry.Parent[ClaimRecord], info: Info) -> list[ItemRecord] | None:
        return await info.context.loaders.items_of_claim.load(claim.id)

    @strawberry.field(
        graphql_type=Annotated["Invoice", strawberry.lazy("app.schema.invoices")] | None,
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
        facts = await _facts(claim, info)
        who = info.context.principal
        return [
            AvailableClaimAction(
                action=operation, blocked_by=permission_block(who, mutation) or claim_block(operation, facts)
            )
            for operation, mutation in CLAIM_MUTATIONS.items()
        ]


async def _facts(claim: ClaimRecord, info: Info) -> ClaimFacts:
    """What decides about the claim; one that is not decided has no lines, denials or replacement."""
    if claim.approved_cents is None:
        return ClaimFacts(claim.status, None)
    loaders = info.context.loaders
    denials = await loaders.denials_of_claim.load(claim.id)
    return ClaimFacts(
        claim.status,
        Cents(claim.approved_cents),
        is_billed=any(line.kind is InvoiceLineKind.CLAIM for line in await loaders.lines_of_claim.load(claim.id)),
        is_replaced=await loaders.replacement_of_claim.load(claim.id) is not None,
        is_appealed=any(denial.status in AFTER_APPEAL for denial in denials),
    )


@strawberry.input(description="Which claims to list; every given part must hold, ranges include both ends.")
class ClaimFilterInput:
    status: list[ClaimStatus] | None = strawberry.field(default=None, description="Any of these states.")
    type: ClaimType | None = strawberry.field(default=None, description="Of this kind.")
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    patient: strawberry.ID | None = needing("patients:read", "patients:read_masked", description="Of this patient.")
    provider_claim_number: str | None = strawberry.field(default=None, description="With exactly this number.")
    service_date_from: date | None = strawberry.field(default=None, description="Service on this day or later.")
    service_date_to: date | None = strawberry.field(default=None, description="Service on this day or earlier.")
    submitted_from: datetime | None = strawberry.field(default=None, description="Submitted at this time or later.")
    submitted_to: datetime | None = strawberry.field(default=None, description="Submitted at this time or earlier.")
    amount_from: Cents | None = needing("amounts:read", description="Claimed amount at least this.")
    amount_to: Cents | None = needing("amounts:read", description="Claimed amount at most this.")
    denial_code: str | None = needing("claims:read_items", description="With a denial of this Tabela 38 code.")
    in_dispute: bool | None = needing(
        "amounts:read", "claims:read_items", description="With (or without) an open or appealed denial."
    )

    def where(self) -> ClaimFilter:
        """The filter as the database layer takes it."""
        return ClaimFilter(
            status=None if self.status is None else tuple(self.status),
            type=self.type,
            payer=self.payer,
            provider=self.provider,
            patient=self.patient,
            provider_claim_number=self.provider_claim_number,
            service_date_from=self.service_date_from,
            service_date_to=self.service_date_to,
            submitted_from=self.submitted_from,
            submitted_to=self.submitted_to,
            amount_from=self.amount_from,
            amount_to=self.amount_to,
            denial_code=self.denial_code,
            is_in_dispute=self.in_dispute,
        )


@strawberry.type
class ClaimQuery:
    @strawberry.field(
        graphql_type=Claim | None, description="One claim, or null.", extensions=[Requires("claims:read")]
    )
    async def claim(self, info: Info, id: strawberry.ID) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(id)

    @strawberry.field(
        graphql_type=ClaimPreflight,
        description="What the payer would deny of a claim and why, before it is sent. Give `input` or `claimId`.",
        extensions=[Requires("claims:create")],
    )
    async def claim_preflight(
        self, info: Info, input: ClaimInput | None = None, claim_id: strawberry.ID | None = None
    ) -> Any:
        checked_arguments(input=input)
        return await claims.examine(info.context, data=input.data() if input else None, claim_id=claim_id)

    @strawberry.field(
        graphql_type=Connection[Claim], description="The caller's claims.", extensions=[Requires("claims:read")]
    )
    async def claims(
        self,
        info: Info,
        filter: ClaimFilterInput | None = None,
        order_by: ClaimOrder = ClaimOrder.NEWEST_FIRST,
        first: int = 20,
        after: str | None = None,
    ) -> Any:
        asked = filter or ClaimFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked, *ORDER_NEEDS.get(order_by, ()))
        return await claims.page(info.context, where=asked.where(), order=order_by, first=first, after=after)
