"""Resolvers for settlements and their stream."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.db import settlements, tables
from app.db.settlements import SettlementFilter, SettlementRecord
from app.events.contracts import SETTLEMENT_EVENTS
from app.events.listeners import StreamEvent
from app.resolvers import streams
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, Page, ScopedList, order_by
from app.resolvers.streams import Stream

NEWEST_FIRST: Order[SettlementRecord] = order_by(tables.settlements, "created_at", datetime, descending=True)


REVERSALS: Final[NestedList[SettlementRecord]] = NestedList(
    "Settlement.reversals", settlements.REVERSALS_OF, order_by(tables.settlements, "id", str, descending=False)
)
SETTLEMENTS: Final = ScopedList("settlements", settlements.page, settlements.count)


async def page(ctx: Context, *, where: SettlementFilter, first: int, after: str | None) -> Page[SettlementRecord]:
    """A page of settlements in the caller's data scope, newest first."""
    return await SETTLEMENTS.page(ctx, where, NEWEST_FIRST, first=first, after=after)


@dataclass(frozen=True, slots=True)
class SettlementStreamFilter:
    """Which settlements a subscriber wants: every given condition must match."""

    payer: str | None = None
    provider: str | None = None
    invoice: str | None = None

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event meets every condition."""
        return (
            self.payer in (None, event.payer)
            and self.provider in (None, event.provider)
            and self.invoice in (None, event.aggregate_id)
        )


async def stream(ctx: Context, *, where: SettlementStreamFilter, after: str | None) -> Stream:
    """Every settlement and reversal in the caller's data scope, in the order of the event log.

    Raises what `streams.open_stream` raises.
    """
    return await streams.open_stream(ctx, SETTLEMENT_EVENTS, where, after)
