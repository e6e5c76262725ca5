"""Resolvers for what payers keep back of payments."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import deductions
from app.db.counting import RowCount
from app.db.deductions import WithheldTax
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.resolvers.breakdowns import BY_KEY
from app.resolvers.context import Context
from app.resolvers.paging import Page, PageRequest, Slice, read_page


async def withheld_taxes(ctx: Context, *, where: LedgerFilter, at: Slice) -> Page[WithheldTax]:
    """A page of the taxes withheld in the caller's data scope, by payer, month and tax."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[WithheldTax]:
        return await deductions.withheld_taxes(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> RowCount:
        return RowCount(await deductions.count_withheld_taxes(connection, ctx.scope, where))

    return await read_page(ctx, PageRequest(at, ("withheldTaxes", where)), BY_KEY, rows=rows, count=count)
