"""What others hear: every event's name, its versioned CloudEvents type, and its data (ids, statuses, amounts)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.invoices import InvoiceRecord
from app.db.outbox import NewEvent, OutboxRecord
from app.db.remittances import RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain import ids
from app.domain.money import format_money
from app.events.payloads import ClaimData, DenialData, InvoiceData, RemittanceData, SettlementData, StatementData

SOURCE: Final = "/billing-gateway"


@dataclass(frozen=True, slots=True)
class Contract:
    """What an event promises: its versioned CloudEvents type and the shape of its data."""

    ce_type: str
    data: type


CONTRACTS: Final[dict[str, Contract]] = {
    "ClaimCreated": Contract("br.billing.claim.created.v1", ClaimData),
    "ClaimUpdated": Contract("br.billing.claim.updated.v1", ClaimData),
    "ClaimSubmitted": Contract("br.billing.claim.submitted.v1", ClaimData),
    "ClaimReviewStarted": Contract("br.billing.claim.review_started.v1", ClaimData),
    "ClaimInformationRequested": Contract("br.billing.claim.information_requested.v1", ClaimData),
    "ClaimApproved": Contract("br.billing.claim.approved.v1", ClaimData),
    "ClaimPartiallyApproved": Contract("br.billing.claim.partially_approved.v1", ClaimData),
    "ClaimDenied": Contract("br.billing.claim.denied.v1", ClaimData),
    "ClaimCancelled": Contract("br.billing.claim.cancelled.v1", ClaimData),
    "DenialAccepted": Contract("br.billing.denial.accepted.v1", DenialData),
    "DenialAppealed": Contract("br.billing.denial.appealed.v1", DenialData),
    "AppealAnswered": Contract("br.billing.denial.appeal_answered.v1", DenialData),
    "DenialExpired": Contract("br.billing.denial.expired.v1", DenialData),
    "InvoiceCreated": Contract("br.billing.invoice.created.v1", InvoiceData),
    "InvoiceAdjusted": Contract("br.billing.invoice.adjusted.v1", InvoiceData),
    "InvoiceIssued": Contract("br.billing.invoice.issued.v1", InvoiceData),
    "InvoicePartiallySettled": Contract("br.billing.invoice.partially_settled.v1", InvoiceData),
    "InvoiceSettled": Contract("br.billing.invoice.settled.v1", InvoiceData),
    "InvoiceReopened": Contract("br.billing.invoice.reopened.v1", InvoiceData),
    "InvoiceCancelled": Contract("br.billing.invoice.cancelled.v1", InvoiceData),
    "SettlementConfirmed": Contract("br.billing.settlement.confirmed.v1", SettlementData),
    "SettlementReversed": Contract("br.billing.settlement.reversed.v1", SettlementData),
    "RemittanceImported": Contract("br.billing.remittance.imported.v1", RemittanceData),
    "RemittancePosted": Contract("br.billing.remittance.posted.v1", RemittanceData),
}
"""Every event by its short name."""
INBOUND: Final = Contract("br.billing.remittance.issued.v1", StatementData)
"""What payers send: a statement of theirs."""
SETTLEMENT_EVENTS: Final = frozenset({"SettlementConfirmed", "SettlementReversed"})
CLAIM_STATUS_EVENTS: Final = frozenset(
    name for name, contract in CONTRACTS.items() if contract.data is ClaimData and name != "ClaimUpdated"
)
"""The events after which a claim stands in another state."""
EVENT_BYTES_MAX: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `aggregate_id` is the message key: events of one aggregate stay in order."""

    name: str
    aggregate_id: str
    provider_cnes: str
    payer_ans: str
    data: Mapping[str, Any]
    occurred_at: datetime
    patient_id: str | None = None
    event_id: str = field(default_factory=lambda: ids.new_id(ids.EVENT))

    def row(self) -> NewEvent:
        """The event as the outbox keeps it."""
        return NewEvent(
            event_id=self.event_id,
            name=self.name,
            aggregate_id=self.aggregate_id,
            provider_cnes=self.provider_cnes,
            payer_ans=self.payer_ans,
            patient_id=self.patient_id,
            data=orjson.dumps(self.data).decode(),
            recorded_at=self.occurred_at,
        )


def claim_event(name: str, claim: ClaimRecord, *, at: datetime) -> Event:
    """A change of a claim; amounts that are not decided yet are null."""
    data: ClaimData = {
        "claimId": claim.id,
        "providerClaimNumber": claim.provider_claim_number,
        "provider": claim.provider_cnes,
        "payer": claim.payer_ans,
        "status": claim.status.value,
        "claimedAmount": format_money(claim.claimed_cents),
        "approvedAmount": _money(claim.approved_cents),
        "deniedAmount": _money(claim.denied_cents),
        "replaces": claim.replaces_id,
        "version": claim.version,
    }
    return Event(name, claim.id, claim.provider_cnes, claim.payer_ans, data, at, claim.patient_id)


def denial_event(name: str, claim: ClaimRecord, denial: DenialRecord, *, at: datetime) -> Event:
    """A change of a denial; its key is the claim, so that a claim's events stay in order."""
    data: DenialData = {
        "denialId": denial.id,
        "claimId": claim.id,
        "provider": claim.provider_cnes,
        "payer": claim.payer_ans,
        "status": denial.status.value,
        "amount": format_money(denial.amount_cents),
        "appealedAmount": _money(denial.appealed_cents),
        "answeredAmount": _money(denial.answered_cents),
        "appealDeadline": denial.appeal_deadline.isoformat(),
    }
    return Event(name, claim.id, claim.provider_cnes, claim.payer_ans, data, at, claim.patient_id)


def remittance_event(name: str, remittance: RemittanceRecord, *, at: datetime) -> Event:
    """A payer's statement, taken in or posted."""
    data: RemittanceData = {
        "remittanceId": remittance.id,
        "statementNumber": remittance.statement_number,
        "provider": remittance.provider_cnes,
        "payer": remittance.payer_ans,
        "status": remittance.status.value,
        "paidAmount": format_money(remittance.paid_cents),
        "deniedAmount": format_money(remittance.denied_cents),
    }
    return Event(name, remittance.id, remittance.provider_cnes, remittance.payer_ans, data, at)


def invoice_event(name: str, invoice: InvoiceRecord, *, at: datetime) -> Event:
    """A change of an invoice."""
    data: InvoiceData = {
        "invoiceId": invoice.id,
        "number": invoice.number,
        "provider": invoice.provider_cnes,
        "payer": invoice.payer_ans,
        "status": invoice.status.value,
        "totalAmount": format_money(invoice.total_cents),
        "settledAmount": format_money(invoice.settled_cents),
        "dueAmount": format_money(invoice.due_cents),
        "version": invoice.version,
    }
    return Event(name, invoice.id, invoice.provider_cnes, invoice.payer_ans, data, at)


def settlement_event(name: str, settlement: SettlementRecord, *, at: datetime) -> Event:
    """A new ledger row; its key is the invoice, so that an invoice's events stay in order."""
    data: SettlementData = {
        "settlementId": settlement.id,
        "invoiceId": settlement.invoice_id,
        "provider": settlement.provider_cnes,
        "payer": settlement.payer_ans,
        "status": settlement.status.value,
        "amount": format_money(settlement.amount_cents),
        "reverses": settlement.reverses_id,
    }
    provider, payer = settlement.provider_cnes, settlement.payer_ans
    return Event(name, settlement.invoice_id, provider, payer, data, at, event_id=settlement.event_id)


def _money(cents: int | None) -> str | None:
    return None if cents is None else format_money(cents)


def flaw(row: OutboxRecord) -> str | None:
    """Why the row can never be published, or None if it can."""
    if row.name not in CONTRACTS:
        return "there is no contract of this name"
    try:
        event = cloud_event(row)
    except ValueError:
        return "the data is no JSON"
    if not (isinstance(event["data"], dict) and {"provider", "payer"} <= event["data"].keys()):
        return "the data names no provider and payer"
    size = len(orjson.dumps(event))
    return f"the event has {size} bytes, at most {EVENT_BYTES_MAX} are published" if size > EVENT_BYTES_MAX else None


def cloud_event(row: OutboxRecord) -> dict[str, Any]:
    """The row as a CloudEvents 1.0 structured event; `eventname`, `position` and the scope parts are extensions.

    The patient is left out: events carry no personal data.
    """
    return {
        "specversion": "1.0",
        "id": row.event_id,
        "source": SOURCE,
        "type": CONTRACTS[row.name].ce_type,
        "subject": row.aggregate_id,
        "time": row.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "eventname": row.name,
        "position": row.position,
        "data": orjson.loads(row.data),
    }
