"""How settlement fields, mutations and the live stream are met."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import settlements as settlements_db
from app.db.paging import Keyset
from app.db.settlements import SettlementFilter, SettlementRecord
from app.db.tables import settlements as table
from app.events.contracts import SETTLEMENT_EVENTS
from app.events.hub import StreamEvent
from app.resolvers import streams
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page
from app.resolvers.streams import Stream, StreamRequest

NEWEST_FIRST: Order[SettlementRecord] = order_by(table, "created_at", datetime, descending=True)


async def page(ctx: Context, *, where: SettlementFilter, first: int, after: str | None) -> Page[SettlementRecord]:
    """One page of the caller's settlements, newest first."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[SettlementRecord]:
        return await settlements_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await settlements_db.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("settlements", asdict(where)))
    return await read_page(ctx.database, request, NEWEST_FIRST, rows=rows, count=count)


@dataclass(frozen=True, slots=True)
class SettlementStreamFilter:
    """Which settlements a subscriber asked for; every given part must hold."""

    payer: str | None = None
    provider: str | None = None
    invoice: str | None = None

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event is one of them."""
        return (
            self.payer in (None, event.payer)
            and self.provider in (None, event.provider)
            and self.invoice in (None, event.aggregate_id)
        )


async def stream(ctx: Context, *, wanted: SettlementStreamFilter, after: str | None) -> Stream:
    """Every settlement and reversal within the caller's scope, in the order of the event log."""
    request = StreamRequest(SETTLEMENT_EVENTS, wanted.matches, _hidden_from_patients)
    return await streams.open_stream(ctx, request, after)


async def _hidden_from_patients(_event: StreamEvent) -> bool:
    return False
