"""Resolvers for invoices."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from app.db import invoices, tables
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList, order_by


class InvoiceOrder(StrEnum):
    NEWEST_FIRST = "NEWEST_FIRST"
    OLDEST_FIRST = "OLDEST_FIRST"
    TOTAL_AMOUNT_ASC = "TOTAL_AMOUNT_ASC"
    TOTAL_AMOUNT_DESC = "TOTAL_AMOUNT_DESC"


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
    return await INVOICES.page(ctx.database, ctx.scope, where, ORDERS[order], first=first, after=after)
