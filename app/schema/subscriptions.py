"""The subscriptions: what each stream delivers, to whom, and which filter it has."""

from typing import Any

import strawberry

from app.db.line_queue import QueueFilter
from app.db.remittances import RemittanceFilter
from app.domain.imports import ImportJobStatus
from app.domain.remittances import RemittanceLineStatus
from app.events.stream_events import (
    CLAIM_STATUS_EVENTS,
    DENIAL_STATUS_EVENTS,
    IMPORT_EVENTS,
    INVOICE_STATUS_EVENTS,
    SETTLEMENT_EVENTS,
    WAITING_LINES_EVENTS,
)
from app.resolvers import remittances
from app.resolvers.paging import Slice
from app.resolvers.streams import StreamMessage
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection
from app.schema.base.enums import ClaimStatus, DenialStatus, InvoiceStatus
from app.schema.base.info import Info
from app.schema.base.streams import FIRST_MESSAGE, event_of
from app.schema.base.subscriptions import (
    EventFilterInput,
    StreamedEvent,
    aggregate,
    any_status,
    deleted_id,
    object_of,
    of_event,
    previous_status,
    status,
    subscription,
)
from app.schema.base.types import input_type, object_type
from app.schema.imports import ImportJob
from app.schema.invoice_objects import Invoice, Settlement
from app.schema.objects import Claim, Denial
from app.schema.remittance_objects import Remittance, RemittanceLine

ALL_OF = "Every given condition must match."


@object_type(description=f"A change of a claim's status. {FIRST_MESSAGE}")
class ClaimStatusChangedEvent(StreamedEvent):
    previous_status: ClaimStatus | None = previous_status(ClaimStatus, "; null for a new claim")
    status: ClaimStatus | None = status(ClaimStatus, "claim")
    deleted_claim_id: strawberry.ID | None = deleted_id(
        "ClaimDeleted", "claimId", "Id of the claim if the change deleted it, null for every other change."
    )
    claim: Claim | None = object_of(
        Claim, lambda each: each.claim, "claimId", "The claim in its current state; null once deleted."
    )


@input_type(description=f"Filter for status changes of claims. {ALL_OF}")
class ClaimStatusChangedFilterInput(EventFilterInput):
    aggregate: strawberry.ID | None = aggregate("claimId", "Claim, by id.")
    status: list[ClaimStatus] | None = any_status(ClaimStatus)


@object_type(description=f"A change of a denial's status. {FIRST_MESSAGE}")
class DenialStatusChangedEvent(StreamedEvent):
    previous_status: DenialStatus | None = previous_status(DenialStatus)
    status: DenialStatus | None = status(DenialStatus, "denial")
    denial: Denial | None = object_of(Denial, lambda each: each.denial, "denialId", "The denial in its current state.")


@input_type(description=f"Filter for status changes of denials. {ALL_OF}")
class DenialStatusChangedFilterInput(EventFilterInput):
    aggregate: strawberry.ID | None = aggregate("claimId", "Claim with the denial, by id.")
    status: list[DenialStatus] | None = any_status(DenialStatus)


@object_type(description=f"A change of an invoice's status. {FIRST_MESSAGE}")
class InvoiceStatusChangedEvent(StreamedEvent):
    previous_status: InvoiceStatus | None = previous_status(InvoiceStatus, "; null for a new invoice")
    status: InvoiceStatus | None = status(InvoiceStatus, "invoice")
    invoice: Invoice | None = object_of(
        Invoice, lambda each: each.invoice, "invoiceId", "The invoice in its current state."
    )


@input_type(description=f"Filter for status changes of invoices. {ALL_OF}")
class InvoiceStatusChangedFilterInput(EventFilterInput):
    aggregate: strawberry.ID | None = aggregate("invoiceId", "Invoice, by id.")
    status: list[InvoiceStatus] | None = any_status(InvoiceStatus)


@object_type(description=f"A new settlement or reversal. {FIRST_MESSAGE}")
class SettlementRecordedEvent(StreamedEvent):
    settlement: Settlement | None = object_of(
        Settlement, lambda each: each.settlement, "settlementId", "The settlement or reversal."
    )


@input_type(description=f"Filter for new settlements. {ALL_OF}")
class SettlementRecordedFilterInput(EventFilterInput):
    aggregate: strawberry.ID | None = aggregate("invoiceId", "Invoice, by id.")


@object_type(
    description=f"Lines of a remittance that wait from now on to be matched manually, as one message. {FIRST_MESSAGE}"
)
class RemittanceLineWaitingEvent(StreamedEvent):
    previous_status: RemittanceLineStatus | None = previous_status(
        RemittanceLineStatus, " of each line; null for a new remittance"
    )
    waiting_lines: int | None = of_event(int, "waitingLines", "Number of lines that began to wait by this change.", int)
    remittance: Remittance | None = object_of(
        Remittance, lambda each: each.remittance, "remittanceId", "The remittance in its current state."
    )

    @strawberry.field(
        graphql_type=Connection[RemittanceLine] | None,
        description="Lines of the remittance that wait now, in order.",
        directives=[lists.PAGE],
    )
    async def lines(
        message: strawberry.Parent[StreamMessage],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        event = event_of(message)
        if event is None:
            return None
        where = QueueFilter(RemittanceFilter(ids=(event.data["remittanceId"],)))
        order = remittances.OLDEST_LINE_FIRST
        return await remittances.UNMATCHED.page(info.context, where, order, at=Slice(first, after, last, before))


@input_type(description=f"Filter for lines that wait. {ALL_OF}")
class RemittanceLineWaitingFilterInput(EventFilterInput):
    aggregate: strawberry.ID | None = aggregate("remittanceId", "Remittance, by id.")


@object_type(
    description="A step of an import job: its start, each finished batch, some thousand lines of a statement, and its "
    f"end. {FIRST_MESSAGE}"
)
class ImportJobProgressedEvent(StreamedEvent):
    status: ImportJobStatus | None = status(ImportJobStatus, "job")
    job: ImportJob | None = object_of(
        ImportJob, lambda each: each.import_job, "importJobId", "The job in its current state."
    )


@input_type(description=f"Filter for steps of import jobs. {ALL_OF}")
class ImportJobProgressedFilterInput(EventFilterInput):
    aggregate: strawberry.ID | None = aggregate("importJobId", "Import job, by id.")
    status: list[ImportJobStatus] | None = any_status(ImportJobStatus)


SUBSCRIPTIONS = (
    subscription(
        "claimStatusChanged",
        CLAIM_STATUS_EVENTS,
        ClaimStatusChangedEvent,
        ClaimStatusChangedFilterInput,
        needs="claims:read",
        description="Every change of a claim's status",
    ),
    subscription(
        "denialStatusChanged",
        DENIAL_STATUS_EVENTS,
        DenialStatusChangedEvent,
        DenialStatusChangedFilterInput,
        needs="claims:read_items",
        description="Every change of a denial's status after the decision that made it",
    ),
    subscription(
        "invoiceStatusChanged",
        INVOICE_STATUS_EVENTS,
        InvoiceStatusChangedEvent,
        InvoiceStatusChangedFilterInput,
        needs="invoices:read",
        description="Every change of an invoice's status",
    ),
    subscription(
        "settlementRecorded",
        SETTLEMENT_EVENTS,
        SettlementRecordedEvent,
        SettlementRecordedFilterInput,
        needs="settlements:read",
        description="Every settlement and reversal",
    ),
    subscription(
        "remittanceLineWaiting",
        WAITING_LINES_EVENTS,
        RemittanceLineWaitingEvent,
        RemittanceLineWaitingFilterInput,
        needs="remittances:read",
        description="Every change that leaves lines of a remittance unmatched",
    ),
    subscription(
        "importJobProgressed",
        IMPORT_EVENTS,
        ImportJobProgressedEvent,
        ImportJobProgressedFilterInput,
        needs="documents:read",
        description="Every start and end of an import job, and every batch (lote), or some thousand lines of a "
        "statement, that it has finished",
    ),
)
