"""Resolvers for batches of appeals and their documents."""

from datetime import datetime
from typing import Final

from app.db import appeal_batches, appeal_tables, claims, denials, tables
from app.db.appeal_batches import AppealBatchRecord, AppealBatchStep
from app.db.denials import DenialRecord
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, ScopedList, order_by
from app.services import batch_documents
from app.services.batch_documents import BatchDocument


class AppealBatchOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of creation."


ORDERS: Final[dict[AppealBatchOrderField, Order[AppealBatchRecord]]] = {
    AppealBatchOrderField.CREATED_AT: order_by(appeal_tables.appeal_batches, "created_at", datetime),
}
NEWEST_FIRST: Final = order_by(appeal_tables.appeal_batches, "created_at", datetime, descending=True)
DENIALS: Final[NestedList[DenialRecord]] = NestedList(
    "AppealBatch.denials", appeal_batches.DENIALS_OF, order_by(tables.denials, "id", str)
)
HISTORY: Final[NestedList[AppealBatchStep]] = NestedList(
    "AppealBatch.history", appeal_batches.HISTORY_OF, order_by(appeal_tables.appeal_batch_history, "id", str)
)
APPEAL_BATCHES: Final = ScopedList("appealBatches", appeal_batches.page, appeal_batches.count)


async def document(ctx: Context, batch_id: str) -> BatchDocument | None:
    """The document of a batch of appeals; None until it is sent, and outside the data scope."""
    async with ctx.database.reading() as connection:
        found = await appeal_batches.by_ids(connection, ctx.scope, [batch_id])
        stored = await appeal_batches.document_of(connection, ctx.scope, batch_id)
        if not found or stored is None:
            return None
        members = await appeal_batches.members_of(connection, [batch_id])
        appeals = await denials.by_ids(connection, ctx.scope, [each.denial_id for each in members])
        records = await claims.by_ids(connection, ctx.scope, sorted({denial.claim_id for denial in appeals}))
    return await batch_documents.unpacked(found[0].number, stored, records)
