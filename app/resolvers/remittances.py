"""Resolvers for remittances and the queue of unmatched lines."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import remittances, tables
from app.db.paging import Keyset
from app.db.remittances import RemittanceFilter, RemittanceLineRecord, RemittanceRecord
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page

NEWEST_FIRST: Order[RemittanceRecord] = order_by(tables.remittances, "created_at", datetime, descending=True)
OLDEST_LINE_FIRST: Order[RemittanceLineRecord] = order_by(tables.remittance_lines, "id", str, descending=False)


async def page(ctx: Context, *, where: RemittanceFilter, first: int, after: str | None) -> Page[RemittanceRecord]:
    """A page of remittances in the caller's data scope, newest first."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[RemittanceRecord]:
        return await remittances.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await remittances.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("remittances", asdict(where)))
    return await read_page(ctx.database, request, NEWEST_FIRST, rows=rows, count=count)


async def unmatched(
    ctx: Context, *, where: RemittanceFilter, first: int, after: str | None
) -> Page[RemittanceLineRecord]:
    """A page of unmatched lines in the caller's data scope, oldest first."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[RemittanceLineRecord]:
        return await remittances.unmatched_page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await remittances.unmatched_count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("unmatchedRemittanceLines", asdict(where)))
    return await read_page(ctx.database, request, OLDEST_LINE_FIRST, rows=rows, count=count)
