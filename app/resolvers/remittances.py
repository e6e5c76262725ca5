"""Resolvers for remittances and the queue of unmatched lines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.db import line_queue, remittance_tables, remittances, settlements, tables
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.described import DescribedEnum
from app.domain.documents import DocumentKind
from app.domain.errors import ErrorCode, not_found, refuse
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import LINES_PAGE_MAX, Order, ScopedList, order_by
from app.services import documents
from app.services import statements as service
from app.services.statement_documents import SMALL_BYTES
from app.services.statements import Imported
from app.unit_of_work.idempotency import Written


class RemittanceOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of the import."


class RemittanceLineOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of the import."


ORDERS: Final[dict[RemittanceOrderField, Order[RemittanceRecord]]] = {
    RemittanceOrderField.CREATED_AT: order_by(remittance_tables.remittances, "created_at", datetime),
}
NEWEST_FIRST: Final = order_by(remittance_tables.remittances, "created_at", datetime, descending=True)
# Ids of lines are in the order of their import.
LINE_ORDERS: Final[dict[RemittanceLineOrderField, Order[RemittanceLineRecord]]] = {
    RemittanceLineOrderField.CREATED_AT: order_by(remittance_tables.remittance_lines, "id", str),
}
OLDEST_LINE_FIRST: Final = LINE_ORDERS[RemittanceLineOrderField.CREATED_AT]


LINES: Final[NestedList[RemittanceLineRecord]] = NestedList(
    "Remittance.lines",
    remittances.LINES_OF,
    order_by(remittance_tables.remittance_lines, "sequence", int),
    LINES_PAGE_MAX,
)
SETTLEMENTS: Final[NestedList[SettlementRecord]] = NestedList(
    "Remittance.settlements", settlements.OF_REMITTANCE, order_by(tables.settlements, "id", str)
)
REMITTANCES: Final = ScopedList("remittances", remittances.page, remittances.count)
UNMATCHED: Final = ScopedList("unmatchedRemittanceLines", line_queue.page, line_queue.count)


async def import_remittance(ctx: Context, arguments: Mapping[str, Any], key: str | None) -> Written[Imported]:
    """Import a statement that is typed, sent along or uploaded; BillingError NOT_FOUND outside the data scope."""
    given = dict(arguments)
    document_id = given["document_id"]
    if document_id is not None:
        document = await ctx.loaders.document.load(document_id)
        if document is None:
            raise not_found("document", "content.documentId")
        if document.kind is not DocumentKind.XML:
            raise refuse(ErrorCode.INVALID_INPUT, "send a TISS document as XML", "content.documentId")
        if document.size <= SMALL_BYTES:
            given["document"] = b"".join([part async for part in documents.content(ctx.database, document.id)])
    return await ctx.change(service.IMPORT, given, key=key)
