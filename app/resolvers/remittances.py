"""Resolvers for remittances and the queue of unmatched lines."""

from datetime import datetime
from typing import Final

from app.db import line_queue, remittance_tables, remittances, settlements, tables
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.described import DescribedEnum
from app.resolvers.nested import NestedList
from app.resolvers.paging import LINES_PAGE_MAX, Order, ScopedList, order_by


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
