"""Resolver for searches of TUSS terms; single terms come from a loader."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import RowCount
from app.db.paging import Keyset
from app.db.reference_tables import tuss_terms
from app.db.tuss import TussRecord
from app.domain.errors import raise_any
from app.domain.tuss_index import Sought
from app.domain.words import search_failure
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, Slice, part_of, read_page

BY_CODE: Order[TussRecord] = Order(
    tuss_terms.c.code, tuss_terms.c.code_system, False, lambda row: row.code, lambda row: row.code_system, kind=str
)


async def search(
    ctx: Context, *, text: str | None, code_system: str | None, valid_on: date | None, at: Slice
) -> Page[TussRecord]:
    """A page of terms, ordered by code; INVALID_INPUT for a search text that is too long or has unsuitable words."""
    raise_any([search_failure(text, "search")])
    matches = await ctx.tuss.find(Sought.of(text, code_system, valid_on))

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[TussRecord]:
        return await matches.read(connection, part_of(matches.positions, keyset, matches.index.place))

    async def count(_connection: AsyncConnection) -> RowCount:
        return RowCount(len(matches))

    binding = ("tussTerms", {"search": text, "code_system": code_system, "valid_on": valid_on})
    return await read_page(ctx, PageRequest(at, binding), BY_CODE, rows=rows, count=count)
