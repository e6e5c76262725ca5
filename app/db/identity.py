"""Which incarnation of the database this is: an id that no other database has, and that a restored one gives up.

What is stored outside the database, such as cached answers and clients' cursors, names it, and is void for any other.
"""

import secrets
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database, run, scalar
from app.db.tables import database_identity

ONLY_SLOT: Final = 1


def new_incarnation() -> str:
    """An id that no database has yet."""
    return secrets.token_hex(16)


async def read(connection: AsyncConnection) -> str:
    """The id as it is now."""
    found = await scalar(connection, select(database_identity.c.incarnation))
    if found is None:
        raise LookupError("the database has no identity: run billing renew-identity")
    return str(found)


async def renew(connection: AsyncConnection) -> str:
    """Give the database a new id, after it was restored from a backup or copied; the new id.

    Its TUSS terms are not those that processes remember, either.
    """
    incarnation = new_incarnation()
    changed = {"incarnation": incarnation, "terms_version": incarnation}
    if not await run(connection, update(database_identity).values(changed)):
        await run(connection, insert(database_identity).values(slot=ONLY_SLOT, **changed))
    return incarnation


async def of(database: Database) -> str:
    """The id, read once per process; `refresh` reads it again."""
    return database.incarnation or await refresh(database)


async def refresh(database: Database) -> str:
    """Read the id again, so that a process notices a renewal."""
    async with database.reading() as connection:
        database.incarnation = await read(connection)
    return database.incarnation
