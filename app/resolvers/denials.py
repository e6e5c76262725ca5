"""How denial (denial) fields, lists and mutations are met."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import denials as denials_db
from app.db.denials import DenialFilter, DenialRecord
from app.db.paging import Keyset
from app.db.tables import denials as table
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page


class DenialOrder(StrEnum):
    DEADLINE_FIRST = "DEADLINE_FIRST"
    AMOUNT_DESC = "AMOUNT_DESC"


ORDERS: dict[DenialOrder, Order[DenialRecord]] = {
    DenialOrder.DEADLINE_FIRST: order_by(table, "appeal_deadline", date, descending=False),
    DenialOrder.AMOUNT_DESC: order_by(table, "amount_cents", int, descending=True),
}


@dataclass(frozen=True, slots=True)
class DenialPage(Page[DenialRecord]):
    """One page, and how to sum up what the whole list is about to lose."""

    about_to_be_lost: Callable[[], Awaitable[int]]


async def page(ctx: Context, *, where: DenialFilter, order: DenialOrder, first: int, after: str | None) -> DenialPage:
    """One page of the caller's denials."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[DenialRecord]:
        return await denials_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await denials_db.count(connection, ctx.scope, where)

    async def about_to_be_lost() -> int:
        async with ctx.database.reading() as connection:
            return await denials_db.open_cents(connection, ctx.scope, where)

    request = PageRequest(first, after, ("denials", asdict(where), order))
    found = await read_page(ctx.database, request, ORDERS[order], rows=rows, count=count)
    return DenialPage(found.edges, found.page_info, found.count, about_to_be_lost)
