"""Queries on lists of payers and providers."""

from typing import Any

from sqlalchemy import Select, select

from app.db.counting import count_of, row_count
from app.db.filters import active
from app.db.paging import Keyset
from app.db.parties import PAYER, PROVIDER, PayerRecord, ProviderRecord
from app.db.reference_tables import payers, providers
from app.db.scoping import providers_in
from app.db.statements import query, query_total
from app.db.words import has_words
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class PartyFilter:
    """A payer or provider matches when each word does (`words_of`): part of the name, or digits of the code.

    `is_active` chooses those that are not deactivated, or those that are; None for all.
    """

    words: tuple[str, ...] = ()
    is_active: bool | None = None


@query(PayerRecord)
def payers_page(_scope: DataScope, where: PartyFilter, keyset: Keyset) -> Select[Any]:
    """One page of the payers: reference data, the same for every caller."""
    return keyset.apply(_payers(where))


@query_total(row_count)
def payers_count(_scope: DataScope, where: PartyFilter) -> Select[Any]:
    """How many payers match the filter."""
    return count_of(_payers(where))


def _payers(where: PartyFilter) -> Select[Any]:
    named = has_words(where.words, payers.c.name, payers.c.ans_code)
    return select(*PAYER).where(*named, *active(where.is_active, payers.c.deactivated_at))


def _providers(scope: DataScope, where: PartyFilter) -> Select[Any]:
    named = has_words(where.words, providers.c.name, providers.c.cnes)
    return select(*PROVIDER).where(providers_in(scope), *named, *active(where.is_active, providers.c.deactivated_at))


@query(ProviderRecord)
def providers_page(scope: DataScope, where: PartyFilter, keyset: Keyset) -> Select[Any]:
    """One page of the providers within the scope."""
    return keyset.apply(_providers(scope, where))


@query_total(row_count)
def providers_count(scope: DataScope, where: PartyFilter) -> Select[Any]:
    """How many providers within the scope match the filter."""
    return count_of(_providers(scope, where))
