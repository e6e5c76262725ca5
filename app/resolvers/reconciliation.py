"""Resolvers for reconciliation: all sums of a request see the same snapshot of the database."""

from datetime import timedelta

from app.db import reconciliation
from app.db.reconciliation import LedgerFilter
from app.domain.calendar import business_day
from app.domain.reconciliation import Indicators, Reconciliation
from app.resolvers.context import Context
from app.services import reconciliation as month_sums


async def reconcile(ctx: Context, *, where: LedgerFilter) -> Reconciliation:
    """What has become of the amounts billed in the caller's data scope."""
    async with ctx.database.snapshot() as connection:
        return await month_sums.reconcile(connection, ctx.scope, where, ctx.now())


async def indicators(ctx: Context, *, where: LedgerFilter, expiring_within_days: int) -> Indicators:
    """The indicators of the ANS panel for the caller's data scope; INVALID_INPUT for more claims than the database adds
    up in its time."""
    until = business_day(ctx.now()) + timedelta(days=expiring_within_days)
    async with ctx.database.snapshot() as connection:
        await month_sums.check_size(connection, ctx.scope, where)
        return await reconciliation.indicators(connection, ctx.scope, where, expiring_until=until)
