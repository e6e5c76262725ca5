"""Denials that a person has made of what a posted line leaves out or takes back: they can be taken back, and what they
denied is due again."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.denials import DenialRecord
from app.db.line_history import LineStepRecord
from app.db.remittances import RemittanceLineRecord
from app.domain.data_scope import DataScope
from app.domain.denials import TRANSITIONS, DenialAction
from app.domain.line_work import LineStep
from app.domain.paid_lines import names
from app.domain.remittances import RemittanceLineStatus

MADE_BY: Final = (LineStep.ACCEPT_AS_DENIAL, LineStep.WRITE_OFF)


async def of_lines(
    connection: AsyncConnection, scope: DataScope, lines: Sequence[RemittanceLineRecord]
) -> dict[str, DenialRecord]:
    """Line id -> the denial that it made last by the word of a person; lines without one that can be taken back now
    are left out."""
    made = [line for line in lines if line.status is RemittanceLineStatus.POSTED and _denied(line)]
    ids = sorted({line.claim_id for line in made if line.claim_id})
    if not ids:
        return {}
    replaced = await claims_db.replaced_among(connection, ids)
    items = {item.id: item.billed for item in await claims_db.items_of_claims(connection, scope, ids)}
    found: dict[str, DenialRecord] = {}
    open_ = [each for each in await denials_db.of_claims(connection, scope, ids) if _can_be_taken_back(each)]
    for line in made:
        said = line.paid_line
        fitting = (
            each
            for each in open_
            if (each.claim_id, each.code, each.amount_cents) == (line.claim_id, *_denied(line)[-1])
            and line.claim_id not in replaced
            and (said.is_whole_claim or names(said, items[each.item_id]))
        )
        if (denial := next(fitting, None)) is not None:
            found[line.id] = denial
    return found


def last_step(steps: Sequence[LineStepRecord]) -> LineStepRecord | None:
    """The last step that made a denial and is not taken back, None of what was said with the parts of a split line; the
    steps are in their order."""
    undone = {step.undoes_id for step in steps}
    return next((step for step in reversed(steps) if step.action in MADE_BY and step.id not in undone), None)


def _denied(line: RemittanceLineRecord) -> list[tuple[str, int]]:
    return [(each.code, each.amount) for each in line.resolution.denials] if line.resolution else []


def _can_be_taken_back(denial: DenialRecord) -> bool:
    """Whether the payer has not been asked to decide it again."""
    return (denial.status, DenialAction.TAKE_BACK) in TRANSITIONS and not denial.is_after_appeal
