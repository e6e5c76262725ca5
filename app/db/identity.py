"""Which incarnation of the database this is: an id that no other database has, and that a restored one gives up; and
which TUSS terms it has.

What is stored outside the database, such as cached answers and clients' cursors, names the incarnation, and is void for
any other. What a process remembers of the terms names their version.
"""

import secrets
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database, DatabaseUnavailable, run
from app.db.records import columns
from app.db.tables import database_identity
from app.values.frozen import frozen

ONLY_SLOT: Final = 1


class NoIdentity(DatabaseUnavailable):
    """The only row is gone: clients may try again, but somebody has to do what the remedy says."""

    remedy = "run billing renew-identity"

    def __str__(self) -> str:
        return f"the database has no identity: {self.remedy}"


@frozen
class Identity:
    """The only row. `terms_version` is another text after any term was added, renamed or ended, also in a database that
    was restored from a backup."""

    incarnation: str
    terms_version: str


IDENTITY: Final = columns(database_identity, Identity)
_TERMS_VERSIONS: dict[str, str] = {}
"""Incarnation -> the version of its terms that this process has read last."""


def new_incarnation() -> str:
    """An id that no database has yet."""
    return secrets.token_hex(16)


async def read(connection: AsyncConnection) -> Identity:
    """The row as it is now; NoIdentity."""
    row = (await connection.execute(select(*IDENTITY))).first()
    if row is None:
        raise NoIdentity
    return noted(Identity(*row))


def noted(found: Identity) -> Identity:
    """The same row; from now on, this process goes by its terms."""
    _TERMS_VERSIONS[found.incarnation] = found.terms_version
    return found


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
        database.incarnation = (await read(connection)).incarnation
    return database.incarnation


async def terms_version(database: Database) -> str:
    """Which terms the database has, as far as this process knows: nothing is read for it but once."""
    return _TERMS_VERSIONS[await of(database)]
