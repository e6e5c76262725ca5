"""Queries on the practitioners whom providers have registered; those who are only on claims are in practitioners.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_of, row_count
from app.db.filters import active, one_of
from app.db.paging import Keyset
from app.db.party_tables import practitioners
from app.db.records import columns, insert_records, update_record
from app.db.scoping import practitioners_in
from app.db.statements import query, query_one, query_total
from app.db.words import has_words
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class PractitionerRecord:
    id: str
    provider_cnes: str
    name: str
    council: str
    number: str
    state: str
    cbo: str
    version: int
    deactivated_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether new claims of the provider may name it."""
        return self.deactivated_at is None


@frozen
class RegisteredFilter:
    """A practitioner matches when each word does (`words_of`): part of the name, or digits of the number."""

    words: tuple[str, ...] = ()
    providers: tuple[str, ...] | None = None
    is_active: bool | None = None


PRACTITIONER = columns(practitioners, PractitionerRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*PRACTITIONER).where(practitioners_in(scope))


def _matching(scope: DataScope, where: RegisteredFilter) -> Select[Any]:
    table = practitioners.c
    return _visible(scope).where(
        *one_of((table.provider_cnes, where.providers)),
        *has_words(where.words, table.name, table.number),
        *active(where.is_active, table.deactivated_at),
    )


@query(PractitionerRecord)
def page(scope: DataScope, where: RegisteredFilter, keyset: Keyset) -> Select[Any]:
    """One page of the practitioners of the scope's providers."""
    return keyset.apply(_matching(scope, where))


@query_total(row_count)
def count(scope: DataScope, where: RegisteredFilter) -> Select[Any]:
    """How many practitioners of the scope's providers match the filter."""
    return count_of(_matching(scope, where))


@query(PractitionerRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The practitioners with these ids, of the scope's providers."""
    return _visible(scope).where(practitioners.c.id.in_(ids))


@query_one(PractitionerRecord)
def lock(scope: DataScope, practitioner_id: str) -> Select[Any]:
    """The practitioner of one of the scope's providers, locked until the transaction ends."""
    return _visible(scope).where(practitioners.c.id == practitioner_id).with_for_update()


@query_one(PractitionerRecord)
def by_number(provider: str, council: str, number: str, state: str) -> Select[Any]:
    """The practitioner of this provider with the number, without a data scope: the caller asks it for the provider."""
    table = practitioners.c
    is_number = (table.council == council, table.number == number, table.state == state)
    return select(*PRACTITIONER).where(table.provider_cnes == provider, *is_number)


async def insert_practitioner(connection: AsyncConnection, practitioner: PractitionerRecord) -> None:
    """A new practitioner; IntegrityError if the provider has one with the number."""
    await insert_records(connection, practitioners, [practitioner])


async def update_practitioner(connection: AsyncConnection, practitioner: PractitionerRecord) -> None:
    """Write the whole row of a practitioner that the caller has locked."""
    await update_record(connection, practitioners, practitioner)
