"""Events of the imports of documents."""

from datetime import datetime

from app.db.imports import ImportJobRecord
from app.events.contracts import Event
from app.events.payloads import ImportEventData


def import_event(name: str, job: ImportJobRecord, *, at: datetime) -> Event:
    """An event of an import job after a change; `name` is a key of CONTRACTS."""
    data: ImportEventData = {
        "importJobId": job.id,
        "documentId": job.document_id,
        "provider": job.provider_cnes,
        "payer": job.payer_ans,
        "status": job.status.value,
        "total": job.total,
        "taken": job.taken + job.warned,
        "unchanged": job.unchanged,
        "refused": job.refused,
    }
    return Event(name, job.id, job.provider_cnes, job.payer_ans, data, at)
