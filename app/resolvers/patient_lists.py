"""Looking up patients by card or CPF: recorded, and counted as every way to learn whether a card exists is."""

from operator import attrgetter
from typing import Final

from app.db import patient_lists
from app.db.parties import PatientRecord
from app.db.patient_lists import PatientFilter
from app.db.reference_tables import patients
from app.domain.access_log import DataClass
from app.domain.errors import ErrorCode, raise_any, refuse
from app.domain.identifiers import card_failure
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList

BY_NAME: Final[Order[PatientRecord]] = Order(
    patients.c.name, patients.c.id, descending=False, value=attrgetter("name"), key=attrgetter("id"), kind=str
)
FIELD: Final = "patients"
PATIENTS: Final = ScopedList(FIELD, patient_lists.page, patient_lists.count)


async def look_up(ctx: Context, where: PatientFilter, *, first: int, after: str | None) -> Page[PatientRecord]:
    """A page of the patients in the caller's data scope with this card or CPF.

    INVALID_INPUT without either, INVALID_CARD for what is no card number; TooManyUnknownCards once the caller's budget
    is used up. Nobody found counts against it, whether the patient is unknown or outside the data scope.
    """
    _check(where)
    await ctx.unknown_cards.admit(ctx.caller)
    page = await PATIENTS.page(ctx, where, BY_NAME, first=first, after=after)
    if not page.edges:
        await ctx.note_unknown_card(FIELD)
    ctx.notes.operation = ctx.notes.operation or FIELD
    for patient in page.nodes:
        ctx.notes.reveal(DataClass.PERSONAL.value, patient)
    return page


def _check(where: PatientFilter) -> None:
    if where.card_number is None and where.cpf is None:
        raise refuse(ErrorCode.INVALID_INPUT, "give the card number or the CPF of the patient", "cardNumber")
    if where.card_number is not None:
        raise_any([card_failure(where.card_number, "cardNumber")])
