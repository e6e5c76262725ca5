"""The history of claims and invoices: one entry for each step, with the state of the object after it."""

from datetime import datetime
from typing import Any, Final

import strawberry

from app.db import history
from app.domain.money import Cents
from app.executor.reach import Owner
from app.schema.base.connections import Node
from app.schema.base.enums import ClaimAction, ClaimStatus, DenialAction, DenialStatus, InvoiceAction, InvoiceStatus
from app.schema.base.later import later
from app.schema.base.permissions import Requires, amount, financial, health, personal
from app.schema.base.relations import related
from app.schema.base.types import interface_type, object_type

CREATED_BY: Final = "Who created it: the subject of a token, or a job of the gateway; null if unknown."
UPDATED_AT: Final = "Time of the last step in its history; null if unknown."


@interface_type(description="A step in a history; entries are ordered by their ids.")
class HistoryEntry(Node):
    actor: str = strawberry.field(
        description="Who did it: the subject of a token, or a job of the gateway, such as `deadline`."
    )
    at: datetime = strawberry.field(description="Time of the step.")


@interface_type(
    description="A step in the history of a claim or of one of its denials, with the state of the claim after it."
)
class ClaimHistoryEntry(HistoryEntry):
    record = history.ClaimStep
    owner = Owner.PARTIES

    status: ClaimStatus = strawberry.field(description="Status of the claim after the step.")
    version: int = strawberry.field(description="Version of the claim after the step.")
    payer_claim_number: str | None = strawberry.field(
        description="The payer's claim number after the step (numeroGuiaOperadora); null if it had none yet."
    )
    claimed_cents: Cents | None = amount("claimedAmount", "Claimed amount after the step (valorInformado).")
    processed_cents: Cents | None = amount(
        "processedAmount", "Processed amount after the step (valorProcessado); null until decided."
    )
    approved_cents: Cents | None = amount(
        "approvedAmount", "Approved amount after the step (valorLiberado); null until decided."
    )
    denied_cents: Cents | None = amount(
        "deniedAmount", "Denied amount after the step (valorGlosa); null until decided."
    )

    @amount("patientAmount", "Left to the patient after the step (valorFranquia); null until decided.")
    def patient(step: strawberry.Parent[history.ClaimStep]) -> Cents | None:
        if step.processed_cents is None:
            return None
        return Cents(step.processed_cents - (step.approved_cents or 0) - (step.denied_cents or 0))

    reason: str | None = strawberry.field(
        description="Reason, such as the missing information or why the claim was withdrawn; null if none was given.",
        extensions=health("claims:read_items"),
    )


@object_type(description="A step of a claim, with the state of the claim after it.")
class ClaimStep(ClaimHistoryEntry):
    action: ClaimAction = strawberry.field(description="Step of the claim.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, cls.record) and value.action is not None


@object_type(description="A step of a denial, with the state of its claim after it.")
class DenialStep(ClaimHistoryEntry):
    denial_action: DenialAction = strawberry.field(description="Step of the denial.")
    denial_status: DenialStatus = strawberry.field(description="Status of the denial after the step.")
    amount_cents: Cents | None = amount("amount", "Amount of the step.")

    denial = related(
        later("Denial", "objects") | None,
        lambda loaders: loaders.denial,
        "denial_id",
        description="The denial.",
        extensions=health("claims:read_items"),
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, cls.record) and value.action is None


@object_type(description="A step in the history of an invoice, with the state of the invoice after it.")
class InvoiceHistoryEntry(HistoryEntry):
    record = history.InvoiceStep
    owner = Owner.PARTIES

    action: InvoiceAction = strawberry.field(description="Step of the invoice.")
    status: InvoiceStatus = strawberry.field(description="Status of the invoice after the step.")
    version: int = strawberry.field(description="Version of the invoice after the step.")
    reason: str | None = strawberry.field(
        description="Reason for the step; null if none was given.", extensions=personal("settlements:read")
    )
    amount_cents: Cents | None = amount(
        "amount", "Settled, reversed or adjusted amount, negative for a debit; null for other steps."
    )
    total_cents: Cents | None = amount("totalAmount", "Total of the invoice after the step.")
    settled_cents: Cents | None = amount("settledAmount", "Settled amount after the step.")

    settlement = related(
        later("Settlement", "invoice_objects") | None,
        lambda loaders: loaders.settlement,
        "settlement_id",
        description="The settlement or reversal that the step recorded; null for other steps.",
        extensions=financial("settlements:read"),
    )

    line = related(
        later("InvoiceLine", "invoice_objects") | None,
        lambda loaders: loaders.invoice_line,
        "line_id",
        description="The line that the step added as an adjustment; null for other steps.",
        extensions=[Requires("invoices:read")],
    )
