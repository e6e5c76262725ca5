"""The contracts of events about imports of documents."""

from typing import Final

from app.events.event_contract import EventContract
from app.events.payloads import ImportEventData

IMPORT_CONTRACTS: Final = {
    "ImportStarted": EventContract(
        "br.billing.import.started.v1",
        ImportEventData,
        "The import of a document begins: the document was opened, and its guides were counted.",
    ),
    "ImportProgressed": EventContract(
        "br.billing.import.progressed.v1", ImportEventData, "All guides of a batch (lote) have a result."
    ),
    "ImportFinished": EventContract(
        "br.billing.import.finished.v1",
        ImportEventData,
        "The import ends: it is done, the document cannot be read, or it was cancelled.",
    ),
}
"""The contracts by the event's short name."""
