"""Looks for lines that wait for the claims that are submitted in this process, and for all others in the sweep."""

import secrets
from collections.abc import Iterable
from typing import Final

from app.db import waiting_lines
from app.db.engine import Database
from app.domain.actor import Door, operator
from app.services.line_matching import MATCH_AGAIN
from app.unit_of_work.run import Changes

CLAIMS_AT_ONCE: Final = 200
ACTOR: Final = "matching"


class MatchingRunner:
    """Remembers the submitted claims until it has looked for their lines; what a process forgets, the sweep finds."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._submitted: dict[str, None] = {}

    def submitted(self, claim_ids: Iterable[str]) -> None:
        """These claims have come."""
        self._submitted |= dict.fromkeys(claim_ids)

    async def next(self) -> list[str] | None:
        """The next of the claims that lines wait for; None if no more have come."""
        batch = list(self._submitted)[:CLAIMS_AT_ONCE]
        if not batch:
            return None
        async with self._database.reading() as connection:
            found = await waiting_lines.among(connection, batch)
        for claim_id in batch:
            del self._submitted[claim_id]
        return found

    async def run(self, job: list[str]) -> None:
        """Match the lines of these claims, each claim's in a transaction of its own."""
        await match_lines_of(self._changes, job)


async def match_lines_of(changes: Changes, claim_ids: Iterable[str]) -> None:
    """Match what waits for these claims."""
    actor = operator(ACTOR, Door.SWEEP, request_id=f"matching-{secrets.token_hex(8)}")
    for claim_id in claim_ids:
        await changes.run(MATCH_AGAIN, actor, {"claim_id": claim_id})


async def match_what_waits(database: Database, changes: Changes) -> None:
    """Match lines whose claims have come unnoticed: in a process that has stopped, or with a number of the payer."""
    async with database.reading() as connection:
        found = await waiting_lines.all_claims(connection, CLAIMS_AT_ONCE)
    await match_lines_of(changes, found)
