"""Remittances (demonstrativos): payers' statements taken in, matched and posted."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.claims import ClaimRecord
from app.db.parties import PayerRecord, ProviderRecord
from app.db.remittances import RemittanceFilter, RemittanceLineRecord, RemittanceRecord
from app.domain.claims import DeniedAmount
from app.domain.errors import ErrorCode, refuse
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceSource, RemittanceStatus
from app.domain.settlements import PaymentMethod
from app.domain.statement import Statement, StatementLine
from app.resolvers import remittances
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.permissions import Requires, amount, financial, health
from app.schema.claim_inputs import DenialInput
from app.schema.objects import Claim, Settlement
from app.schema.parties import Payer, Provider
from app.services import posting
from app.services import remittances as service

described(
    RemittanceSource,
    "How a statement came in; new values may be added.",
    {"TYPED": "Line by line.", "TISS": "As a TISS document.", "EVENT": "As an event of the payer."},
)
described(
    RemittanceStatus,
    "Where a statement stands; new values may be added.",
    {
        "IMPORTED": "Taken in, nothing carried out.",
        "PARTIALLY_POSTED": "Some lines are carried out, others wait.",
        "POSTED": "Every line is carried out.",
    },
)
described(
    RemittanceLineStatus,
    "Where a line stands; new values may be added.",
    {
        "MATCHED": "Its claim is known.",
        "UNMATCHED": "It waits for a person.",
        "POSTED": "Carried out.",
    },
)
described(
    RemittanceLineProblem,
    "Why a line waits for a person; new values may be added.",
    {
        "UNKNOWN_CLAIM": "No claim has these numbers.",
        "AMBIGUOUS": "The numbers fit several claims, or the line several items.",
        "UNKNOWN_ITEM": "The claim has no such item.",
        "AMOUNTS_DIFFER": "The amounts do not settle the claim, or contradict its decision.",
        "NOT_PAYABLE": "The payer does not have the claim, or its invoice is not issued.",
        "OVERPAID": "It pays more than what is due.",
    },
)


@strawberry.type(description="One denial on a line of a statement.")
class RemittanceDenial:
    code: str = strawberry.field(description="The reason, a code of Tabela 38.")
    amount_cents: Cents | None = amount("amount", "The denied amount.")


@strawberry.type(description="One line of a payer's statement.")
class RemittanceLine(Node):
    sequence: int = strawberry.field(description="Its place in the statement, from 1.")
    provider_claim_number: str | None = strawberry.field(description="The provider's number (numeroGuiaPrestador).")
    payer_claim_number: str | None = strawberry.field(description="The payer's number (numeroGuiaOperadora).")
    item_sequence: int | None = strawberry.field(description="The item; null for the whole claim or a code alone.")
    status: RemittanceLineStatus = strawberry.field(description="Where it stands.")
    problem: RemittanceLineProblem | None = strawberry.field(description="Why it waits for a person.")
    matched_by: str | None = strawberry.field(description="Who matched it by hand.")
    posted_at: datetime | None = strawberry.field(description="When it was carried out.")
    paid_cents: Cents | None = amount("paidAmount", "What it pays (valorLiberado).")
    denied_cents: Cents | None = amount("deniedAmount", "What it denies.")
    item_code: str | None = strawberry.field(
        description="The item's code.", extensions=health("claims:read_items", "remittances:import")
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, RemittanceLineRecord)

    @strawberry.field(
        graphql_type=list[RemittanceDenial] | None,
        description="What it denies, and why.",
        extensions=health("claims:read_items", "remittances:import"),
    )
    def denials(line: strawberry.Parent[RemittanceLineRecord]) -> Any:
        return [_Denied(denial) for denial in line.denials]

    @strawberry.field(
        graphql_type=Claim | None, description="The claim it is about.", extensions=[Requires("claims:read")]
    )
    async def claim(line: strawberry.Parent[RemittanceLineRecord], info: Info) -> ClaimRecord | None:
        return None if line.claim_id is None else await info.context.loaders.claim.load(line.claim_id)

    @strawberry.field(graphql_type="Remittance | None", description="The statement that it stands on.")
    async def remittance(line: strawberry.Parent[RemittanceLineRecord], info: Info) -> RemittanceRecord | None:
        return await info.context.loaders.remittance.load(line.remittance_id)


class _Denied:
    """A denial under the names that the schema reads."""

    def __init__(self, denial: DeniedAmount) -> None:
        self.code = denial.code
        self.amount_cents = denial.amount


@strawberry.type(description="A payer's statement of what it pays and denies (demonstrativo).")
class Remittance(Node):
    statement_number: str = strawberry.field(description="The payer's number (numeroDemonstrativo).")
    source: RemittanceSource = strawberry.field(description="How it came in.")
    status: RemittanceStatus = strawberry.field(description="Where it stands.")
    paid_on: date | None = strawberry.field(description="Day of payment; null for a statement that only decides.")
    method: PaymentMethod = strawberry.field(description="How it was paid.")
    created_at: datetime = strawberry.field(description="When it was taken in.")
    created_by: str = strawberry.field(description="Who took it in.")
    posted_at: datetime | None = strawberry.field(description="When it was last carried out.")
    paid_cents: Cents | None = amount("paidAmount", "Sum of what its lines pay.")
    denied_cents: Cents | None = amount("deniedAmount", "Sum of what its lines deny.")
    bank_reference: str | None = strawberry.field(
        description="The bank's reference of the payment.", extensions=financial("settlements:read_bank")
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, RemittanceRecord)

    @strawberry.field(graphql_type=Payer | None, description="Whose statement it is.")
    async def payer(remittance: strawberry.Parent[RemittanceRecord], info: Info) -> PayerRecord | None:
        return await info.context.loaders.payer.load(remittance.payer_ans)

    @strawberry.field(graphql_type=Provider | None, description="Whom it pays.")
    async def provider(remittance: strawberry.Parent[RemittanceRecord], info: Info) -> ProviderRecord | None:
        return await info.context.loaders.provider.load(remittance.provider_cnes)

    @strawberry.field(graphql_type=list[RemittanceLine], description="Its lines, in statement order.")
    async def lines(remittance: strawberry.Parent[RemittanceRecord], info: Info) -> list[RemittanceLineRecord]:
        return await info.context.loaders.lines_of_remittance.load(remittance.id)


@strawberry.input(description="Which statements; every given part must hold.")
class RemittanceFilterInput:
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="To the provider with this CNES.")
    status: list[RemittanceStatus] | None = strawberry.field(default=None, description="Any of these states.")
    statement_number: str | None = strawberry.field(default=None, description="With exactly this number.")

    def where(self) -> RemittanceFilter:
        """The filter as the database layer takes it."""
        status = None if self.status is None else tuple(self.status)
        return RemittanceFilter(self.payer, self.provider, status, self.statement_number)


@strawberry.type
class RemittanceQuery:
    @strawberry.field(
        graphql_type=Remittance | None, description="One statement, or null.", extensions=[Requires("remittances:read")]
    )
    async def remittance(self, info: Info, id: strawberry.ID) -> RemittanceRecord | None:
        return await info.context.loaders.remittance.load(id)

    @strawberry.field(
        graphql_type=Connection[Remittance],
        description="The caller's statements, newest first.",
        extensions=[Requires("remittances:read")],
    )
    async def remittances(
        self, info: Info, filter: RemittanceFilterInput | None = None, first: int = 20, after: str | None = None
    ) -> Any:
        where = (filter or RemittanceFilterInput()).where()
        return await remittances.page(info.context, where=where, first=first, after=after)

    @strawberry.field(
        graphql_type=Connection[RemittanceLine],
        description="The queue of lines that wait for a person, oldest first.",
        extensions=[Requires("remittances:read")],
    )
    async def unmatched_remittance_lines(
        self, info: Info, filter: RemittanceFilterInput | None = None, first: int = 20, after: str | None = None
    ) -> Any:
        where = (filter or RemittanceFilterInput()).where()
        return await remittances.unmatched(info.context, where=where, first=first, after=after)


@strawberry.input(description="One line of a statement: an item, or a whole claim.")
class RemittanceLineInput:
    paid_amount: Cents = strawberry.field(description="What it pays; may be zero.")
    provider_claim_number: str | None = strawberry.field(default=None, description="The provider's number.")
    payer_claim_number: str | None = strawberry.field(default=None, description="The payer's number.")
    item_sequence: int | None = strawberry.field(default=None, description="The item's number within the claim.")
    item_code: str | None = strawberry.field(default=None, description="The item's code, when it has no number.")
    denials: list[DenialInput] = strawberry.field(default_factory=list, description="What it does not pay, and why.")

    def data(self) -> StatementLine:
        """The line as the service takes it."""
        return StatementLine(
            self.provider_claim_number,
            self.payer_claim_number,
            self.item_sequence,
            self.item_code,
            self.paid_amount,
            tuple(DeniedAmount(each.code, each.amount) for each in self.denials),
        )


@strawberry.input(description="A payer's statement: typed lines, or a TISS document.")
class ImportRemittanceInput:
    payer: str = strawberry.field(description="Registro ANS of the payer.")
    provider: str = strawberry.field(description="CNES of the provider.")
    statement_number: str | None = strawberry.field(
        default=None, description="Up to 20 characters; may be left out when the TISS document has one."
    )
    paid_on: date | None = strawberry.field(
        default=None, description="Day of payment, not in the future; left out for a statement that only decides."
    )
    method: PaymentMethod = strawberry.field(default=PaymentMethod.BANK_TRANSFER, description="How it was paid.")
    bank_reference: str | None = strawberry.field(default=None, description="Up to 60 characters.")
    lines: list[RemittanceLineInput] | None = strawberry.field(default=None, description="1 to 2000 typed lines.")
    xml: str | None = strawberry.field(default=None, description="A TISS demonstrativo instead of lines.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service; INVALID_INPUT unless the statement is given in exactly one form."""
        if (self.xml is None) == (self.lines is None):
            raise refuse(ErrorCode.INVALID_INPUT, "give either lines or a TISS document", "lines")
        lines = tuple(line.data() for line in self.lines or ())
        number = self.statement_number or ""
        return {
            "statement": Statement(
                self.payer, self.provider, number, self.paid_on, self.method, self.bank_reference, lines
            ),
            "document": None if self.xml is None else self.xml.encode(),
            "source": RemittanceSource.TYPED if self.xml is None else RemittanceSource.TISS,
        }


@strawberry.input(description="Which claim a waiting line is about.")
class MatchRemittanceLineInput:
    id: strawberry.ID = strawberry.field(description="The line.")
    claim_id: strawberry.ID = strawberry.field(description="The claim, of the statement's provider and payer.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which statement to carry out.")
class PostRemittanceInput:
    id: strawberry.ID = strawberry.field(description="The statement.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="Result of a statement.")
class ImportRemittancePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(default=None, description="The statement; null when refused.")
    already_imported: bool = strawberry.field(
        default=False, description="Whether the same statement was there before: nothing was changed."
    )


@strawberry.type(description="Result of a line.")
class MatchRemittanceLinePayload(MutationPayload):
    line: RemittanceLine | None = strawberry.field(default=None, description="The line; null when refused.")


@strawberry.type(description="What carrying a statement out did.")
class PostRemittancePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(default=None, description="The statement; null when refused.")
    settlements: list[Settlement] = strawberry.field(
        default_factory=list, description="The new ledger rows, one per invoice."
    )
    posted_lines: int = strawberry.field(default=0, description="How many lines were carried out.")
    put_back_lines: int = strawberry.field(default=0, description="How many did not fit and wait for a person now.")
    already_posted: bool = strawberry.field(
        default=False, description="Whether there was nothing left to carry out: nothing was changed."
    )


MUTATIONS = (
    mutation(
        service.IMPORT,
        ImportRemittanceInput,
        ImportRemittancePayload,
        "Import a payer's statement and match its lines to claims; the same statement again changes nothing.",
    ),
    mutation(
        service.MATCH, MatchRemittanceLineInput, MatchRemittanceLinePayload, "Say by hand which claim a line is about."
    ),
    mutation(
        posting.POST,
        PostRemittanceInput,
        PostRemittancePayload,
        "Post the matched lines of a statement in one transaction: decisions with their denials, invoices for claims "
        "that nobody billed yet, and settlements.",
    ),
)
