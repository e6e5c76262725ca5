"""Resolvers for invoices."""

from datetime import datetime
from typing import Final

from app.db import invoices, tables
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList, order_by


class InvoiceOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of creation."
    TOTAL_AMOUNT = "TOTAL_AMOUNT", "Total. Needs `amounts:read`."


ORDERS: Final[dict[InvoiceOrderField, Order[InvoiceRecord]]] = {
    InvoiceOrderField.CREATED_AT: order_by(tables.invoices, "created_at", datetime),
    InvoiceOrderField.TOTAL_AMOUNT: order_by(tables.invoices, "total_cents", int),
}
NEWEST_FIRST: Final = order_by(tables.invoices, "created_at", datetime, descending=True)
INVOICES: Final = ScopedList("invoices", invoices.page, invoices.count, invoices.sums)


async def page(
    ctx: Context, *, where: InvoiceFilter, order: Order[InvoiceRecord], first: int, after: str | None
) -> Page[InvoiceRecord]:
    """A page of invoices in the caller's data scope."""
    return await INVOICES.page(ctx, where, order, first=first, after=after)
