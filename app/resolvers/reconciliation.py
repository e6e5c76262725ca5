"""How the books' sums are met: every sum over one moment of the database."""

from datetime import timedelta

from app.db import reconciliation as books_db
from app.db.reconciliation import LedgerFilter
from app.domain.calendar import business_day
from app.domain.reconciliation import Indicators, Reconciliation
from app.resolvers.context import Context


async def reconcile(ctx: Context, *, books: LedgerFilter) -> Reconciliation:
    """Where everything is that the caller's claims billed."""
    async with ctx.database.snapshot() as connection:
        return await books_db.reconcile(connection, ctx.scope, books)


async def indicators(ctx: Context, *, books: LedgerFilter, expiring_within_days: int) -> Indicators:
    """The ANS panel's figures for the caller's own claims."""
    until = business_day(ctx.now()) + timedelta(days=expiring_within_days)
    async with ctx.database.snapshot() as connection:
        return await books_db.indicators(connection, ctx.scope, books, expiring_until=until)
