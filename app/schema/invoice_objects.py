"""Object types of billing: invoices, their lines, and settlements."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.deductions import DeductionRecord
from app.db.invoice_lines import LineFilter, LineRecord
from app.db.invoices import InvoiceRecord
from app.db.settlements import SettlementRecord
from app.domain.deductions import DeductionKind
from app.domain.invoices import YearMonth
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.executor.reach import Owner
from app.resolvers import invoices, settlements
from app.resolvers.paging import Slice
from app.schema.actions import ACTIONS, AvailableInvoiceAction, invoice_actions
from app.schema.base import lists
from app.schema.base.arguments import FILTER, After, Before, First, FirstLines, Last, LastLines
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.enums import InvoiceLineKind, InvoiceStatus
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.permissions import Requires, amount, financial, health, personal
from app.schema.base.relations import batched, filtered_by, paged, related
from app.schema.base.scalars import BigInt
from app.schema.base.types import input_type, object_type
from app.schema.history import CREATED_BY, UPDATED_AT, InvoiceHistoryEntry
from app.schema.ledger_actions import AvailableSettlementAction, settlement_actions
from app.schema.objects import Claim, Denial
from app.schema.parties import Payer, Provider


@input_type(description="Filter for the lines of an invoice. Every given condition must match.")
class InvoiceLineFilterInput:
    kind: list[InvoiceLineKind] | None = strawberry.field(
        default=None, description="Kind: any of these.", directives=lists.up_to(len(InvoiceLineKind))
    )

    def where(self) -> LineFilter:
        """The filter as the database layer expects it."""
        return LineFilter(given(self.kind))


@object_type(description="An invoice (conta) for approved claims to one payer.")
class Invoice(Node):
    record = InvoiceRecord
    owner = Owner.PARTIES

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

    created_by = related(
        str | None,
        lambda loaders: loaders.changes_of_invoice,
        "id",
        description=CREATED_BY,
        then=lambda found: None if found is None else found.created_by,
    )

    updated_at = related(
        datetime | None,
        lambda loaders: loaders.changes_of_invoice,
        "id",
        description=UPDATED_AT,
        then=lambda found: None if found is None else found.updated_at,
    )

    in_dispute = related(
        Cents | None,
        lambda loaders: loaders.disputed_cents,
        "id",
        description="Open and appealed denials of its claims; not part of the total.",
        name="inDisputeAmount",
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
        description="The provider that bills (prestador).",
    )

    @strawberry.field(
        graphql_type="Connection[InvoiceLine]",
        directives=[lists.LINES_PAGE],
        description="Lines for claims and won appeals, and adjustments, oldest first.",
    )
    @paged(invoices.LINES)
    async def lines(
        invoice: strawberry.Parent[InvoiceRecord],
        info: Info,
        filter: Annotated[InvoiceLineFilterInput | None, FILTER] = None,
        first: FirstLines = None,
        after: After = None,
        last: LastLines = None,
        before: Before = None,
    ) -> Any:
        where = filtered_by(filter)
        return await invoices.LINES.page(info.context, invoice.id, where=where, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=later("SettlementConnection", "summed_lists") | None,
        directives=[lists.PAGE],
        description="Settlements and reversals, oldest first.",
        extensions=financial("settlements:read"),
    )
    @paged(invoices.SETTLEMENTS)
    async def settlements(
        invoice: strawberry.Parent[InvoiceRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await invoices.SETTLEMENTS.page(info.context, invoice.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[InvoiceHistoryEntry], directives=[lists.PAGE], description="Steps, oldest first."
    )
    @paged(invoices.HISTORY)
    async def history(
        invoice: strawberry.Parent[InvoiceRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await invoices.HISTORY.page(info.context, invoice.id, at=Slice(first, after, last, before))

    @strawberry.field(description=ACTIONS, directives=[lists.INVOICE_ACTIONS])
    def available_actions(invoice: strawberry.Parent[InvoiceRecord], info: Info) -> list[AvailableInvoiceAction]:
        return invoice_actions(invoice, info)


@object_type(description="A line of an invoice.")
class InvoiceLine(Node):
    record = LineRecord
    owner = Owner.PARTIES

    kind: InvoiceLineKind = strawberry.field(description="Kind of the line.")
    created_at: datetime = strawberry.field(description="Time at which the line was added.")
    reason: str | None = strawberry.field(
        description="Reason for the adjustment; null for other lines.", extensions=personal("settlements:read")
    )
    amount_cents: Cents | None = amount("amount", "Approved, won or adjusted amount; above zero for debits too.")
    settled_cents: Cents | None = amount("settledAmount", "Amount paid for the line, less reversals.")
    debited_cents: Cents | None = amount("debitedAmount", "Amount by which debits reduce the line.")

    claim = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim that the line bills; null for adjustments.",
        extensions=[Requires("claims:read")],
    )

    denial = related(
        Denial | None,
        lambda loaders: loaders.denial,
        "denial_id",
        description="The denial whose won appeal the line bills; null for other lines.",
        extensions=health("claims:read_items"),
    )


described(DeductionKind, "What a payer keeps back of a payment; new values may be added.")


@object_type(description="What a payer kept back of a payment: a withheld tax, or a discount.")
class SettlementDeduction:
    kind: DeductionKind = strawberry.field(description="Which tax, or a discount.")

    @amount("amount", "Amount, above zero for reversals too.")
    def absolute(kept: strawberry.Parent[DeductionRecord]) -> Cents | None:
        return Cents(abs(kept.amount_cents))


@object_type(description="An entry of the settlement ledger: a payment (liquidação) or a reversal (estorno).")
class Settlement(Node):
    record = SettlementRecord
    owner = Owner.PARTIES

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
    withheld_cents: Cents | None = amount("withheldAmount", "Of the amount, the taxes that the payer withheld.")
    discount_cents: Cents | None = amount("discountAmount", "Of the amount, the financial discount.")
    net_cents: Cents | None = amount(
        "netAmount", "What reached the bank: the amount less taxes and discount. Of a reversal, what went back."
    )
    deductions = related(
        list[SettlementDeduction] | None,
        lambda loaders: loaders.deductions_of_settlement,
        "id",
        description="What the payer kept back, one entry per kind.",
        extensions=financial("amounts:read"),
        directives=[lists.DEDUCTIONS],
    )
    bank_reference: str | None = strawberry.field(
        description="The bank's reference of the payment; null if none was given.",
        extensions=financial("settlements:read_bank"),
    )

    position = related(
        BigInt | None,
        lambda loaders: loaders.position_of_event,
        "event_id",
        description="Position in the event log; null until published.",
    )

    invoice = related(
        "Invoice | None",
        lambda loaders: loaders.invoice,
        "invoice_id",
        description="The invoice that it pays.",
        extensions=[Requires("invoices:read")],
    )

    reverses = related(
        "Settlement | None",
        lambda loaders: loaders.settlement,
        "reverses_id",
        description="The settlement that a reversal reverses; null for a payment.",
    )

    @strawberry.field(
        graphql_type=later("SettlementConnection", "summed_lists") | None,
        directives=[lists.PAGE],
        description="The reversals of a payment, oldest first.",
        extensions=financial("settlements:read"),
    )
    @paged(settlements.REVERSALS)
    async def reversals(
        settlement: strawberry.Parent[SettlementRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await settlements.REVERSALS.page(info.context, settlement.id, at=Slice(first, after, last, before))

    @amount("reversibleAmount", "What of a payment can still be reversed.")
    async def reversible(settlement: strawberry.Parent[SettlementRecord], info: Info) -> Cents | None:
        if settlement.reverses_id is not None or settlement.status is not SettlementStatus.CONFIRMED:
            return Cents(0)
        return Cents(settlement.amount_cents - await info.context.loaders.reversed_cents.load(settlement.id))

    available_actions = batched(
        list[AvailableSettlementAction],
        settlement_actions,
        description=ACTIONS,
        directives=[lists.SETTLEMENT_ACTIONS],
    )

    remittance = related(
        later("Remittance", "remittances") | None,
        lambda loaders: loaders.remittance_of_settlement,
        lambda settlement: None if settlement.statement_number is None else settlement.id,
        description="The payer's statement with the settlement's statement number; null if it was not imported.",
        extensions=[Requires("remittances:read")],
    )
