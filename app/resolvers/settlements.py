"""How settlement fields, mutations and the live stream are met."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import settlements as settlements_db
from app.db.paging import Keyset
from app.db.settlements import SettlementFilter, SettlementRecord
from app.db.tables import settlements as table
from app.domain.money import Cents
from app.events.contracts import SETTLEMENT_EVENTS
from app.events.hub import Heard
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page
from app.services import settlements
from app.services.idempotency import Written
from app.services.settlements import Payment, Settled

SETTLED = TypeAdapter(Settled)
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
            connection,
            scope=ctx.scope,
            invoice_id=invoice_id,
            payment=payment,
            version=version,
            subject=ctx.principal.subject,
            now=ctx.now(),
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
            connection,
            scope=ctx.scope,
            settlement_id=settlement_id,
            amount=amount,
            reason=reason,
            subject=ctx.principal.subject,
            now=ctx.now(),
        )

    request = [settlement_id, amount, reason]
    written = await ctx.write_once("reverseSettlement", key=key, request=request, answer=SETTLED, work=work)
    if not written.replayed:
        ctx.metrics.reversed_cents.inc(written.value.settlement.amount_cents)
    return written


async def stream(ctx: Context, *, payer: str | None, provider: str | None) -> AsyncIterator[SettlementNotice]:
    """Every settlement and reversal within the caller's scope from now on, in the order of the event log."""
    with ctx.hub.subscribe() as subscription:
        async for event in subscription:
            if _is_wanted(ctx, event, payer, provider):
                # Every event is read afresh: an earlier one may have left an older row in the loaders.
                ctx.forget()
                settlement = await ctx.loaders.settlement.load(event.data["settlementId"])
                if settlement is not None:
                    yield SettlementNotice(event.position, settlement)


def _is_wanted(ctx: Context, event: Heard, payer: str | None, provider: str | None) -> bool:
    return (
        event.name in SETTLEMENT_EVENTS
        and ctx.scope.holds(provider=event.provider, payer=event.payer, patient=None)
        and payer in (None, event.payer)
        and provider in (None, event.provider)
    )
