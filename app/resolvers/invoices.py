"""Resolvers for invoices."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import invoices, tables
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.db.paging import Keyset
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page


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


async def page(
    ctx: Context, *, where: InvoiceFilter, order: InvoiceOrder, first: int, after: str | None
) -> Page[InvoiceRecord]:
    """A page of invoices in the caller's data scope."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[InvoiceRecord]:
        return await invoices.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await invoices.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("invoices", asdict(where), order))
    return await read_page(ctx.database, request, ORDERS[order], rows=rows, count=count)
