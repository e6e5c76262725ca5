"""Deleting uploaded documents that nothing refers to, such as the import of one."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.document_tables import document_chunks, documents
from app.db.filters import Condition
from app.db.reference_tables import metadata


def is_used() -> Condition:
    """Whether a row of any table has a foreign key to the document."""
    referring = (
        exists().where(key.parent == documents.c.id)
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column is documents.c.id
    )
    return or_(*referring)


async def delete_slice(
    connection: AsyncConnection, column: ColumnElement[datetime], before: datetime, size: int
) -> tuple[int, bool]:
    """Look at `size` of the documents that were not used before this moment, the oldest first: delete those that are
    unused still, with their bytes; the others are never looked at again. How many were deleted, and whether more may be
    left."""
    oldest = select(documents.c.id).where(column < before).order_by(column).limit(size)
    # Locked: whoever refers to one of them meanwhile waits, and is refused or makes it used.
    ids = list((await connection.execute(oldest.with_for_update())).scalars())
    if not ids:
        return 0, False
    used = set((await connection.execute(select(documents.c.id).where(documents.c.id.in_(ids), is_used()))).scalars())
    unused = [each for each in ids if each not in used]
    await connection.execute(update(documents).where(documents.c.id.in_(used)).values(unused_since=None))
    await connection.execute(delete(document_chunks).where(document_chunks.c.document_id.in_(unused)))
    await connection.execute(delete(documents).where(documents.c.id.in_(unused)))
    return len(unused), len(ids) == size
