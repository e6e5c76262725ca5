"""How remittances and their queue are met."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import remittances as remittances_db
from app.db.paging import Keyset
from app.db.remittances import RemittanceFilter, RemittanceLineRecord, RemittanceRecord
from app.db.tables import remittance_lines, remittances
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page

NEWEST_FIRST: Order[RemittanceRecord] = order_by(remittances, "created_at", datetime, descending=True)
OLDEST_LINE_FIRST: Order[RemittanceLineRecord] = order_by(remittance_lines, "id", str, descending=False)


async def page(ctx: Context, *, where: RemittanceFilter, first: int, after: str | None) -> Page[RemittanceRecord]:
    """One page of the caller's remittances, newest first."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[RemittanceRecord]:
        return await remittances_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await remittances_db.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("remittances", asdict(where)))
    return await read_page(ctx.database, request, NEWEST_FIRST, rows=rows, count=count)


async def unmatched(
    ctx: Context, *, where: RemittanceFilter, first: int, after: str | None
) -> Page[RemittanceLineRecord]:
    """One page of the lines that wait for a person, oldest first."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[RemittanceLineRecord]:
        return await remittances_db.unmatched_page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await remittances_db.unmatched_count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("unmatchedRemittanceLines", asdict(where)))
    return await read_page(ctx.database, request, OLDEST_LINE_FIRST, rows=rows, count=count)
