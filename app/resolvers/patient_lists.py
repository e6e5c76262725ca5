"""Looking up patients by card or CPF: recorded, and counted as every way to learn whether a card exists is."""

from dataclasses import replace
from operator import attrgetter
from typing import Final

from app.db import patient_lists
from app.db.parties import PatientRecord
from app.db.patient_lists import PatientFilter
from app.db.reference_tables import patients
from app.domain.access_log import DataClass
from app.domain.errors import ErrorCode, raise_any, refuse
from app.domain.identifiers import card_failure
from app.domain.words import search_failure, words_of
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList, Slice

BY_NAME: Final[Order[PatientRecord]] = Order(
    patients.c.name, patients.c.id, descending=False, value=attrgetter("name"), key=attrgetter("id"), kind=str
)
FIELD: Final = "patients"
PATIENTS: Final = ScopedList(FIELD, patient_lists.page, patient_lists.count)


async def look_up(ctx: Context, where: PatientFilter, *, search: str | None, at: Slice) -> Page[PatientRecord]:
    """A page of the patients in the caller's data scope with this card, CPF or day of birth, and these words in the
    name.

    INVALID_INPUT without any of the three or for unsuitable words, INVALID_CARD for what is no card number;
    TooManyUnknownCards once the caller's budget is used up. Nobody found by a number counts against it, whether the
    patient is unknown or outside the data scope.
    """
    raise_any([search_failure(search, "search")])
    where = replace(where, words=words_of(search))
    _check(where)
    await ctx.unknown_cards.admit(ctx.caller)
    page = await PATIENTS.page(ctx, where, BY_NAME, at=at)
    is_by_number = where.card_number is not None or where.cpf is not None
    if is_by_number and not page.edges:
        await ctx.note_unknown_card(FIELD)
    ctx.notes.operation = ctx.notes.operation or FIELD
    for patient in page.nodes:
        ctx.notes.reveal(DataClass.PERSONAL.value, patient)
    return page


def _check(where: PatientFilter) -> None:
    if where.card_number is None and where.cpf is None and where.birth_date is None:
        message = "give the card number, the CPF or the day of birth of the patient"
        raise refuse(ErrorCode.INVALID_INPUT, message, "cardNumber")
    if where.card_number is not None:
        raise_any([card_failure(where.card_number, "cardNumber")])
