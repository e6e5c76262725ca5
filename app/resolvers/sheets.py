"""Resolvers for payers' spreadsheets: how one would be read, without anything being written."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from sqlalchemy import literal_column

from app.db import documents as documents_db
from app.db import mapping_tables, statement_mappings
from app.db.counting import RowCount
from app.db.statement_mappings import StatementMappingRecord
from app.domain.documents import DocumentKind
from app.domain.errors import ErrorCode, not_found, refuse
from app.domain.sheet_columns import Mapping
from app.domain.sheet_rows import SheetRow, SheetRowKind
from app.resolvers.context import Context
from app.resolvers.paging import Cursors, Once, Order, Page, ScopedList, Slice, keyset_of, order_by, page_of, part_of
from app.services import documents, parties
from app.tiss import sheet_answers
from app.tiss.sheet_answers import SheetLook
from app.tiss.sheet_statements import SheetReading
from app.tiss.spreadsheets import BYTES_MAX
from app.values.frozen import frozen

OLDEST_FIRST: Final = order_by(mapping_tables.statement_mappings, "id", str)
MAPPINGS: Final = ScopedList("statementMappings", statement_mappings.page, statement_mappings.count)
_ORDER: Final[Order[SheetRow]] = Order(
    literal_column("number"), literal_column("number"), False, attrgetter("number"), lambda row: str(row.number), int
)


@frozen
class SheetPreview:
    """A document as it would be read, and the stored mapping by which it is."""

    document_id: str
    look: SheetLook
    mapping: StatementMappingRecord | None

    @property
    def reading(self) -> SheetReading:
        """Its columns and sums."""
        return self.look.reading

    def count(self, kind: SheetRowKind) -> int:
        """How many of its rows are of this kind."""
        return self.look.kinds.count(kind)


async def preview(
    ctx: Context, *, payer: str, provider: str, document_id: str, columns: Mapping | None
) -> SheetPreview:
    """How the document would be read; NOT_FOUND outside the data scope, INVALID_INPUT if it is no spreadsheet."""
    async with ctx.database.reading() as connection:
        await parties.check(connection, ctx.scope, provider=provider, payer=payer)
        known = await statement_mappings.of_parties(connection, ctx.scope, provider, payer)
        # Loaders read what the query asks for of a document, which is nothing of this one.
        found = await documents_db.by_ids(connection, ctx.scope, [document_id], ctx.principal.subject)
    if not found:
        raise not_found("document", "documentId")
    (document,) = found
    if document.kind is DocumentKind.XML or document.size > BYTES_MAX:
        message = f"upload a spreadsheet (.csv or .xlsx) of up to {BYTES_MAX // (1024 * 1024)} MiB"
        raise refuse(ErrorCode.INVALID_INPUT, message, "documentId")
    content = b"".join([part async for part in documents.content(ctx.database, document.id)])
    stored = {each.header_digest: each for each in known}
    by_digest = {digest: each.mapped_columns for digest, each in stored.items()}
    look = await ctx.changes.children.run(sheet_answers.look, content, columns, by_digest)
    return SheetPreview(document.id, look, stored[look.reading.digest] if look.reading.was_stored else None)


async def rows_page(
    ctx: Context, found: SheetPreview, kinds: Sequence[SheetRowKind] | None, *, at: Slice
) -> Page[SheetRow]:
    """A page of the rows of these kinds, in the order of the sheet; errors as `read_page`."""
    cursors = Cursors(ctx.cursor_key, ("SpreadsheetPreview.rows", found.document_id, kinds), _ORDER)
    keyset = keyset_of(at, cursors)
    chosen = [place for place, kind in enumerate(found.look.kinds) if not kinds or kind in kinds]

    async def count() -> RowCount:
        return RowCount(len(chosen))

    places = part_of(chosen, keyset, _place_of)
    rows = await found.look.rows.at(sorted(places))
    if keyset.is_backward:
        rows.reverse()
    return page_of(rows, keyset, cursors, Once(count))


def _place_of(index: int) -> tuple[int, str]:
    """What the cursor says of the row at this index: rows are numbered from 1."""
    return index + 1, str(index + 1)
