"""How invoice fields and mutations are met."""

from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import invoices as invoices_db
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.db.paging import Keyset
from app.db.tables import invoices as table
from app.domain.invoices import InvoiceLineKind
from app.domain.money import Cents
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page
from app.services import invoices
from app.services.invoices import InvoiceData
from app.unit_of_work.idempotency import Written

INVOICE = TypeAdapter(InvoiceRecord)


class InvoiceOrder(StrEnum):
    NEWEST_FIRST = "NEWEST_FIRST"
    OLDEST_FIRST = "OLDEST_FIRST"
    TOTAL_AMOUNT_ASC = "TOTAL_AMOUNT_ASC"
    TOTAL_AMOUNT_DESC = "TOTAL_AMOUNT_DESC"


ORDERS: dict[InvoiceOrder, Order[InvoiceRecord]] = {
    InvoiceOrder.NEWEST_FIRST: order_by(table, "created_at", datetime, descending=True),
    InvoiceOrder.OLDEST_FIRST: order_by(table, "created_at", datetime, descending=False),
    InvoiceOrder.TOTAL_AMOUNT_ASC: order_by(table, "total_cents", int, descending=False),
    InvoiceOrder.TOTAL_AMOUNT_DESC: order_by(table, "total_cents", int, descending=True),
}


async def page(
    ctx: Context, *, where: InvoiceFilter, order: InvoiceOrder, first: int, after: str | None
) -> Page[InvoiceRecord]:
    """One page of the caller's invoices."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[InvoiceRecord]:
        return await invoices_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await invoices_db.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("invoices", asdict(where), order))
    return await read_page(ctx.database, request, ORDERS[order], rows=rows, count=count)


async def create(ctx: Context, *, data: InvoiceData, key: str | None) -> Written[InvoiceRecord]:
    """Bill approved claims and won appeals once per key."""

    async def work(connection: AsyncConnection) -> InvoiceRecord:
        return await invoices.create(connection, data=data, **ctx.acting())

    return await ctx.write_once("createInvoice", key=key, request=asdict(data), answer=INVOICE, work=work)


async def adjust(
    ctx: Context,
    *,
    invoice_id: str,
    kind: InvoiceLineKind,
    amount: Cents,
    reason: str,
    version: int | None,
    key: str | None,
) -> Written[InvoiceRecord]:
    """Add a credit or a debit once per key."""

    async def work(connection: AsyncConnection) -> InvoiceRecord:
        return await invoices.adjust(
            connection, invoice_id=invoice_id, kind=kind, amount=amount, reason=reason, version=version, **ctx.acting()
        )

    request = [invoice_id, kind, amount, reason, version]
    return await ctx.write_once("adjustInvoice", key=key, request=request, answer=INVOICE, work=work)


async def issue(
    ctx: Context, *, invoice_id: str, due_date: date | None, version: int | None, key: str | None
) -> Written[InvoiceRecord]:
    """Send an invoice to the payer."""

    async def work(connection: AsyncConnection) -> InvoiceRecord:
        return await invoices.issue(
            connection, invoice_id=invoice_id, due_date=due_date, version=version, **ctx.acting()
        )

    request = [invoice_id, due_date, version]
    return await ctx.write_once("issueInvoice", key=key, request=request, answer=INVOICE, work=work)


async def cancel(
    ctx: Context, *, invoice_id: str, version: int | None, reason: str | None, key: str | None
) -> Written[InvoiceRecord]:
    """Withdraw an invoice."""

    async def work(connection: AsyncConnection) -> InvoiceRecord:
        return await invoices.cancel(connection, invoice_id=invoice_id, version=version, reason=reason, **ctx.acting())

    request = [invoice_id, version, reason]
    return await ctx.write_once("cancelInvoice", key=key, request=request, answer=INVOICE, work=work)
