"""Resolvers for batches (lotes de guias) and their documents."""

from datetime import datetime
from typing import Final

from app.db import batch_tables, batches, claims, tables
from app.db.batches import BatchRecord, BatchStep
from app.db.claims import ClaimRecord
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, ScopedList, order_by
from app.services import batch_documents
from app.services.batch_documents import BatchDocument


class BatchOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of creation."
    NUMBER = "NUMBER", "Number of the batch."


ORDERS: Final[dict[BatchOrderField, Order[BatchRecord]]] = {
    BatchOrderField.CREATED_AT: order_by(batch_tables.batches, "created_at", datetime),
    BatchOrderField.NUMBER: order_by(batch_tables.batches, "number", int),
}
NEWEST_FIRST: Final = order_by(batch_tables.batches, "created_at", datetime, descending=True)
CLAIMS: Final[NestedList[ClaimRecord]] = NestedList(
    "Batch.claims", batches.CLAIMS_OF, order_by(tables.claims, "id", str)
)
HISTORY: Final[NestedList[BatchStep]] = NestedList(
    "Batch.history", batches.HISTORY_OF, order_by(batch_tables.batch_history, "id", str)
)
BATCHES: Final = ScopedList("batches", batches.page, batches.count)


async def document(ctx: Context, batch_id: str) -> BatchDocument | None:
    """The document of a batch; None until it is sent, and outside the data scope."""
    async with ctx.database.reading() as connection:
        found = await batches.by_ids(connection, ctx.scope, [batch_id])
        stored = await batches.document_of(connection, ctx.scope, batch_id)
        if not found or stored is None:
            return None
        claim_ids = [each.claim_id for each in await batches.members_of(connection, [batch_id])]
        records = await claims.by_ids(connection, ctx.scope, claim_ids)
    return await batch_documents.unpacked(found[0].number, stored, records)
