"""Resolvers for coverages: a card that is asked for is recorded, and counted if it does not exist."""

from typing import Final

from app.db import party_history, party_tables, patient_changes, reference_tables
from app.db.parties import CoverageRecord
from app.db.party_history import PartyStep
from app.domain.access_log import DataClass
from app.domain.errors import raise_any
from app.domain.identifiers import card_failure
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import order_by

FIELD: Final = "coverageOfCard"
OF_PATIENT: Final[NestedList[CoverageRecord]] = NestedList(
    "Patient.coverages", patient_changes.OF_PATIENT, order_by(reference_tables.coverages, "id", str)
)
HISTORY: Final[NestedList[PartyStep]] = NestedList(
    "Coverage.history", party_history.OF_PARTY, order_by(party_tables.party_history, "id", str)
)


async def of_card(ctx: Context, *, payer: str, card_number: str) -> CoverageRecord | None:
    """The coverage of the card within the caller's data scope; INVALID_CARD for what is no card number.

    TooManyUnknownCards once the caller's budget is used up; a card outside the data scope counts against it too.
    """
    raise_any([card_failure(card_number, "cardNumber")])
    await ctx.unknown_cards.admit(ctx.caller)
    async with ctx.database.reading() as connection:
        found = await patient_changes.coverage_of_card(connection, ctx.scope, payer, card_number)
    if found is None:
        await ctx.note_unknown_card(FIELD)
        return None
    ctx.notes.operation = ctx.notes.operation or FIELD
    ctx.notes.reveal(DataClass.PERSONAL.value, found)
    return found
