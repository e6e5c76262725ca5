"""Queries on the mappings of payers' spreadsheets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import row_count
from app.db.engine import run
from app.db.filters import Condition, one_of
from app.db.mapping_tables import statement_mappings
from app.db.pages import Chosen
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.scoping import mappings_in, parties_of
from app.db.statements import query, query_one, query_total
from app.domain.data_scope import DataScope
from app.domain.sheet_columns import MappedColumn
from app.values.frozen import frozen

OF_PARTIES_MAX: Final = 200
"""How many mappings of one provider and payer are looked through, the latest first."""


@frozen
class StatementMappingRecord:
    id: str
    provider_cnes: str
    payer_ans: str
    header_digest: str
    mapped_columns: tuple[MappedColumn, ...]
    version: int
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime

    @property
    def updated_at(self) -> datetime:
        """The time of its last change."""
        return self.changed_at


@frozen
class StatementMappingFilter:
    """A mapping matches when every given part does."""

    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None


MAPPING = columns(statement_mappings, StatementMappingRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*MAPPING).where(mappings_in(scope))


@query(StatementMappingRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The mappings with these ids within the scope."""
    return _visible(scope).where(statement_mappings.c.id.in_(ids))


@query(StatementMappingRecord)
def of_parties(scope: DataScope, provider: str, payer: str) -> Select[Any]:
    """The latest mappings of this provider and payer within the scope."""
    table = statement_mappings.c
    own = _visible(scope).where(table.provider_cnes == provider, table.payer_ans == payer)
    return own.order_by(table.id.desc()).limit(OF_PARTIES_MAX)


@query_one(StatementMappingRecord)
def lock(scope: DataScope, mapping_id: str) -> Select[Any]:
    """The mapping within the scope, locked until the transaction ends."""
    return _visible(scope).where(statement_mappings.c.id == mapping_id).with_for_update()


@query_one(StatementMappingRecord)
def lock_of_headers(scope: DataScope, provider: str, payer: str, header_digest: str) -> Select[Any]:
    """The mapping for these headers within the scope, locked until the transaction ends."""
    table = statement_mappings.c
    own = _visible(scope).where(table.provider_cnes == provider, table.payer_ans == payer)
    return own.where(table.header_digest == header_digest).with_for_update()


@query(StatementMappingRecord)
def page(scope: DataScope, where: StatementMappingFilter, keyset: Keyset) -> Select[Any]:
    """One page of the mappings within the scope."""
    return _chosen(scope, where).page(MAPPING, keyset)


@query_total(row_count)
def count(scope: DataScope, where: StatementMappingFilter) -> Select[Any]:
    """How many mappings within the scope match the filter."""
    return _chosen(scope, where).count()


def _chosen(scope: DataScope, where: StatementMappingFilter) -> Chosen:
    table = statement_mappings.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return Chosen(statement_mappings, [mappings_in(scope), *_conditions(where)], parties)


async def insert_mapping(connection: AsyncConnection, mapping: StatementMappingRecord) -> None:
    """A new mapping; IntegrityError if there is one for these headers."""
    await insert_records(connection, statement_mappings, [mapping])


async def update_mapping(connection: AsyncConnection, mapping: StatementMappingRecord) -> None:
    """Write the whole row of a mapping that the caller has locked."""
    await update_record(connection, statement_mappings, mapping)


async def delete_mapping(connection: AsyncConnection, mapping_id: str) -> None:
    """Delete a mapping that the caller has locked."""
    await run(connection, delete(statement_mappings).where(statement_mappings.c.id == mapping_id))


def _conditions(where: StatementMappingFilter) -> list[Condition]:
    table = statement_mappings.c
    return one_of((table.id, where.ids), (table.provider_cnes, where.providers), (table.payer_ans, where.payers))
