"""Resolvers for the lists that forms offer: payers, providers and practitioners."""

from operator import attrgetter
from typing import Any, Final

from app.db import party_history, party_lists, party_tables, practitioners, reference_tables
from app.db.parties import PayerRecord, ProviderRecord
from app.db.party_history import PartyStep
from app.db.party_lists import PartyFilter
from app.db.practitioners import PractitionerFilter
from app.domain.encounter import Practitioner
from app.domain.errors import raise_any
from app.domain.words import search_failure, words_of
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, Page, ScopedList, Slice, order_by

_PAYERS: Final = reference_tables.payers.c
_PROVIDERS: Final = reference_tables.providers.c
NAME: Final[Any] = attrgetter("name")
PAYERS_BY_NAME: Final[Order[PayerRecord]] = Order(
    _PAYERS.name, _PAYERS.ans_code, descending=False, value=NAME, key=attrgetter("ans_code"), kind=str
)
PROVIDERS_BY_NAME: Final[Order[ProviderRecord]] = Order(
    _PROVIDERS.name, _PROVIDERS.cnes, descending=False, value=NAME, key=attrgetter("cnes"), kind=str
)
PRACTITIONERS_BY_NAME: Final[Order[Practitioner]] = Order(
    practitioners.NAME.label("practitioner"),
    practitioners.IDENTITY,
    descending=False,
    value=lambda practitioner: practitioner.name or "",
    key=practitioners.identity_of,
    kind=str,
)
HISTORY: Final[NestedList[PartyStep]] = NestedList(
    "history", party_history.OF_PARTY, order_by(party_tables.party_history, "id", str)
)
PAYERS: Final = ScopedList("payers", party_lists.payers_page, party_lists.payers_count)
PROVIDERS: Final = ScopedList("providers", party_lists.providers_page, party_lists.providers_count)
PRACTITIONERS: Final = ScopedList("practitioners", practitioners.page, practitioners.count)


async def payers(ctx: Context, *, search: str | None, is_active: bool | None, at: Slice) -> Page[PayerRecord]:
    """A page of all payers, by name; INVALID_INPUT for a search that is too long or has unsuitable words."""
    return await PAYERS.page(ctx, PartyFilter(_words(search), is_active), PAYERS_BY_NAME, at=at)


async def providers(ctx: Context, *, search: str | None, is_active: bool | None, at: Slice) -> Page[ProviderRecord]:
    """A page of the providers in the caller's data scope, by name; errors as `payers`."""
    return await PROVIDERS.page(ctx, PartyFilter(_words(search), is_active), PROVIDERS_BY_NAME, at=at)


async def performing(ctx: Context, *, search: str | None, at: Slice) -> Page[Practitioner]:
    """A page of the practitioners on claims in the caller's data scope, by name; errors as `payers`."""
    where = PractitionerFilter(_words(search))
    return await PRACTITIONERS.page(ctx, where, PRACTITIONERS_BY_NAME, at=at)


def _words(search: str | None) -> tuple[str, ...]:
    raise_any([search_failure(search, "search")])
    return words_of(search)
