"""Queries on templates of justifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.appeal_tables import appeal_templates
from app.db.counting import row_count
from app.db.engine import run
from app.db.filters import Condition, one_of
from app.db.pages import Chosen
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.scoping import appeal_templates_in, parties_of
from app.db.statements import query, query_one, query_total
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class AppealTemplateRecord:
    id: str
    provider_cnes: str
    code: str
    text: str
    version: int
    created_by: str
    created_at: datetime
    changed_at: datetime

    @property
    def updated_at(self) -> datetime:
        """The time of its last change."""
        return self.changed_at


@frozen
class AppealTemplateFilter:
    """A template matches when every given part does."""

    ids: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    codes: tuple[str, ...] | None = None


TEMPLATE = columns(appeal_templates, AppealTemplateRecord)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*TEMPLATE).where(appeal_templates_in(scope))


@query(AppealTemplateRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The templates with these ids within the scope."""
    return _visible(scope).where(appeal_templates.c.id.in_(ids))


@query_one(AppealTemplateRecord)
def lock(scope: DataScope, template_id: str) -> Select[Any]:
    """The template within the scope, locked until the transaction ends."""
    return _visible(scope).where(appeal_templates.c.id == template_id).with_for_update()


@query(AppealTemplateRecord)
def page(scope: DataScope, where: AppealTemplateFilter, keyset: Keyset) -> Select[Any]:
    """One page of the templates within the scope."""
    return _chosen(scope, where).page(TEMPLATE, keyset)


@query_total(row_count)
def count(scope: DataScope, where: AppealTemplateFilter) -> Select[Any]:
    """How many templates within the scope match the filter."""
    return _chosen(scope, where).count()


def _chosen(scope: DataScope, where: AppealTemplateFilter) -> Chosen:
    table = appeal_templates.c
    (providers, _) = parties_of(scope, table.provider_cnes, where.providers, table.code, None)
    conditions = [appeal_templates_in(scope), *_conditions(where)]
    return Chosen(appeal_templates, conditions, [providers, (table.code, where.codes)])


async def insert_template(connection: AsyncConnection, template: AppealTemplateRecord) -> None:
    """A new template."""
    await insert_records(connection, appeal_templates, [template])


async def update_template(connection: AsyncConnection, template: AppealTemplateRecord) -> None:
    """Write the whole row of a template that the caller has locked."""
    await update_record(connection, appeal_templates, template)


async def delete_template(connection: AsyncConnection, template_id: str) -> None:
    """Delete a template that the caller has locked."""
    await run(connection, delete(appeal_templates).where(appeal_templates.c.id == template_id))


def _conditions(where: AppealTemplateFilter) -> list[Condition]:
    table = appeal_templates.c
    return one_of((table.id, where.ids), (table.provider_cnes, where.providers), (table.code, where.codes))
