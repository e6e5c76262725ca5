"""Resolvers for settlements."""

from datetime import datetime
from typing import Final

from app.db import settlements, tables
from app.db.settlements import SettlementFilter, SettlementRecord
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList, order_by

NEWEST_FIRST: Order[SettlementRecord] = order_by(tables.settlements, "created_at", datetime, descending=True)


SETTLEMENTS: Final = ScopedList("settlements", settlements.page, settlements.count)


async def page(ctx: Context, *, where: SettlementFilter, first: int, after: str | None) -> Page[SettlementRecord]:
    """A page of settlements in the caller's data scope, newest first."""
    return await SETTLEMENTS.page(ctx, where, NEWEST_FIRST, first=first, after=after)
