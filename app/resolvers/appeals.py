"""Resolvers for what belongs to the appeals against denials."""

from collections.abc import Iterable, Sequence

from app.db import appeal_attachments, earlier_appeals
from app.db.appeal_attachments import AppealAttachmentRecord
from app.db.denials import DenialRecord
from app.resolvers.context import Context


async def attachments_of(ctx: Context, denials: Sequence[DenialRecord]) -> list[list[AppealAttachmentRecord]]:
    """The files with the appeals against each denial, oldest first."""
    async with ctx.database.reading() as connection:
        found = await appeal_attachments.of_denials(connection, ctx.scope, _ids(denials))
    return [[each for each in found if each.denial_id == denial.id] for denial in denials]


async def earlier_of(ctx: Context, denials: Sequence[DenialRecord]) -> list[list[DenialRecord]]:
    """Each denial as it was when its earlier appeals were answered, the first instance first."""
    again = [denial for denial in denials if denial.appeal_instance > 1]
    if not again:
        return [[] for _ in denials]
    async with ctx.database.reading() as connection:
        found = await earlier_appeals.of_denials(connection, ctx.scope, _ids(again))
    return [[each for each in found if each.id == denial.id] for denial in denials]


def _ids(denials: Iterable[DenialRecord]) -> list[str]:
    return sorted({denial.id for denial in denials})
