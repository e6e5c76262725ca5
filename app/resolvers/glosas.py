"""How glosa (denial) fields, lists and mutations are met."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import glosas as glosas_db
from app.db.glosas import GlosaFilter, GlosaRecord
from app.db.paging import Keyset
from app.db.tables import glosas as table
from app.domain.money import Cents
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page
from app.services import glosas
from app.services.glosas import Answer
from app.services.idempotency import Written

GLOSA = TypeAdapter(GlosaRecord)
GLOSAS = TypeAdapter(list[GlosaRecord])


class GlosaOrder(StrEnum):
    DEADLINE_FIRST = "DEADLINE_FIRST"
    AMOUNT_DESC = "AMOUNT_DESC"


ORDERS: dict[GlosaOrder, Order[GlosaRecord]] = {
    GlosaOrder.DEADLINE_FIRST: order_by(table, "appeal_deadline", date, descending=False),
    GlosaOrder.AMOUNT_DESC: order_by(table, "amount_cents", int, descending=True),
}


@dataclass(frozen=True, slots=True)
class GlosaPage(Page[GlosaRecord]):
    """One page, and how to sum up what the whole list is about to lose."""

    about_to_be_lost: Callable[[], Awaitable[int]]


async def page(ctx: Context, *, where: GlosaFilter, order: GlosaOrder, first: int, after: str | None) -> GlosaPage:
    """One page of the caller's denials."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[GlosaRecord]:
        return await glosas_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await glosas_db.count(connection, ctx.scope, where)

    async def about_to_be_lost() -> int:
        async with ctx.database.reading() as connection:
            return await glosas_db.open_cents(connection, ctx.scope, where)

    request = PageRequest(first, after, ("glosas", asdict(where), order))
    found = await read_page(ctx.database, request, ORDERS[order], rows=rows, count=count)
    return GlosaPage(found.edges, found.page_info, found.count, about_to_be_lost)


async def accept(ctx: Context, *, glosa_id: str, key: str | None) -> Written[GlosaRecord]:
    """Take the loss once per key."""

    async def work(connection: AsyncConnection) -> GlosaRecord:
        return await glosas.accept(connection, glosa_id=glosa_id, **ctx.acting())

    return await ctx.write_once("acceptGlosa", key=key, request=glosa_id, answer=GLOSA, work=work)


async def appeal(
    ctx: Context, *, glosa_id: str, amount: Cents | None, justification: str, key: str | None
) -> Written[GlosaRecord]:
    """Contest a denial once per key."""

    async def work(connection: AsyncConnection) -> GlosaRecord:
        return await glosas.appeal(
            connection, glosa_id=glosa_id, amount=amount, justification=justification, **ctx.acting()
        )

    request = [glosa_id, amount, justification]
    return await ctx.write_once("appealGlosa", key=key, request=request, answer=GLOSA, work=work)


async def answer(ctx: Context, *, answers: Sequence[Answer], key: str | None) -> Written[list[GlosaRecord]]:
    """The payer's decision on appeals, once per key."""

    async def work(connection: AsyncConnection) -> list[GlosaRecord]:
        return await glosas.answer(connection, answers=answers, **ctx.acting())

    request = [asdict(each) for each in answers]
    return await ctx.write_once("answerAppeal", key=key, request=request, answer=GLOSAS, work=work)
