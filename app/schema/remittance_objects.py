"""The object types of remittances (demonstrativos): the statement, its lines, and what was noticed of them."""

from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import tabela38
from app.domain.access_log import DataClass
from app.domain.claims import DeniedAmount
from app.domain.money import Cents, Quantity
from app.domain.settlements import PaymentMethod
from app.domain.statement import (
    ADJUSTMENTS_MAX,
    FINDINGS_MAX,
    STOPPING,
    StatementFinding,
    StatementFindingKind,
    StatementKind,
)
from app.executor.reach import Owner
from app.resolvers import adjustments, bank, remittance_lines, remittances
from app.resolvers.paging import Slice
from app.schema.actions import (
    ACTIONS,
    AvailableRemittanceAction,
    AvailableRemittanceLineAction,
    remittance_actions,
    remittance_line_actions,
)
from app.schema.adjustment_objects import RemittanceAdjustment, RemittanceBalance
from app.schema.bank_objects import BankEntry, ThreeWayMatch
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, FirstLines, Last, LastLines
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.enums import RemittanceLineProblem, RemittanceLineStatus, RemittanceSource, RemittanceStatus
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, amount, financial, health, marked, personal
from app.schema.base.relations import batched, paged, related
from app.schema.base.types import object_type
from app.schema.line_objects import RemittanceLineCandidate, RemittanceLineHistoryEntry
from app.schema.objects import Claim
from app.schema.parties import Payer, Provider
from app.schema.summed_lists import SettlementConnection

described(StatementKind, "What the payer sent; new values may be added.", name="RemittanceKind")
described(
    StatementFindingKind,
    "What the gateway noticed of a document; new values may be added.",
    name="RemittanceFindingKind",
)


@object_type(description="What the gateway noticed when it read a statement or one of its lines.")
class RemittanceFinding:
    kind: StatementFindingKind = strawberry.field(description="What was noticed.")
    detail: str | None = strawberry.field(
        description="Elements, codes and amounts of it, never a patient's data; null if the kind says it all.",
        extensions=financial("amounts:read"),
    )

    @strawberry.field(description="Whether a person must release the statement because of it.")
    def needs_release(finding: strawberry.Parent[StatementFinding]) -> bool:
        return finding.kind in STOPPING


@object_type(description="A denial on a remittance line (glosa).")
class RemittanceDenial:
    code: str = strawberry.field(
        description="Reason for the denial, a code of Tabela 38 (tipoGlosa).", directives=marked(DataClass.HEALTH)
    )

    @strawberry.field(
        description="The official text of the code; null if no table has it.", directives=marked(DataClass.HEALTH)
    )
    def description(denial: strawberry.Parent[DeniedAmount]) -> str | None:
        return tabela38.description(denial.code)

    @strawberry.field(
        description="Whether Tabela 38 has had the code and publishes it no longer.",
        directives=marked(DataClass.HEALTH),
    )
    def is_retired(denial: strawberry.Parent[DeniedAmount]) -> bool:
        return tabela38.description(denial.code) == tabela38.UNKNOWN

    @amount("amount", "Denied amount (valorGlosa).")
    def denied(denial: strawberry.Parent[DeniedAmount]) -> Cents | None:
        return denial.amount


def _of_item() -> list[FieldExtension]:
    return health("claims:read_items", "remittances:import")


@object_type(description="A line of a remittance: an item, or a whole claim.")
class RemittanceLine(Node):
    record = RemittanceLineRecord
    owner = Owner.PARTIES

    sequence: int = strawberry.field(description="Number of the line within the remittance, from 1.")
    provider_claim_number: str | None = strawberry.field(
        description="The provider's claim number (numeroGuiaPrestador); null if not given."
    )
    payer_claim_number: str | None = strawberry.field(
        description="The payer's claim number (numeroGuiaOperadora); null if not given."
    )
    item_sequence: int | None = strawberry.field(
        description="Number of the item within the claim (sequencialItem); null for a whole claim or a code alone."
    )
    status: RemittanceLineStatus = strawberry.field(description="Status of the line.")
    problem: RemittanceLineProblem | None = strawberry.field(
        description="Reason why the line is unmatched; null otherwise."
    )
    matched_by: str | None = strawberry.field(
        description="Who matched it manually, the subject of a token; null if matched automatically."
    )
    posted_at: datetime | None = strawberry.field(description="Time of posting; null until posted.")
    dismissed_at: datetime | None = strawberry.field(description="Time of the dismissal; null unless dismissed.")
    dismissed_by: str | None = strawberry.field(
        description="Who dismissed it, the subject of a token; null unless dismissed."
    )
    dismissal_reason: str | None = strawberry.field(
        description="Reason for the dismissal; null unless dismissed.", extensions=personal("remittances:read")
    )
    paid_cents: Cents | None = amount("paidAmount", "Paid amount (valorLiberado).")
    denied_cents: Cents | None = amount("deniedAmount", "Denied amount (valorGlosa).")
    patient_cents: Cents | None = amount(
        "patientAmount", "Owed by the patient (valorFranquia): neither paid nor denied."
    )
    item_code: str | None = strawberry.field(
        description="Code of the item (codigoProcedimento); null if not given.",
        extensions=_of_item(),
    )

    @strawberry.field(
        graphql_type=list[RemittanceDenial] | None,
        directives=[lists.DENIALS_OF_ITEM],
        description=f"Denied amounts and their reasons (glosas); at most {lists.DENIALS_OF_ITEM.most}.",
        extensions=_of_item(),
    )
    def denials(line: strawberry.Parent[RemittanceLineRecord]) -> Any:
        return list(line.denials)

    billed_cents: Cents | None = amount("billedAmount", "Billed amount (valorInformado); null if not given.")
    processed_cents: Cents | None = amount(
        "processedAmount", "Amount that the payer calculated (valorProcessado); null if not given."
    )
    protocol_number: str | None = strawberry.field(
        description="Number of the payer's protocol (numeroProtocolo); null if not given."
    )
    quantity: Quantity | None = strawberry.field(
        description="Quantity of the item (qtdExecutada); null if not given.", extensions=_of_item()
    )
    performed_on: date | None = strawberry.field(
        description="Day of the item (dataRealizacao); null if not given.", extensions=_of_item()
    )
    code_system: str | None = strawberry.field(
        description="Table of the item's code (codigoTabela); null if not given.", extensions=_of_item()
    )
    description: str | None = strawberry.field(
        description="The payer's text of the item (descricaoProcedimento); null if not given.", extensions=_of_item()
    )

    @strawberry.field(
        graphql_type=list[RemittanceFinding],
        directives=[lists.REMITTANCE_FINDINGS],
        description=f"What was noticed of the line; at most {FINDINGS_MAX}.",
    )
    def findings(line: strawberry.Parent[RemittanceLineRecord]) -> Any:
        return list(line.findings or ())

    claim = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The matched claim; null if unmatched.",
        extensions=[Requires("claims:read")],
    )

    remittance = related(
        "Remittance | None",
        lambda loaders: loaders.remittance,
        "remittance_id",
        description="The remittance that contains the line.",
    )

    waits_since: datetime | None = strawberry.field(
        name="waitingSince", description="Since when the line waits for a person; null unless unmatched."
    )
    assigned_to: str | None = strawberry.field(
        name="assignee", description="Who works on it, the subject of a token; null for nobody."
    )
    set_aside_until: date | None = strawberry.field(
        description="Until when nobody needs to look at it; null unless set aside."
    )
    difference_amount = batched(
        Cents | None,
        remittance_lines.differences,
        description="What the line, with those beside it about the same item, says above what its claim expects; "
        "negative if it leaves something out, null unless unmatched and with a claim.",
        extensions=financial("amounts:read"),
    )
    candidates = batched(
        list[RemittanceLineCandidate] | None,
        remittance_lines.candidates,
        description="Claims that an unmatched line may be about, the likeliest first; at most 10.",
        extensions=[Requires("remittances:work")],
        directives=[lists.CANDIDATES],
    )

    @strawberry.field(
        graphql_type=Connection[RemittanceLineHistoryEntry],
        directives=[lists.PAGE],
        description="Steps of people with the line, and their notes, oldest first.",
    )
    @paged(remittance_lines.HISTORY)
    async def history(
        line: strawberry.Parent[RemittanceLineRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await remittance_lines.HISTORY.page(info.context, line.id, at=Slice(first, after, last, before))

    available_actions = batched(
        list[AvailableRemittanceLineAction],
        remittance_line_actions,
        description=ACTIONS,
        directives=[lists.REMITTANCE_LINE_ACTIONS],
    )


@object_type(description="A remittance: a payer's statement of what it pays and denies (demonstrativo).")
class Remittance(Node):
    record = RemittanceRecord
    owner = Owner.PARTIES

    statement_number: str = strawberry.field(description="Number of the payer's statement (numeroDemonstrativo).")
    source: RemittanceSource = strawberry.field(description="Source of the remittance.")
    status: RemittanceStatus = strawberry.field(description="Status of the remittance.")
    paid_on: date | None = strawberry.field(
        description="Day of payment (dataPagamento); null if the remittance contains only decisions."
    )
    method: PaymentMethod = strawberry.field(description="Payment method (formaPagamento).")
    created_at: datetime = strawberry.field(description="Time of the import.")
    updated_at: datetime = strawberry.field(description="Time of the last change of it or of one of its lines.")
    created_by: str = strawberry.field(description="Who imported it: the subject of a token, or a job of the gateway.")
    posted_at: datetime | None = strawberry.field(description="Time of the last posting; null until posted.")
    cancelled_at: datetime | None = strawberry.field(description="Time of the cancellation; null unless cancelled.")
    cancelled_by: str | None = strawberry.field(
        description="Who cancelled it, the subject of a token; null unless cancelled."
    )
    cancel_reason: str | None = strawberry.field(
        description="Reason for the cancellation; null unless cancelled.", extensions=personal("remittances:read")
    )
    paid_cents: Cents | None = amount("paidAmount", "Sum of the paid amounts of its lines.")
    denied_cents: Cents | None = amount("deniedAmount", "Sum of the denied amounts of its lines.")
    bank_reference: str | None = strawberry.field(
        description="The bank's reference of the payment; null if none was given.",
        extensions=financial("settlements:read_bank"),
    )

    kind: StatementKind | None = strawberry.field(description="What the payer sent; null if no document says it.")
    issued_on: date | None = strawberry.field(
        description="Day on which the payer wrote it (dataEmissao); null if not given."
    )
    net_cents: Cents | None = amount(
        "netAmount", "Amount that the payer says it transfers, after debits and credits; null if not given."
    )
    released_at: datetime | None = strawberry.field(description="Time of the release; null unless released.")
    released_by: str | None = strawberry.field(
        description="Who released it, the subject of a token; null unless released."
    )
    release_reason: str | None = strawberry.field(
        description="Reason for the release; null unless released.", extensions=personal("remittances:read")
    )

    @strawberry.field(
        graphql_type=list[RemittanceFinding],
        directives=[lists.REMITTANCE_FINDINGS],
        description=f"What was noticed of the statement as a whole; at most {FINDINGS_MAX}.",
    )
    def findings(remittance: strawberry.Parent[RemittanceRecord]) -> Any:
        return list(remittance.findings or ())

    three_way_match = batched(
        ThreeWayMatch | None,
        bank.three_way,
        description="What claims, this statement and the bank show of its payment.",
        extensions=financial("settlements:read_bank"),
    )

    bank_entries = batched(
        list[BankEntry] | None,
        bank.entries_of,
        description="Bank entries that its payment is, alone or with payments of other statements; at most 20.",
        extensions=financial("settlements:read_bank"),
        directives=[lists.BANK_GROUP],
    )

    balance = batched(
        RemittanceBalance | None,
        adjustments.balances,
        description="How what it transfers comes from what it pays.",
        extensions=financial("amounts:read"),
    )

    adjustments = related(
        list[RemittanceAdjustment] | None,
        lambda loaders: loaders.adjustments_of_remittance,
        "id",
        otherwise=(),
        description=f"Debits, credits and taxes beside the claims, as the payer wrote them; at most {ADJUSTMENTS_MAX}.",
        directives=[lists.REMITTANCE_ADJUSTMENTS],
        extensions=financial("amounts:read"),
    )

    payer = related(
        Payer | None,
        lambda loaders: loaders.payer,
        "payer_ans",
        description="The payer (operadora).",
    )

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider that is paid (prestador).",
    )

    @strawberry.field(
        graphql_type=Connection[RemittanceLine], directives=[lists.LINES_PAGE], description="Lines, by number."
    )
    @paged(remittances.LINES)
    async def lines(
        remittance: strawberry.Parent[RemittanceRecord],
        info: Info,
        first: FirstLines = None,
        after: After = None,
        last: LastLines = None,
        before: Before = None,
    ) -> Any:
        return await remittances.LINES.page(info.context, remittance.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=SettlementConnection | None,
        directives=[lists.PAGE],
        description="Settlements and reversals with the number of this statement, oldest first.",
        extensions=financial("settlements:read"),
    )
    @paged(remittances.SETTLEMENTS)
    async def settlements(
        remittance: strawberry.Parent[RemittanceRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await remittances.SETTLEMENTS.page(info.context, remittance.id, at=Slice(first, after, last, before))

    @strawberry.field(description=ACTIONS, directives=[lists.REMITTANCE_ACTIONS])
    def available_actions(
        remittance: strawberry.Parent[RemittanceRecord], info: Info
    ) -> list[AvailableRemittanceAction]:
        return remittance_actions(remittance, info)
