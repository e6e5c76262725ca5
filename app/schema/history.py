"""The history of claims and invoices: one entry per step, with what the object was after it."""

from datetime import datetime

import strawberry

from app.domain.money import Cents
from app.schema.base.enums import ClaimAction, ClaimStatus, DenialAction, DenialStatus, InvoiceAction, InvoiceStatus
from app.schema.base.permissions import amount, health


@strawberry.type(description="One step of a claim, or of one of its denials, and the claim as it was after it.")
class ClaimHistoryEntry:
    id: strawberry.ID = strawberry.field(description="The entry's id; entries sort by it.")
    action: ClaimAction | None = strawberry.field(description="The claim's step; null for a step of a denial.")
    status: ClaimStatus = strawberry.field(description="The claim's state after the step.")
    version: int = strawberry.field(description="The claim's version after the step.")
    denial_id: strawberry.ID | None = strawberry.field(description="The denial, if the step is about one.")
    denial_action: DenialAction | None = strawberry.field(description="The denial's step.")
    denial_status: DenialStatus | None = strawberry.field(description="The denial's state after the step.")
    payer_claim_number: str | None = strawberry.field(description="The payer's number after the step.")
    actor: str = strawberry.field(description="Who did it: a token's subject, or `deadline` for the sweep.")
    at: datetime = strawberry.field(description="When.")
    amount_cents: Cents | None = amount("amount", "What the denial's step is about.")
    claimed_cents: Cents | None = amount("claimedAmount", "Claimed after the step.")
    processed_cents: Cents | None = amount("processedAmount", "Processed after the step.")
    approved_cents: Cents | None = amount("approvedAmount", "Approved after the step.")
    denied_cents: Cents | None = amount("deniedAmount", "Denied after the step.")
    reason: str | None = strawberry.field(
        description="Why, in words: what information is missing, why it was withdrawn.",
        extensions=health("claims:read_items"),
    )


@strawberry.type(description="One step of an invoice, and the invoice as it was after it.")
class InvoiceHistoryEntry:
    id: strawberry.ID = strawberry.field(description="The entry's id; entries sort by it.")
    action: InvoiceAction = strawberry.field(description="The step.")
    status: InvoiceStatus = strawberry.field(description="The state after the step.")
    version: int = strawberry.field(description="The version after the step.")
    settlement_id: strawberry.ID | None = strawberry.field(description="The ledger row, if the step wrote one.")
    line_id: strawberry.ID | None = strawberry.field(description="The adjustment's line, if the step wrote one.")
    reason: str | None = strawberry.field(description="Why, in words.")
    actor: str = strawberry.field(description="Who did it: a token's subject.")
    at: datetime = strawberry.field(description="When.")
    amount_cents: Cents | None = amount("amount", "What was settled, reversed or adjusted; a debit is negative.")
    total_cents: Cents | None = amount("totalAmount", "The total after the step.")
    settled_cents: Cents | None = amount("settledAmount", "Settled after the step.")
