"""Event contracts: the name of every event, its versioned CloudEvents type, and its data (ids, statuses, amounts)."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final

import orjson

from app.db.batches import BatchRecord
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.invoices import InvoiceRecord
from app.db.outbox import NewEvent
from app.db.remittances import RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain import ids
from app.domain.batches import BatchStatus
from app.domain.claims import ClaimStatus
from app.domain.denials import DenialStatus
from app.domain.invoices import InvoiceStatus
from app.domain.money import format_money
from app.domain.remittances import RemittanceLineStatus
from app.events.appeal_contracts import APPEAL_CONTRACTS
from app.events.bank_contracts import BANK_CONTRACTS
from app.events.event_contract import EventContract
from app.events.import_contracts import IMPORT_CONTRACTS
from app.events.party_contracts import PARTY_CONTRACTS
from app.events.payloads import (
    BatchEventData,
    ClaimEventData,
    DenialEventData,
    InvoiceEventData,
    RemittanceEventData,
    SettlementEventData,
    StatementData,
    WaitingLinesEventData,
)
from app.events.queue_contracts import QUEUE_CONTRACTS
from app.values.frozen import frozen

CONTRACTS: Final[dict[str, EventContract]] = {
    "ClaimCreated": EventContract(
        "br.billing.claim.created.v1",
        ClaimEventData,
        "A claim is created, as a draft, as a correction of another claim, or by a TISS import.",
    ),
    "ClaimUpdated": EventContract(
        "br.billing.claim.updated.v1",
        ClaimEventData,
        "A draft is changed.",
    ),
    "ClaimSubmitted": EventContract(
        "br.billing.claim.submitted.v1",
        ClaimEventData,
        "A claim is sent to the payer: on its own, in a batch, or by a TISS import.",
    ),
    "ClaimReviewStarted": EventContract(
        "br.billing.claim.review_started.v1",
        ClaimEventData,
        "The payer's review begins, or resumes after a request for information; also when a statement is posted.",
    ),
    "ClaimInformationRequested": EventContract(
        "br.billing.claim.information_requested.v1",
        ClaimEventData,
        "The review waits for an answer of the provider.",
    ),
    "ClaimApproved": EventContract(
        "br.billing.claim.approved.v1",
        ClaimEventData,
        "The payer decides, or a statement is posted: every item is approved in full.",
    ),
    "ClaimPartiallyApproved": EventContract(
        "br.billing.claim.partially_approved.v1",
        ClaimEventData,
        "The same: a part is approved, the rest is denied; also by a later statement.",
    ),
    "ClaimDenied": EventContract(
        "br.billing.claim.denied.v1",
        ClaimEventData,
        "The same: nothing is approved; also after a later statement.",
    ),
    "ClaimCancelled": EventContract(
        "br.billing.claim.cancelled.v1",
        ClaimEventData,
        "A claim is withdrawn before its decision.",
    ),
    "ClaimWithdrawn": EventContract(
        "br.billing.claim.withdrawn.v1", ClaimEventData, "The provider takes a claim back; it is a draft again."
    ),
    "ClaimReturned": EventContract(
        "br.billing.claim.returned.v1", ClaimEventData, "The payer refuses a claim at reception; it is a draft again."
    ),
    "ClaimDeleted": EventContract(
        "br.billing.claim.deleted.v1",
        ClaimEventData,
        "A draft is deleted, as it was last; another claim may use its number.",
    ),
    "DenialAccepted": EventContract(
        "br.billing.denial.accepted.v1",
        DenialEventData,
        "The provider accepts the denial and takes the loss.",
    ),
    "DenialAppealed": EventContract(
        "br.billing.denial.appealed.v1",
        DenialEventData,
        "The provider appeals against the denial.",
    ),
    "AppealWithdrawn": EventContract(
        "br.billing.denial.appeal_withdrawn.v1",
        DenialEventData,
        "The provider withdraws an appeal that the payer has not answered.",
    ),
    "AppealAnswered": EventContract(
        "br.billing.denial.appeal_answered.v1",
        DenialEventData,
        "The payer answers an appeal: it overturns the denial, in full or in part, or upholds it.",
    ),
    "DenialExpired": EventContract(
        "br.billing.denial.expired.v1",
        DenialEventData,
        "The last day to appeal has passed without an appeal.",
    ),
    "DenialRecovered": EventContract(
        "br.billing.denial.recovered.v1",
        DenialEventData,
        "A statement pays what was denied, without an appeal that the payer had to answer; the rest of a denial that "
        "is paid in part has one too. Or a person takes back that a difference was a denial: the amount is due again.",
    ),
    "InvoiceCreated": EventContract(
        "br.billing.invoice.created.v1",
        InvoiceEventData,
        "An invoice is created, also by a posted statement for claims that no invoice bills yet.",
    ),
    "InvoiceAdjusted": EventContract(
        "br.billing.invoice.adjusted.v1",
        InvoiceEventData,
        "A credit or a debit is added to an invoice, or the payer has denied some of what it bills.",
    ),
    "InvoiceIssued": EventContract(
        "br.billing.invoice.issued.v1",
        InvoiceEventData,
        "An invoice is sent to the payer, also by a posted statement.",
    ),
    "InvoicePartiallySettled": EventContract(
        "br.billing.invoice.partially_settled.v1",
        InvoiceEventData,
        "A payment settles a part of an invoice on which nothing was settled.",
    ),
    "InvoiceSettled": EventContract(
        "br.billing.invoice.settled.v1",
        InvoiceEventData,
        "A payment or a debit settles the rest of an invoice.",
    ),
    "InvoiceReopened": EventContract(
        "br.billing.invoice.reopened.v1",
        InvoiceEventData,
        "A reversal makes a settled invoice due again, or takes back all that was paid of an invoice.",
    ),
    "InvoiceCancelled": EventContract(
        "br.billing.invoice.cancelled.v1",
        InvoiceEventData,
        "An invoice is withdrawn; its claims may be billed again.",
    ),
    "SettlementConfirmed": EventContract(
        "br.billing.settlement.confirmed.v1",
        SettlementEventData,
        "A payment is recorded, also by a posted statement.",
    ),
    "SettlementReversed": EventContract(
        "br.billing.settlement.reversed.v1",
        SettlementEventData,
        "A payment is taken back, in part or in full.",
    ),
    "BatchCreated": EventContract("br.billing.batch.created.v1", BatchEventData, "Claims are put into a batch."),
    "BatchClaimRemoved": EventContract(
        "br.billing.batch.claim_removed.v1",
        BatchEventData,
        "A claim is removed from a batch before it is sent, or refused by the payer at reception.",
    ),
    "BatchSent": EventContract("br.billing.batch.sent.v1", BatchEventData, "The document of a batch is written."),
    "BatchReceived": EventContract(
        "br.billing.batch.received.v1",
        BatchEventData,
        "The payer confirms the reception of a batch with a protocol number.",
    ),
    "BatchRejected": EventContract(
        "br.billing.batch.rejected.v1",
        BatchEventData,
        "The payer rejects a batch as a whole; its claims may be sent again.",
    ),
    "BatchProcessed": EventContract(
        "br.billing.batch.processed.v1", BatchEventData, "The last claim of a batch is decided or cancelled."
    ),
    "BatchCancelled": EventContract(
        "br.billing.batch.cancelled.v1", BatchEventData, "A batch is cancelled before it is sent."
    ),
    "RemittanceImported": EventContract(
        "br.billing.remittance.imported.v1",
        RemittanceEventData,
        "A statement is imported, from a caller or from Kafka: it is stored, its lines are matched.",
    ),
    "RemittancePosted": EventContract(
        "br.billing.remittance.posted.v1",
        RemittanceEventData,
        "Lines of a statement are posted, by a caller or for a statement from Kafka.",
    ),
    "RemittanceReleased": EventContract(
        "br.billing.remittance.released.v1", RemittanceEventData, "A person releases a statement that was in review."
    ),
    "RemittanceClosed": EventContract(
        "br.billing.remittance.closed.v1",
        RemittanceEventData,
        "A line is dismissed, which leaves nothing to do: every line of the statement is posted or dismissed.",
    ),
    "RemittanceCancelled": EventContract(
        "br.billing.remittance.cancelled.v1",
        RemittanceEventData,
        "A wrong import of a statement is taken back, before any of its lines is posted.",
    ),
    **QUEUE_CONTRACTS,
    **APPEAL_CONTRACTS,
    **BANK_CONTRACTS,
    **IMPORT_CONTRACTS,
    **PARTY_CONTRACTS,
}
"""The contract of every published event, by the event's short name."""
INBOUND: Final = EventContract("br.billing.remittance.issued.v1", StatementData, "The payer issues a statement.")
"""The contract of what payers send: a statement."""


def aggregate_of(name: str) -> str:
    """What an event of this name is about, such as `invoice`; `other` for a name that this release does not know."""
    contract = CONTRACTS.get(name)
    return contract.ce_type.split(".")[2] if contract else "other"


@frozen
class Event:
    """Something that happened. `aggregate_id` is the message key: events of one aggregate stay in order.

    `data` has the shape that the contract of `name` gives; events of master data may have no provider or no payer.
    `patient_id` is stored, for the scope of streams, and never published.
    """

    name: str
    aggregate_id: str
    provider_cnes: str | None
    payer_ans: str | None
    data: Mapping[str, Any]
    occurred_at: datetime
    patient_id: str | None = None
    event_id: str = field(default_factory=lambda: ids.new_id(ids.EVENT))

    def row(self) -> NewEvent:
        """The event as a row of the outbox."""
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


def claim_event(name: str, claim: ClaimRecord, *, previous: ClaimStatus | None, at: datetime) -> Event:
    """An event of a claim, whose status was `previous` before (None if it is new); amounts that are not decided yet are
    null. `name` is a key of CONTRACTS."""
    data: ClaimEventData = {
        "claimId": claim.id,
        "providerClaimNumber": claim.provider_claim_number,
        "provider": claim.provider_cnes,
        "payer": claim.payer_ans,
        "previousStatus": previous,
        "status": claim.status.value,
        "claimedAmount": format_money(claim.claimed_cents),
        "approvedAmount": _money(claim.approved_cents),
        "deniedAmount": _money(claim.denied_cents),
        "patientAmount": _money(claim.patient_cents),
        "replaces": claim.replaces_id,
        "version": claim.version,
    }
    return Event(name, claim.id, claim.provider_cnes, claim.payer_ans, data, at, claim.patient_id)


def denial_event(name: str, claim: ClaimRecord, denial: DenialRecord, *, previous: DenialStatus, at: datetime) -> Event:
    """An event of a denial, whose status was `previous` before.

    Its aggregate is the claim, so that all events of a claim stay in order.
    """
    data: DenialEventData = {
        "denialId": denial.id,
        "claimId": claim.id,
        "provider": claim.provider_cnes,
        "payer": claim.payer_ans,
        "previousStatus": previous,
        "status": denial.status.value,
        "amount": format_money(denial.amount_cents),
        "appealedAmount": _money(denial.appealed_cents),
        "answeredAmount": _money(denial.answered_cents),
        "appealDeadline": denial.appeal_deadline.isoformat(),
        "appealInstance": denial.appeal_instance,
    }
    return Event(name, claim.id, claim.provider_cnes, claim.payer_ans, data, at, claim.patient_id)


def remittance_event(name: str, remittance: RemittanceRecord, *, at: datetime) -> Event:
    """An event of a remittance."""
    data: RemittanceEventData = {
        "remittanceId": remittance.id,
        "statementNumber": remittance.statement_number,
        "provider": remittance.provider_cnes,
        "payer": remittance.payer_ans,
        "status": remittance.status.value,
        "paidAmount": format_money(remittance.paid_cents),
        "deniedAmount": format_money(remittance.denied_cents),
    }
    return Event(name, remittance.id, remittance.provider_cnes, remittance.payer_ans, data, at)


def waiting_event(
    remittance: RemittanceRecord, lines: int, *, previous: RemittanceLineStatus | None, at: datetime
) -> Event:
    """So many lines of the remittance, whose status was `previous` before (None if they are new), wait from now on.

    One event for all of them: a statement has up to 2,000 lines, and a listener that is 256 events behind is ended.
    """
    data: WaitingLinesEventData = {
        "remittanceId": remittance.id,
        "statementNumber": remittance.statement_number,
        "provider": remittance.provider_cnes,
        "payer": remittance.payer_ans,
        "previousStatus": previous,
        "waitingLines": lines,
    }
    name = "RemittanceLinesWaiting"
    return Event(name, remittance.id, remittance.provider_cnes, remittance.payer_ans, data, at)


def batch_event(name: str, batch: BatchRecord, *, previous: BatchStatus | None, at: datetime) -> Event:
    """An event of a batch, whose status was `previous` before (None if it is new)."""
    data: BatchEventData = {
        "batchId": batch.id,
        "batchNumber": batch.number,
        "provider": batch.provider_cnes,
        "payer": batch.payer_ans,
        "previousStatus": previous,
        "status": batch.status.value,
        "claimType": batch.type.value,
        "guideCount": batch.guide_count,
        "totalAmount": format_money(batch.total_cents),
        "protocolNumber": batch.protocol_number,
        "version": batch.version,
    }
    return Event(name, batch.id, batch.provider_cnes, batch.payer_ans, data, at)


def invoice_event(name: str, invoice: InvoiceRecord, *, previous: InvoiceStatus | None, at: datetime) -> Event:
    """An event of an invoice, whose status was `previous` before (None if it is new)."""
    data: InvoiceEventData = {
        "invoiceId": invoice.id,
        "number": invoice.number,
        "provider": invoice.provider_cnes,
        "payer": invoice.payer_ans,
        "previousStatus": previous,
        "status": invoice.status.value,
        "totalAmount": format_money(invoice.total_cents),
        "settledAmount": format_money(invoice.settled_cents),
        "dueAmount": format_money(invoice.due_cents),
        "version": invoice.version,
    }
    return Event(name, invoice.id, invoice.provider_cnes, invoice.payer_ans, data, at)


def settlement_event(name: str, settlement: SettlementRecord, *, at: datetime) -> Event:
    """An event of a new settlement. Its aggregate is the invoice, so that all events of an invoice stay in order.

    Its id is stored with the settlement, from where the payload of the mutation finds the event's position.
    """
    data: SettlementEventData = {
        "settlementId": settlement.id,
        "invoiceId": settlement.invoice_id,
        "provider": settlement.provider_cnes,
        "payer": settlement.payer_ans,
        "status": settlement.status.value,
        "amount": format_money(settlement.amount_cents),
        "withheldAmount": format_money(settlement.withheld_cents),
        "discountAmount": format_money(settlement.discount_cents),
        "netAmount": format_money(settlement.net_cents),
        "reverses": settlement.reverses_id,
    }
    provider, payer = settlement.provider_cnes, settlement.payer_ans
    return Event(name, settlement.invoice_id, provider, payer, data, at, event_id=settlement.event_id)


def _money(cents: int | None) -> str | None:
    return None if cents is None else format_money(cents)
