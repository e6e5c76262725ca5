"""The contracts of events of the queue: steps of single lines, and unapplied credits."""

from typing import Final

from app.events.event_contract import EventContract
from app.events.payloads import (
    AdjustmentEventData,
    CreditEventData,
    RemittanceEventData,
    RemittanceLineEventData,
    WaitingLinesEventData,
)

QUEUE_CONTRACTS: Final[dict[str, EventContract]] = {
    "RemittanceReopened": EventContract(
        "br.billing.remittance.reopened.v1",
        RemittanceEventData,
        "A dismissed line is matched: the statement has a line to post again.",
    ),
    "RemittancePaymentAdded": EventContract(
        "br.billing.remittance.payment_added.v1",
        RemittanceEventData,
        "The payment joins a statement that only decided: its lines can be posted again, and then pay.",
    ),
    "RemittancePaymentCorrected": EventContract(
        "br.billing.remittance.payment_corrected.v1",
        RemittanceEventData,
        "The day of a statement's payment is corrected: its settlements are reversed and recorded again.",
    ),
    "RemittanceLinesWaiting": EventContract(
        "br.billing.remittance.lines_waiting.v1",
        WaitingLinesEventData,
        "Lines of a statement wait for a person: unmatched by an import, by a posting or by hand. One for each change.",
    ),
    "RemittanceLineChanged": EventContract(
        "br.billing.remittance.line_changed.v1",
        RemittanceLineEventData,
        "A person works on a line of a statement: `action` says how. Its aggregate is the remittance.",
    ),
    "RemittanceAdjustmentChanged": EventContract(
        "br.billing.remittance.adjustment_changed.v1",
        AdjustmentEventData,
        "A person explains a debit or credit beside the claims: `action` says how. Its aggregate is the remittance.",
    ),
    "CreditRecorded": EventContract(
        "br.billing.credit.recorded.v1",
        CreditEventData,
        "A posted statement pays more than a claim is due, or pays without a claim: the money is an unapplied credit.",
    ),
    "CreditUsed": EventContract(
        "br.billing.credit.used.v1",
        CreditEventData,
        "An unapplied credit settles an invoice, or goes back to the payer, in part or in full.",
    ),
    "CreditReleased": EventContract(
        "br.billing.credit.released.v1", CreditEventData, "A use of an unapplied credit is reversed."
    ),
}
