"""Resolvers for the practitioners whom providers have registered."""

from dataclasses import replace
from operator import attrgetter
from typing import Final

from app.db import party_history, party_tables
from app.db import registered_practitioners as practitioners_db
from app.db.party_history import PartyStep
from app.db.registered_practitioners import PractitionerRecord, RegisteredFilter
from app.domain.errors import raise_any
from app.domain.words import search_failure, words_of
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, Page, ScopedList, Slice, order_by

_TABLE: Final = party_tables.practitioners.c
BY_NAME: Final[Order[PractitionerRecord]] = Order(
    _TABLE.name, _TABLE.id, descending=False, value=attrgetter("name"), key=attrgetter("id"), kind=str
)
REGISTERED: Final = ScopedList("registeredPractitioners", practitioners_db.page, practitioners_db.count)
HISTORY: Final[NestedList[PartyStep]] = NestedList(
    "RegisteredPractitioner.history", party_history.OF_PARTY, order_by(party_tables.party_history, "id", str)
)


async def registered(
    ctx: Context, where: RegisteredFilter, *, search: str | None, at: Slice
) -> Page[PractitionerRecord]:
    """A page of the practitioners, by name; INVALID_INPUT for a search that is too long or has unsuitable words."""
    raise_any([search_failure(search, "search")])
    where = replace(where, words=words_of(search))
    return await REGISTERED.page(ctx, where, BY_NAME, at=at)
