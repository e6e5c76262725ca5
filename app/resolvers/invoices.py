"""Resolvers for invoices."""

from datetime import datetime
from typing import Final

from app.db import invoices, tables
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
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


INVOICES: Final = ScopedList("invoices", invoices.page, invoices.count)


async def page(
    ctx: Context, *, where: InvoiceFilter, order: InvoiceOrder, first: int, after: str | None
) -> Page[InvoiceRecord]:
    """A page of invoices in the caller's data scope."""
    return await INVOICES.page(ctx, where, ORDERS[order], first=first, after=after)
