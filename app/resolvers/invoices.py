"""Resolvers for invoices."""

from datetime import datetime
from typing import Final

from app.db import history, invoice_lines, invoices, settlements, tables
from app.db.history import InvoiceStep
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.db.settlements import SettlementRecord
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, Page, ScopedList, order_by


class InvoiceOrder(DescribedEnum):
    NEWEST_FIRST = "NEWEST_FIRST", "By creation, latest first."
    OLDEST_FIRST = "OLDEST_FIRST", "By creation, earliest first."
    TOTAL_AMOUNT_ASC = "TOTAL_AMOUNT_ASC", "By total, smallest first. Needs `amounts:read`."
    TOTAL_AMOUNT_DESC = "TOTAL_AMOUNT_DESC", "By total, largest first. Needs `amounts:read`."


ORDERS: dict[InvoiceOrder, Order[InvoiceRecord]] = {
    InvoiceOrder.NEWEST_FIRST: order_by(tables.invoices, "created_at", datetime, descending=True),
    InvoiceOrder.OLDEST_FIRST: order_by(tables.invoices, "created_at", datetime, descending=False),
    InvoiceOrder.TOTAL_AMOUNT_ASC: order_by(tables.invoices, "total_cents", int, descending=False),
    InvoiceOrder.TOTAL_AMOUNT_DESC: order_by(tables.invoices, "total_cents", int, descending=True),
}


LINES: Final[NestedList[LineRecord]] = NestedList(
    "Invoice.lines", invoice_lines.OF_INVOICE, order_by(tables.invoice_lines, "id", str, descending=False)
)
SETTLEMENTS: Final[NestedList[SettlementRecord]] = NestedList(
    "Invoice.settlements", settlements.OF_INVOICE, order_by(tables.settlements, "id", str, descending=False)
)
HISTORY: Final[NestedList[InvoiceStep]] = NestedList(
    "Invoice.history", history.OF_INVOICE, order_by(tables.invoice_history, "id", str, descending=False)
)
INVOICES: Final = ScopedList("invoices", invoices.page, invoices.count)


async def page(
    ctx: Context, *, where: InvoiceFilter, order: InvoiceOrder, first: int, after: str | None
) -> Page[InvoiceRecord]:
    """A page of invoices in the caller's data scope."""
    return await INVOICES.page(ctx, where, ORDERS[order], first=first, after=after)
