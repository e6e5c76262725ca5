"""TUSS terms by their codes, from memory or the database."""

from app.db import identity, tuss
from app.db.engine import Database
from app.db.tuss import TussRecord

TermKey = tuple[str, str]
"""The code system and the code of a term."""


class CachedTerms:
    """Reads terms; the same for every caller, as the tables of the ANS are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, keys: list[TermKey]) -> list[TussRecord | None]:
        """The terms in the order of their keys; None for a code that there is not. They are those that claims go by: of
        the version that this process has read last."""
        version = await identity.terms_version(self._database)
        terms = tuss.remembered(version, keys)
        if len(terms) < len(set(keys)):
            async with self._database.reading() as connection:
                terms = await tuss.known(connection, version, keys)
        return [terms.get(each) for each in keys]
