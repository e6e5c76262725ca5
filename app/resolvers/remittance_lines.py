"""Resolvers for lines of statements that wait: their history, by how much they differ, and what they may be about."""

from collections.abc import Sequence
from typing import Final

from app.db import line_history, queue_tables
from app.db.line_history import LineStepRecord
from app.db.remittances import RemittanceLineRecord
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineStatus
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import order_by
from app.services import line_candidates, line_expectations
from app.services.line_candidates import Candidate

HISTORY: Final[NestedList[LineStepRecord]] = NestedList(
    "RemittanceLine.history", line_history.OF_LINE, order_by(queue_tables.remittance_line_history, "id", str)
)


async def differences(ctx: Context, lines: Sequence[RemittanceLineRecord]) -> list[Cents | None]:
    """By how much each waiting line differs from its claim, in cents; None for lines without a claim, and others."""
    waiting = [line for line in lines if line.status is RemittanceLineStatus.UNMATCHED]
    if not waiting:
        return [None] * len(lines)
    async with ctx.database.reading() as connection:
        found = await line_expectations.differences(connection, ctx.scope, waiting)
    return [found[line.id].difference if line.id in found else None for line in lines]


async def candidates(ctx: Context, lines: Sequence[RemittanceLineRecord]) -> list[list[Candidate]]:
    """The claims that each waiting line may be about, the likeliest first; none for other lines."""
    waiting = [line for line in lines if line.status is RemittanceLineStatus.UNMATCHED]
    if not waiting:
        return [[] for _ in lines]
    async with ctx.database.reading() as connection:
        found = await line_candidates.candidates(connection, ctx.scope, waiting)
    return [found.get(line.id, []) for line in lines]
