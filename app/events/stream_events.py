"""Which events each stream delivers, by name."""

from typing import Final

from app.events.contracts import CONTRACTS
from app.events.payloads import ClaimEventData, DenialEventData, ImportEventData, InvoiceEventData


def _of(data: type, *, but: str = "") -> frozenset[str]:
    return frozenset(name for name, contract in CONTRACTS.items() if contract.data is data and name != but)


SETTLEMENT_EVENTS: Final = frozenset({"SettlementConfirmed", "SettlementReversed"})
CLAIM_STATUS_EVENTS: Final = _of(ClaimEventData, but="ClaimUpdated")
"""Every event of a claim except for updates of a draft, which change no status."""
DENIAL_STATUS_EVENTS: Final = _of(DenialEventData)
"""Their aggregate is the claim."""
INVOICE_STATUS_EVENTS: Final = _of(InvoiceEventData, but="InvoiceAdjusted")
"""Every event of an invoice except for adjustments: one that changes the status has a second event."""
WAITING_LINES_EVENTS: Final = frozenset({"RemittanceLinesWaiting"})
IMPORT_EVENTS: Final = _of(ImportEventData)
PATIENT_EVENTS: Final = CLAIM_STATUS_EVENTS | DENIAL_STATUS_EVENTS
"""What may be delivered to patients: events whose aggregate is a claim."""
