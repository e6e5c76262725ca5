"""Events of batches of appeals."""

from datetime import datetime

from app.db.appeal_batches import AppealBatchRecord
from app.domain.appeal_batches import AppealBatchStatus
from app.domain.money import format_money
from app.events.contracts import Event
from app.events.payloads import AppealBatchEventData


def appeal_batch_event(
    name: str, batch: AppealBatchRecord, *, previous: AppealBatchStatus | None, at: datetime
) -> Event:
    """An event of a batch of appeals, whose status was `previous` before (None if it is new)."""
    data: AppealBatchEventData = {
        "appealBatchId": batch.id,
        "batchNumber": batch.number,
        "provider": batch.provider_cnes,
        "payer": batch.payer_ans,
        "previousStatus": previous.value if previous else None,
        "status": batch.status.value,
        "denialCount": batch.denial_count,
        "appealedAmount": format_money(batch.total_cents),
        "contestedProtocol": batch.contested_protocol,
        "protocolNumber": batch.protocol_number,
        "version": batch.version,
    }
    return Event(name, batch.id, batch.provider_cnes, batch.payer_ans, data, at)
