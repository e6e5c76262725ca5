"""Resolvers for invoices."""

from datetime import datetime
from typing import Final

from app.db import history, invoice_lines, invoices, settlements, tables
from app.db.history import InvoiceStep
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.db.settlements import SettlementRecord
from app.domain.described import DescribedEnum
from app.resolvers.nested import NestedList
from app.resolvers.paging import LINES_PAGE_MAX, Order, ScopedList, order_by


class InvoiceOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of creation."
    TOTAL_AMOUNT = "TOTAL_AMOUNT", "Total. Needs `amounts:read`."


ORDERS: Final[dict[InvoiceOrderField, Order[InvoiceRecord]]] = {
    InvoiceOrderField.CREATED_AT: order_by(tables.invoices, "created_at", datetime),
    InvoiceOrderField.TOTAL_AMOUNT: order_by(tables.invoices, "total_cents", int),
}
NEWEST_FIRST: Final = order_by(tables.invoices, "created_at", datetime, descending=True)
LINES: Final[NestedList[LineRecord]] = NestedList(
    "Invoice.lines", invoice_lines.OF_INVOICE, order_by(tables.invoice_lines, "id", str), LINES_PAGE_MAX
)
SETTLEMENTS: Final[NestedList[SettlementRecord]] = NestedList(
    "Invoice.settlements", settlements.OF_INVOICE, order_by(tables.settlements, "id", str)
)
HISTORY: Final[NestedList[InvoiceStep]] = NestedList(
    "Invoice.history", history.OF_INVOICE, order_by(tables.invoice_history, "id", str)
)
INVOICES: Final = ScopedList("invoices", invoices.page, invoices.count, invoices.sums)
