"""Queries on lists of payers and providers."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_rows
from app.db.engine import fetch
from app.db.paging import Keyset
from app.db.parties import PAYER, PROVIDER, PayerRecord, ProviderRecord
from app.db.reference_tables import payers, providers
from app.db.scoping import providers_in
from app.db.words import has_words
from app.domain.data_scope import DataScope


@dataclass(frozen=True, slots=True)
class PartyFilter:
    """A payer or provider matches when each word does (`words_of`): part of the name, or digits of the code."""

    words: tuple[str, ...] = ()


async def payers_page(
    connection: AsyncConnection, _scope: DataScope, where: PartyFilter, keyset: Keyset
) -> list[PayerRecord]:
    """One page of the payers: reference data, the same for every caller."""
    query = select(*PAYER).where(*has_words(where.words, payers.c.name, payers.c.ans_code))
    return await fetch(connection, keyset.apply(query), PayerRecord)


async def payers_count(connection: AsyncConnection, _scope: DataScope, where: PartyFilter) -> int:
    """How many payers match the filter."""
    return await count_rows(connection, select(*PAYER).where(*has_words(where.words, payers.c.name, payers.c.ans_code)))


def _providers(query: Select[Any], scope: DataScope, where: PartyFilter) -> Select[Any]:
    return query.where(providers_in(scope), *has_words(where.words, providers.c.name, providers.c.cnes))


async def providers_page(
    connection: AsyncConnection, scope: DataScope, where: PartyFilter, keyset: Keyset
) -> list[ProviderRecord]:
    """One page of the providers within the scope."""
    return await fetch(connection, keyset.apply(_providers(select(*PROVIDER), scope, where)), ProviderRecord)


async def providers_count(connection: AsyncConnection, scope: DataScope, where: PartyFilter) -> int:
    """How many providers within the scope match the filter."""
    return await count_rows(connection, _providers(select(*PROVIDER), scope, where))
