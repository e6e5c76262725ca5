"""The two events of the earlier service in its own envelope, for consumers that cannot change yet.

They go to a topic of their own beside the event that they repeat, with its id, and hold ids, a status and an amount.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

import orjson

from app.db.outbox import OutboxRecord

HEADERS: Final = [("content-type", b"application/json; charset=UTF-8")]


def _claim(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"claim_id": data["claimId"], "amount": data["claimedAmount"]}


def _invoice(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"invoice_id": data["invoiceId"], "amount": data["settledAmount"]}


_PAYLOADS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "ClaimSubmitted": _claim,
    "InvoiceSettled": _invoice,
}


def envelope(row: OutboxRecord) -> bytes | None:
    """The event as the earlier service sent it; None for an event that it did not have."""
    payload = _PAYLOADS.get(row.name)
    if payload is None:
        return None
    data = orjson.loads(row.data)
    found = {
        "event_id": row.event_id,
        "event_type": row.name,
        "timestamp": row.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "payload": {
            **payload(data),
            "provider_id": data["provider"],
            "payer_id": data["payer"],
            "status": data["status"],
        },
    }
    return orjson.dumps(found)
