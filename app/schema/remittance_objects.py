"""The object types of remittances (demonstrativos) and their lines."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.access_log import DataClass
from app.domain.claims import DeniedAmount
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod
from app.executor.reach import Owner
from app.resolvers import remittance_lines, remittances
from app.schema.actions import (
    ACTIONS,
    AvailableRemittanceAction,
    AvailableRemittanceLineAction,
    remittance_actions,
    remittance_line_actions,
)
from app.schema.base import lists
from app.schema.base.arguments import After, First, FirstLines
from app.schema.base.connections import Connection, Node
from app.schema.base.enums import RemittanceLineProblem, RemittanceLineStatus, RemittanceSource, RemittanceStatus
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, amount, financial, health, marked, personal
from app.schema.base.relations import batched, paged, related
from app.schema.line_objects import RemittanceLineCandidate, RemittanceLineHistoryEntry
from app.schema.objects import Claim
from app.schema.parties import Payer, Provider
from app.schema.summed_lists import SettlementConnection


@strawberry.type(description="A denial on a remittance line (glosa).")
class RemittanceDenial:
    code: str = strawberry.field(
        description="Reason for the denial, a code of Tabela 38 (tipoGlosa).", directives=marked(DataClass.HEALTH)
    )

    @amount("amount", "Denied amount (valorGlosa).")
    def denied(denial: strawberry.Parent[DeniedAmount]) -> Cents | None:
        return denial.amount


@strawberry.type(description="A line of a remittance: an item, or a whole claim.")
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
    item_code: str | None = strawberry.field(
        description="Code of the item (codigoProcedimento); null if not given.",
        extensions=health("claims:read_items", "remittances:import"),
    )

    @strawberry.field(
        graphql_type=list[RemittanceDenial] | None,
        directives=[lists.DENIALS_OF_ITEM],
        description=f"Denied amounts and their reasons (glosas); at most {lists.DENIALS_OF_ITEM.most}.",
        extensions=health("claims:read_items", "remittances:import"),
    )
    def denials(line: strawberry.Parent[RemittanceLineRecord]) -> Any:
        return list(line.denials)

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

    waiting_since: datetime | None = strawberry.field(
        description="Since when the line waits for a person; null unless unmatched."
    )
    assigned_to: str | None = strawberry.field(description="Who works on it, the subject of a token; null for nobody.")
    set_aside_until: date | None = strawberry.field(
        description="Until when nobody needs to look at it; null unless set aside."
    )
    difference = batched(
        Cents | None,
        remittance_lines.differences,
        description="What the line, with those beside it about the same item, says above what its claim expects; "
        "negative if it leaves something out, null unless unmatched and with a claim.",
        extensions=financial("amounts:read"),
    )
    candidates = batched(
        list[RemittanceLineCandidate],
        remittance_lines.candidates,
        description="Claims that an unmatched line may be about, the likeliest first; at most 10.",
        directives=[lists.CANDIDATES],
    )

    @strawberry.field(
        graphql_type=Connection[RemittanceLineHistoryEntry],
        directives=[lists.PAGE],
        description="Steps of people with the line, and their notes, oldest first.",
    )
    @paged(remittance_lines.HISTORY)
    async def history(
        line: strawberry.Parent[RemittanceLineRecord], info: Info, first: First = 20, after: After = None
    ) -> Any:
        return await remittance_lines.HISTORY.page(info.context, line.id, first=first, after=after)

    @strawberry.field(description=ACTIONS, directives=[lists.REMITTANCE_LINE_ACTIONS])
    def available_actions(
        line: strawberry.Parent[RemittanceLineRecord], info: Info
    ) -> list[AvailableRemittanceLineAction]:
        return remittance_line_actions(line, info)


@strawberry.type(description="A remittance: a payer's statement of what it pays and denies (demonstrativo).")
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
        remittance: strawberry.Parent[RemittanceRecord], info: Info, first: FirstLines = 20, after: After = None
    ) -> Any:
        return await remittances.LINES.page(info.context, remittance.id, first=first, after=after)

    @strawberry.field(
        graphql_type=SettlementConnection | None,
        directives=[lists.PAGE],
        description="Settlements and reversals with the number of this statement, oldest first.",
        extensions=financial("settlements:read"),
    )
    @paged(remittances.SETTLEMENTS)
    async def settlements(
        remittance: strawberry.Parent[RemittanceRecord], info: Info, first: First = 20, after: After = None
    ) -> Any:
        return await remittances.SETTLEMENTS.page(info.context, remittance.id, first=first, after=after)

    @strawberry.field(description=ACTIONS, directives=[lists.REMITTANCE_ACTIONS])
    def available_actions(
        remittance: strawberry.Parent[RemittanceRecord], info: Info
    ) -> list[AvailableRemittanceAction]:
        return remittance_actions(remittance, info)
