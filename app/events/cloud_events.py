"""Rows of the outbox as the messages that are published: structured CloudEvents."""

from datetime import UTC
from typing import Any, Final

import orjson

from app.db.outbox import OutboxRecord
from app.events.contracts import CONTRACTS

SOURCE: Final = "/billing-gateway"
EVENT_BYTES_MAX: Final = 256 * 1024
"""The largest event that is published; a quarter of the megabyte that Kafka brokers accept by default."""
UNKNOWN_NAME: Final = "no contract has this name"
"""Why releases before this one parked an event of a newer release."""


def unpublishable_reason(row: OutboxRecord) -> str | None:
    """Why the row, which has a contract, can never be published, as one line for the operator; None if it can be.

    Only what the row itself shows: whether the broker accepts the event is known only after sending it.
    """
    try:
        event = cloud_event(row)
    except ValueError:
        return "the data is not JSON"
    if not (isinstance(event["data"], dict) and {"provider", "payer"} <= event["data"].keys()):
        return "the data has no provider or no payer"
    size = len(orjson.dumps(event))
    return f"the event has {size} bytes, the limit is {EVENT_BYTES_MAX}" if size > EVENT_BYTES_MAX else None


def cloud_event(row: OutboxRecord) -> dict[str, Any]:
    """The row as a structured CloudEvents 1.0 message; `eventname` and `position` are extension attributes.

    KeyError if the name has no contract, ValueError if the data is not JSON. The patient is left out: published events
    contain no personal data.
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
