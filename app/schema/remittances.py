"""Remittances (demonstrativos): queries, and the mutations that import, match and post them."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import strawberry

from app.db.remittances import RemittanceRecord
from app.domain.calendar import business_day
from app.domain.claims import DENIALS_MAX, DeniedAmount
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.domain.remittances import RemittanceSource
from app.domain.settlements import PaymentMethod
from app.domain.statement import (
    ADJUSTMENTS_MAX,
    LINES_MAX,
    LONG_LINES_MAX,
    STATEMENTS_MAX,
    AdjustmentDirection,
    AdjustmentLevel,
    Statement,
    StatementAdjustment,
    StatementLine,
    net_of,
)
from app.language.messages import in_language
from app.resolvers import remittances
from app.resolvers.paging import Slice
from app.schema.base import inputs, lists, weights
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.connections import Connection
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, check_arguments, mutation
from app.schema.base.ordering import ordered
from app.schema.base.permissions import Requires
from app.schema.base.types import input_type, object_type
from app.schema.claim_inputs import DenialInput
from app.schema.imports import ImportJob
from app.schema.invoice_objects import Settlement
from app.schema.queue_filters import LINE_FILTER, WaitingLineFilterInput, queue_filter
from app.schema.remittance_lists import RemittanceFilterInput, RemittanceLineOrder, RemittanceOrder
from app.schema.remittance_objects import Remittance, RemittanceLine
from app.services import posting, remittance_lines
from app.services import statements as service
from app.tiss.encoding import encoded


class RemittanceQuery:
    @strawberry.field(
        graphql_type=Remittance | None,
        description="A remittance by id; null if it does not exist in the caller's data scope.",
        extensions=[Requires("remittances:read")],
    )
    async def remittance(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the remittance.")]
    ) -> RemittanceRecord | None:
        return await info.context.loaders.remittance.load(id)

    @strawberry.field(
        graphql_type=Connection[Remittance] | None,
        description="Remittances in the caller's data scope, by default newest first.",
        extensions=[Requires("remittances:read")],
        directives=[lists.PAGE],
    )
    async def remittances(
        self,
        info: Info,
        filter: Annotated[RemittanceFilterInput | None, FILTER] = None,
        order_by: Annotated[RemittanceOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or RemittanceFilterInput()).where()
        order = ordered(remittances.ORDERS, order_by, remittances.NEWEST_FIRST)
        return await remittances.REMITTANCES.page(info.context, where, order, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[RemittanceLine] | None,
        description="Queue of unmatched remittance lines in the caller's data scope, by default oldest first.",
        extensions=[Requires("remittances:read")],
        directives=[lists.PAGE],
    )
    async def unmatched_remittance_lines(
        self,
        info: Info,
        filter: Annotated[RemittanceFilterInput | None, FILTER] = None,
        line_filter: Annotated[WaitingLineFilterInput | None, LINE_FILTER] = None,
        order_by: Annotated[RemittanceLineOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter, line_filter=line_filter)
        today = business_day(info.context.now())
        where = queue_filter(filter, line_filter, today=today)
        order = ordered(remittances.LINE_ORDERS, order_by, remittances.OLDEST_LINE_FIRST)
        return await remittances.UNMATCHED.page(info.context, where, order, at=Slice(first, after, last, before))


@input_type(one_of=True, description="An item of a claim: by its number or, if that is unknown, by its code.")
class RemittanceItemInput:
    sequence: int | None = strawberry.field(
        default=strawberry.UNSET, description="Number of the item within the claim (sequencialItem)."
    )
    code: str | None = strawberry.field(default=strawberry.UNSET, description="Code of the item (codigoProcedimento).")


@input_type(description="A line of a remittance: an item, or a whole claim.")
class RemittanceLineInput:
    paid_amount: Cents = strawberry.field(description="Paid amount (valorLiberado); may be zero.")
    provider_claim_number: str | None = strawberry.field(
        default=None, description="The provider's claim number (numeroGuiaPrestador)."
    )
    payer_claim_number: str | None = strawberry.field(
        default=None, description="The payer's claim number (numeroGuiaOperadora)."
    )
    item: RemittanceItemInput | None = strawberry.field(default=None, description="The item; null for the whole claim.")
    denials: list[DenialInput] = strawberry.field(
        default_factory=list,
        description=f"Denied amounts and their reasons (glosas), up to {DENIALS_MAX}.",
        directives=lists.up_to(DENIALS_MAX),
    )
    taken_back: Cents | None = strawberry.field(
        default=None,
        name="takenBackAmount",
        description="Amount that the payer takes back of earlier payments of the claim; the paid amount is then zero.",
    )
    patient_amount: Cents | None = strawberry.field(
        default=None, description="What the patient owes of the item (valorFranquia); null if nothing."
    )

    def to_domain(self) -> StatementLine:
        """The line as a domain value."""
        return StatementLine(
            self.provider_claim_number,
            self.payer_claim_number,
            None if self.item is None else inputs.member(self.item.sequence),
            None if self.item is None else inputs.member(self.item.code),
            Cents(self.paid_amount - (self.taken_back or 0)),
            tuple(DeniedAmount(each.code, each.amount) for each in self.denials),
            patient=self.patient_amount or Cents(0),
        )


@input_type(one_of=True, description="What a statement says: as lines, or as a TISS document, here or uploaded.")
class RemittanceContentInput:
    lines: list[RemittanceLineInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Lines of the statement, 1 to 2000.",
        directives=lists.up_to(LINES_MAX, checked_by_service=True),
    )
    xml: str | None = strawberry.field(
        default=strawberry.UNSET, description="The statement as a TISS document (demonstrativo)."
    )
    document_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"Id of an uploaded TISS document (demonstrativo), of up to {LONG_LINES_MAX} lines: a long one is "
        "imported by a job.",
    )


@input_type(description="A debit or credit of a statement beside its claims, such as a withheld tax.")
class RemittanceAdjustmentInput:
    direction: AdjustmentDirection = strawberry.field(description="Whether it is deducted or added.")
    amount: Cents = strawberry.field(description="Amount, above zero.")
    type: str | None = strawberry.field(
        default=None, description="The payer's code (tipoDebitoCredito), such as 01 for IRRF; up to 2 characters."
    )
    description: str | None = strawberry.field(
        default=None, description="What the payer writes, such as PCC; up to 100 characters."
    )

    def to_domain(self) -> StatementAdjustment:
        """The adjustment as a domain value."""
        level = AdjustmentLevel.STATEMENT
        return StatementAdjustment(self.direction, level, self.type, self.description, self.amount)


@input_type(description="A payer's statement to import.")
class ImportRemittanceInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    statement_number: str | None = strawberry.field(
        default=None,
        description="Statement number (numeroDemonstrativo), up to 20 characters; optional if the document has one.",
    )
    paid_on: date | None = strawberry.field(
        default=None,
        description="Day of payment (dataPagamento), not in the future; null if the statement contains only decisions.",
    )
    method: PaymentMethod = strawberry.field(
        default=PaymentMethod.BANK_TRANSFER, description="Payment method (formaPagamento)."
    )
    bank_reference: str | None = strawberry.field(
        default=None, description="The bank's reference of the payment, up to 60 characters."
    )
    content: RemittanceContentInput = strawberry.field(description="What the statement says.")
    adjustments: list[RemittanceAdjustmentInput] = strawberry.field(
        default_factory=list,
        description=f"Debits and credits beside typed lines, up to {ADJUSTMENTS_MAX}; a document has its own.",
        directives=lists.up_to(ADJUSTMENTS_MAX),
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        lines = tuple(line.to_domain() for line in inputs.member(self.content.lines) or ())
        number, xml = self.statement_number or "", inputs.member(self.content.xml)
        adjustments = tuple(each.to_domain() for each in self.adjustments)
        statement = Statement(self.payer, self.provider, number, self.paid_on, self.method, self.bank_reference, lines)
        document_id = inputs.member(self.content.document_id)
        return {
            "statement": replace(statement, net=net_of(lines, adjustments), adjustments=adjustments),
            "document": None if xml is None else encoded(xml),
            "document_id": document_id,
            "source": RemittanceSource.TYPED if xml is None and document_id is None else RemittanceSource.TISS,
        }


@input_type(description="An unmatched remittance line and its claim.")
class MatchRemittanceLineInput:
    id: strawberry.ID = strawberry.field(name="remittanceLineId", description="Id of the remittance line.")
    claim_id: strawberry.ID = strawberry.field(description="Id of a claim of the remittance's provider and payer.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The remittance to post.")
class PostRemittanceInput:
    id: strawberry.ID = strawberry.field(name="remittanceId", description="Id of the remittance.")
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of importing a remittance.")
class ImportRemittancePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(
        default=None, description="The remittance after the mutation; null if refused."
    )
    already_imported: bool = strawberry.field(
        default=False, description="Whether the same statement was imported before and nothing was changed."
    )
    remittances: list[Remittance] = strawberry.field(
        default_factory=list,
        description=f"All remittances of the document, at most {STATEMENTS_MAX}; `remittance` is the first.",
        directives=[lists.STATEMENTS],
    )
    notices: list[str] = strawberry.field(
        default_factory=list,
        description="For each remittance that was imported before, also under another number, which one it is; for "
        "each of several statements that is refused, why. In English or Portuguese by `Accept-Language`.",
        directives=[lists.STATEMENTS],
    )
    job: ImportJob | None = strawberry.field(
        default=None,
        description="The job that imports a long document, and has its remittances; null if they are imported already.",
    )

    def __post_init__(self) -> None:
        self.notices = [in_language(each) for each in self.notices]


@object_type(description="Result of matching a remittance line.")
class MatchRemittanceLinePayload(MutationPayload):
    line: RemittanceLine | None = strawberry.field(
        default=None, description="The line after the mutation; null if refused."
    )


@object_type(description="Result of posting a remittance.")
class PostRemittancePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(
        default=None, description="The remittance after the mutation; null if refused."
    )
    settlements: list[Settlement] = strawberry.field(
        default_factory=list,
        description="New settlements, one for each paid invoice; empty while the remittance is POSTING.",
        directives=[lists.SETTLEMENTS],
    )
    posted_lines: int = strawberry.field(default=0, description="Number of posted lines.")
    put_back_lines: int = strawberry.field(
        default=0, description="Number of lines that could not be posted and are unmatched again."
    )
    already_posted: bool = strawberry.field(
        default=False, description="Whether there was nothing left to post and nothing was changed."
    )


MUTATIONS = (
    mutation(
        service.IMPORT,
        ImportRemittanceInput,
        ImportRemittancePayload,
        "Imports a payer's statement and matches its lines to claims; importing it again changes nothing. A long "
        "document is imported by a job.",
        via=remittances.import_remittance,
        directives=weights.STATEMENT,
    ),
    mutation(
        remittance_lines.MATCH,
        MatchRemittanceLineInput,
        MatchRemittanceLinePayload,
        "Matches an unmatched or dismissed remittance line to a claim manually.",
    ),
    mutation(
        posting.POST,
        PostRemittanceInput,
        PostRemittancePayload,
        "Posts the matched lines of a remittance: decisions with their denials, invoices for claims that are not "
        "invoiced yet, and settlements. A long remittance is POSTING after the call, until a job has posted all lines.",
        directives=weights.STATEMENT,
    ),
)
