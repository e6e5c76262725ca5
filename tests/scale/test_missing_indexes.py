"""An index that a page needs is missed when it is not there: the limits of the pages are narrow enough to notice."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import sessions
from app.db.server_errors import OVERLOADED, error_number
from tests.figures import Figures
from tests.scale.conftest import Large, Measured
from tests.scale.hidden import Index, hidden, secondary_indexes, without_hints
from tests.scale.kept import KEPT
from tests.scale.limits import faults
from tests.scale.reads import work_of

LIMITED: Final = sessions.settings(idle_seconds=60, statement_seconds=30, is_writing=False)
"""The server ends a page of a million claims that takes so long without its index: it is missed, too."""


async def test_every_index_that_a_page_needs_is_missed(
    large: Large, measured: list[Measured], figures: Figures
) -> None:
    missed: dict[str, str] = {}
    # What costs least is soonest known.
    alone = sorted((each for each in measured if each.case.is_alone), key=lambda each: each.work.examined)
    async with large.gateway.parts.probe_database.reads.connect() as connection:
        await connection.exec_driver_sql(LIMITED)
        indexes = await secondary_indexes(connection)
        for index in indexes:
            if index.name in KEPT:
                continue
            users = [each for each in alone if index.name in each.work.indexes]
            title = await _first_that_misses(connection, index, users)
            if title is not None:
                missed[index.name] = title
    figures(indexes=len(indexes), missed=len(missed), kept=len(KEPT))
    names = {each.name for each in indexes}
    assert sorted(names - missed.keys() - KEPT) == []
    assert sorted(KEPT - names) == []


async def _first_that_misses(connection: AsyncConnection, index: Index, users: Sequence[Measured]) -> str | None:
    """The first of the pages that use the index that is not as it should be while it is hidden."""
    if not users:
        return None
    async with hidden(connection, index):
        for each in users:
            if await _is_missed(connection, index, each):
                return each.case.title
    return None


async def _is_missed(connection: AsyncConnection, index: Index, user: Measured) -> bool:
    try:
        work = await work_of(connection, without_hints(user.page, index))
    except DBAPIError as error:
        if error_number(error) in OVERLOADED:
            return True
        raise
    return any(faults(user.case, work))
