"""Resolvers for remittances and the queue of unmatched lines."""

from datetime import datetime
from typing import Final

from app.db import remittances, settlements, tables
from app.db.remittances import RemittanceFilter, RemittanceLineRecord, RemittanceRecord
from app.db.settlements import SettlementRecord
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, Page, ScopedList, order_by

NEWEST_FIRST: Order[RemittanceRecord] = order_by(tables.remittances, "created_at", datetime, descending=True)
OLDEST_LINE_FIRST: Order[RemittanceLineRecord] = order_by(tables.remittance_lines, "id", str, descending=False)


LINES: Final[NestedList[RemittanceLineRecord]] = NestedList(
    "Remittance.lines", remittances.LINES_OF, order_by(tables.remittance_lines, "sequence", int, descending=False)
)
SETTLEMENTS: Final[NestedList[SettlementRecord]] = NestedList(
    "Remittance.settlements", settlements.OF_REMITTANCE, order_by(tables.settlements, "id", str, descending=False)
)
REMITTANCES: Final = ScopedList("remittances", remittances.page, remittances.count)
UNMATCHED: Final = ScopedList("unmatchedRemittanceLines", remittances.unmatched_page, remittances.unmatched_count)


async def page(ctx: Context, *, where: RemittanceFilter, first: int, after: str | None) -> Page[RemittanceRecord]:
    """A page of remittances in the caller's data scope, newest first."""
    return await REMITTANCES.page(ctx, where, NEWEST_FIRST, first=first, after=after)


async def unmatched(
    ctx: Context, *, where: RemittanceFilter, first: int, after: str | None
) -> Page[RemittanceLineRecord]:
    """A page of unmatched lines in the caller's data scope, oldest first."""
    return await UNMATCHED.page(ctx, where, OLDEST_LINE_FIRST, first=first, after=after)
