"""How settlement fields, mutations and the live stream are met."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.db import settlements as settlements_db
from app.db.paging import Keyset
from app.db.settlements import SettlementFilter, SettlementRecord
from app.db.tables import settlements as table
from app.domain.money import Cents
from app.events.contracts import SETTLEMENT_EVENTS
from app.events.hub import Heard, Subscription, heard
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page
from app.services import settlements
from app.services.idempotency import Written
from app.services.settlements import Payment, Settled

SETTLED = TypeAdapter(Settled)
REPLAY_BATCH = 200
NEWEST_FIRST: Order[SettlementRecord] = order_by(table, "created_at", datetime, descending=True)


@dataclass(frozen=True, slots=True)
class SettlementNotice:
    """One settlement as a subscriber receives it."""

    position: int
    settlement: SettlementRecord


async def page(ctx: Context, *, where: SettlementFilter, first: int, after: str | None) -> Page[SettlementRecord]:
    """One page of the caller's settlements, newest first."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[SettlementRecord]:
        return await settlements_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await settlements_db.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("settlements", asdict(where)))
    return await read_page(ctx.database, request, NEWEST_FIRST, rows=rows, count=count)


async def settle(
    ctx: Context, *, invoice_id: str, payment: Payment, version: int | None, key: str | None
) -> Written[Settled]:
    """Record a payment once per key."""

    async def work(connection: AsyncConnection) -> Settled:
        return await settlements.settle(
            connection, invoice_id=invoice_id, payment=payment, version=version, **ctx.acting()
        )

    request = [invoice_id, asdict(payment), version]
    written = await ctx.write_once("settleInvoice", key=key, request=request, answer=SETTLED, work=work)
    if not written.replayed:
        ctx.metrics.settled_cents.inc(written.value.settlement.amount_cents)
    return written


async def reverse(
    ctx: Context, *, settlement_id: str, amount: Cents | None, reason: str, key: str | None
) -> Written[Settled]:
    """Take a settlement back once per key."""

    async def work(connection: AsyncConnection) -> Settled:
        return await settlements.reverse(
            connection, settlement_id=settlement_id, amount=amount, reason=reason, **ctx.acting()
        )

    request = [settlement_id, amount, reason]
    written = await ctx.write_once("reverseSettlement", key=key, request=request, answer=SETTLED, work=work)
    if not written.replayed:
        ctx.metrics.reversed_cents.inc(written.value.settlement.amount_cents)
    return written


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which settlements a subscriber asked for; every given part must hold."""

    payer: str | None = None
    provider: str | None = None
    invoice: str | None = None


async def stream(ctx: Context, *, wanted: Wanted, after: int | None) -> AsyncGenerator[SettlementNotice, None]:
    """Every settlement and reversal within the caller's scope, in the order of the event log: from now on, or from
    behind the position `after`."""
    with ctx.hub.subscribe() as subscription:
        events = _joined(ctx, subscription, after)
        async with aclosing(events):
            async for event in events:
                settlement = await _settlement(ctx, event) if _is_wanted(ctx, event, wanted) else None
                if settlement is not None:
                    yield SettlementNotice(event.position, settlement)


async def _settlement(ctx: Context, event: Heard) -> SettlementRecord | None:
    """The ledger row of the event, read afresh: an earlier event may have left older rows in the loaders."""
    ctx.forget()
    return await ctx.loaders.settlement.load(event.data["settlementId"])


async def _joined(ctx: Context, subscription: Subscription, after: int | None) -> AsyncGenerator[Heard, None]:
    """First what the log holds behind `after`, then the live events, none of them twice.

    The subscription is open before the log is read, so nothing can fall between the two.
    """
    last = after
    while last is not None:
        async with ctx.database.reading() as connection:
            rows = await outbox_db.named_after(connection, last, SETTLEMENT_EVENTS, REPLAY_BATCH)
        for row in rows:
            event = heard(row)
            last = event.position
            yield event
        if len(rows) < REPLAY_BATCH:
            break
    async for event in subscription:
        if event.name in SETTLEMENT_EVENTS and (last is None or event.position > last):
            yield event


def _is_wanted(ctx: Context, event: Heard, wanted: Wanted) -> bool:
    return (
        ctx.scope.holds(provider=event.provider, payer=event.payer, patient=None)
        and wanted.payer in (None, event.payer)
        and wanted.provider in (None, event.provider)
        and wanted.invoice in (None, event.aggregate_id)
    )
