"""Resolvers for payers' spreadsheets: how one would be read, without anything being written."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from sqlalchemy import literal_column

from app.db import mapping_tables, statement_mappings
from app.db.statement_mappings import StatementMappingRecord
from app.domain.documents import DocumentKind
from app.domain.errors import ErrorCode, not_found, refuse
from app.domain.money import Cents
from app.domain.sheet_columns import Mapping
from app.domain.sheet_rows import SheetRow, SheetRowKind
from app.resolvers.context import Context
from app.resolvers.paging import Cursors, Once, Order, Page, ScopedList, keyset_of, order_by, page_of
from app.services import documents, parties
from app.tiss import sheet_statements
from app.tiss.sheet_statements import SheetReading
from app.tiss.spreadsheets import BYTES_MAX

OLDEST_FIRST: Final = order_by(mapping_tables.statement_mappings, "id", str)
MAPPINGS: Final = ScopedList("statementMappings", statement_mappings.page, statement_mappings.count)
_ORDER: Final[Order[SheetRow]] = Order(
    literal_column("number"), literal_column("number"), False, attrgetter("number"), lambda row: str(row.number), int
)


@dataclass(frozen=True, slots=True)
class SheetPreview:
    """A document as it would be read."""

    document_id: str
    reading: SheetReading
    mapping: StatementMappingRecord | None

    @property
    def billed(self) -> Cents:
        """What its readable lines say was billed."""
        return Cents(sum(line.billed or 0 for line in self.reading.lines))

    @property
    def paid(self) -> Cents:
        """What its readable lines pay."""
        return Cents(sum(line.paid for line in self.reading.lines))

    @property
    def denied(self) -> Cents:
        """What its readable lines deny."""
        return Cents(sum(denial.amount for line in self.reading.lines for denial in line.denials))

    @property
    def difference(self) -> Cents:
        """What was billed above what is paid and denied, of the lines that say what was billed."""
        rows = (row for row in self.reading.rows if row.kind is SheetRowKind.LINE)
        return Cents(sum(row.difference or 0 for row in rows))

    def count(self, kind: SheetRowKind) -> int:
        """How many of its rows are of this kind."""
        return sum(row.kind is kind for row in self.reading.rows)


async def preview(
    ctx: Context, *, payer: str, provider: str, document_id: str, columns: Mapping | None
) -> SheetPreview:
    """How the document would be read; NOT_FOUND outside the data scope, INVALID_INPUT if it is no spreadsheet."""
    async with ctx.database.reading() as connection:
        await parties.check(connection, ctx.scope, provider=provider, payer=payer)
        known = await statement_mappings.of_parties(connection, ctx.scope, provider, payer)
    document = await ctx.loaders.document.load(document_id)
    if document is None:
        raise not_found("document", "documentId")
    if document.kind is DocumentKind.XML or document.size > BYTES_MAX:
        message = f"upload a spreadsheet (.csv or .xlsx) of up to {BYTES_MAX // (1024 * 1024)} MiB"
        raise refuse(ErrorCode.INVALID_INPUT, message, "documentId")
    content = b"".join([part async for part in documents.content(ctx.database, document.id)])
    stored = {each.header_digest: each for each in known}
    by_digest = {digest: each.mapped_columns for digest, each in stored.items()}
    reading = await ctx.changes.children.run(sheet_statements.read, content, columns, by_digest)
    return SheetPreview(document.id, reading, stored[reading.digest] if reading.was_stored else None)


def rows_page(
    ctx: Context, found: SheetPreview, kinds: Sequence[SheetRowKind] | None, *, first: int, after: str | None
) -> Page[SheetRow]:
    """A page of the rows of these kinds, in the order of the sheet; errors as `read_page`."""
    cursors = Cursors(ctx.cursor_key, ("SpreadsheetPreview.rows", found.document_id, kinds), _ORDER)
    keyset = keyset_of(first, after, cursors)
    start = 0 if keyset.after is None else int(keyset.after[0])
    chosen = [row for row in found.reading.rows if not kinds or row.kind in kinds]

    async def count() -> int:
        return len(chosen)

    rows = [row for row in chosen if row.number > start][: keyset.limit]
    return page_of(rows, keyset, cursors, Once(count))
