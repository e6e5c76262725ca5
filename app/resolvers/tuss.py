"""Resolver for searches of TUSS terms; single terms come from a loader."""

from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import tuss
from app.db.paging import Keyset
from app.db.reference_tables import tuss_terms
from app.db.tuss import TussFilter, TussRecord
from app.domain.errors import raise_any
from app.domain.text import text_failure
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, read_page

SEARCH_LENGTH_MAX = 100
BY_CODE: Order[TussRecord] = Order(
    tuss_terms.c.code, tuss_terms.c.code_system, False, lambda row: row.code, lambda row: row.code_system, kind=str
)


async def search(ctx: Context, *, where: TussFilter, first: int, after: str | None) -> Page[TussRecord]:
    """A page of terms, ordered by code; INVALID_INPUT for a search text that is too long."""
    if where.search is not None:
        raise_any([text_failure(where.search, "search", SEARCH_LENGTH_MAX)])

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[TussRecord]:
        return await tuss.page(connection, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await tuss.count(connection, where)

    request = PageRequest(first, after, ("tussTerms", asdict(where)))
    return await read_page(ctx, request, BY_CODE, rows=rows, count=count)
