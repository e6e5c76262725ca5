"""Looks for lines that wait for the claims that are submitted in this process, and for all others in the sweep; so too
for payments of protocols that wait for an analysis."""

import secrets
from collections.abc import Iterable
from typing import Final

from app.db import protocols, waiting_lines
from app.db.engine import Database
from app.domain.actor import Actor, Door, operator
from app.services.line_matching import DIVIDE_AGAIN, MATCH_AGAIN
from app.unit_of_work.run import Changes
from app.values.frozen import frozen

CLAIMS_AT_ONCE: Final = 200
PAYMENTS_AT_ONCE: Final = 20
ACTOR: Final = "matching"


@frozen
class Arrived:
    """Claims that lines wait for, and statements that pay protocols whose analyses are posted."""

    claim_ids: list[str]
    remittance_ids: list[str]


class MatchingRunner:
    """Remembers the submitted claims, and that an analysis was posted, until it has looked for their lines; what a
    process forgets, the sweep finds."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._submitted: dict[str, None] = {}
        self._has_analysed = False

    def submitted(self, claim_ids: Iterable[str]) -> None:
        """These claims have come."""
        self._submitted |= dict.fromkeys(claim_ids)

    def analysed(self) -> None:
        """An analysis may have been posted."""
        self._has_analysed = True

    async def next(self) -> Arrived | None:
        """The next of the claims and statements that lines wait for; None if no more have come."""
        batch, has_analysed = list(self._submitted)[:CLAIMS_AT_ONCE], self._has_analysed
        if not batch and not has_analysed:
            return None
        async with self._database.reading() as connection:
            claims = await waiting_lines.among(connection, batch) if batch else []
            payments = await protocols.divisible_payments(connection, PAYMENTS_AT_ONCE) if has_analysed else []
        for claim_id in batch:
            del self._submitted[claim_id]
        # More may wait, unless there were few.
        self._has_analysed = len(payments) == PAYMENTS_AT_ONCE
        return Arrived(claims, payments)

    async def run(self, job: Arrived) -> None:
        """Match the lines of these claims, and divide these statements, each in a transaction of its own."""
        await match_lines_of(self._changes, job.claim_ids)
        await divide_lines_of(self._changes, job.remittance_ids)


def _actor() -> Actor:
    return operator(ACTOR, Door.SWEEP, request_id=f"matching-{secrets.token_hex(8)}")


async def match_lines_of(changes: Changes, claim_ids: Iterable[str]) -> None:
    """Match what waits for these claims."""
    actor = _actor()
    for claim_id in claim_ids:
        await changes.run(MATCH_AGAIN, actor, {"claim_id": claim_id})


async def divide_lines_of(changes: Changes, remittance_ids: Iterable[str]) -> None:
    """Divide what these statements pay by protocols."""
    actor = _actor()
    for id in remittance_ids:
        await changes.run(DIVIDE_AGAIN, actor, {"remittance_id": id})


async def match_what_waits(database: Database, changes: Changes) -> None:
    """Match lines whose claims have come unnoticed: in a process that has stopped, or with a number of the payer; and
    divide payments of protocols whose analyses were posted so."""
    async with database.reading() as connection:
        found = await waiting_lines.all_claims(connection, CLAIMS_AT_ONCE)
        payments = await protocols.divisible_payments(connection, PAYMENTS_AT_ONCE)
    await match_lines_of(changes, found)
    await divide_lines_of(changes, payments)
