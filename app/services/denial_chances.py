"""The chance of a denial for each item of a claim that is not sent yet."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import decided_items
from app.domain.claim_form import ClaimForm
from app.domain.data_scope import DataScope
from app.domain.denial_chance import DecidedItem, DenialChance, chance_of
from app.domain.money import Cents
from app.services.preflight import Preflight


async def of_preflight(connection: AsyncConnection, scope: DataScope, found: Preflight) -> list[DenialChance]:
    """The chances of its items that were denied before, in their order."""
    codes = sorted({(item.code_system, item.code) for item in found.items})
    if found.form is None or not codes:
        return []
    form = found.form
    decided = await decided_items.of_procedures(connection, scope, form.provider, form.payer, codes)
    by_code: dict[tuple[str, str], list[DecidedItem]] = {}
    for each in decided:
        by_code.setdefault((each.code_system, each.code), []).append(each)
    chances = [
        chance_of(sequence, Cents(item.total), by_code.get((item.code_system, item.code), []), _practitioner(form))
        for sequence, item in enumerate(found.items, start=1)
    ]
    return [each for each in chances if each is not None]


def _practitioner(form: ClaimForm) -> str | None:
    who = form.practitioner
    return f"{who.council or ''} {who.number} {who.state or ''}" if who.number else None
