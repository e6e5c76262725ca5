"""Queries on glosas (denials) and the appeals against them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run, scalar
from app.db.paging import Keyset
from app.db.replacements import is_replaced
from app.db.scoping import claims_in
from app.db.tables import claims, glosas, invoice_lines
from app.domain.glosas import WON, GlosaStatus, Shares, shares
from app.domain.money import Cents
from app.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class GlosaRecord:
    id: str
    claim_id: str
    item_id: str
    code: str
    amount_cents: int
    status: GlosaStatus
    created_at: datetime
    appeal_deadline: date
    appealed_cents: int | None = None
    justification: str | None = None
    appealed_at: datetime | None = None
    answered_cents: int | None = None
    payer_justification: str | None = None
    answered_at: datetime | None = None

    @property
    def shares(self) -> Shares:
        """What of the amount is in dispute, won or lost."""
        answered = None if self.answered_cents is None else Cents(self.answered_cents)
        appealed = None if self.appealed_cents is None else Cents(self.appealed_cents)
        return shares(self.status, Cents(self.amount_cents), appealed, answered)


@dataclass(frozen=True, slots=True)
class GlosaFilter:
    """Every given part must hold; `deadline_before` leaves its own day out."""

    status: tuple[GlosaStatus, ...] | None = None
    payer: str | None = None
    provider: str | None = None
    code: str | None = None
    deadline_before: date | None = None


GLOSA = tuple(glosas.c[name] for name in GlosaRecord.__dataclass_fields__)
DISPUTED: ColumnElement[int] = case(
    (glosas.c.status == GlosaStatus.OPEN, glosas.c.amount_cents),
    (glosas.c.status == GlosaStatus.APPEALED, func.coalesce(glosas.c.appealed_cents, 0)),
    else_=0,
)
"""The part of a glosa that is still fought for, as `shares` divides it."""
RECOVERED: ColumnElement[int] = func.coalesce(glosas.c.answered_cents, 0)
"""The part of a glosa that an appeal won."""


def _visible(scope: Scope) -> Select[Any]:
    return select(*GLOSA).join(claims, claims.c.id == glosas.c.claim_id).where(claims_in(scope))


async def by_ids(connection: AsyncConnection, scope: Scope, ids: Sequence[str]) -> list[GlosaRecord]:
    """The glosas of these ids whose claims the scope holds."""
    return await fetch(connection, _visible(scope).where(glosas.c.id.in_(ids)), GlosaRecord)


async def one(connection: AsyncConnection, scope: Scope, glosa_id: str) -> GlosaRecord | None:
    """One glosa; the lock on its claim protects it."""
    return await fetch_one(connection, _visible(scope).where(glosas.c.id == glosa_id), GlosaRecord)


async def of_items(connection: AsyncConnection, scope: Scope, item_ids: Sequence[str]) -> list[GlosaRecord]:
    """The glosas of these items, oldest first."""
    return await fetch(
        connection, _visible(scope).where(glosas.c.item_id.in_(item_ids)).order_by(glosas.c.id), GlosaRecord
    )


async def of_claims(connection: AsyncConnection, scope: Scope, claim_ids: Sequence[str]) -> list[GlosaRecord]:
    """The glosas of these claims, oldest first."""
    query = _visible(scope).where(glosas.c.claim_id.in_(claim_ids)).order_by(glosas.c.id)
    return await fetch(connection, query, GlosaRecord)


async def page(connection: AsyncConnection, scope: Scope, where: GlosaFilter, keyset: Keyset) -> list[GlosaRecord]:
    """One page of the glosas that the scope holds."""
    return await fetch(connection, keyset.apply(_visible(scope).where(*_conditions(where))), GlosaRecord)


async def count(connection: AsyncConnection, scope: Scope, where: GlosaFilter) -> int:
    """How many glosas the filter holds within the scope."""
    return int(await scalar(connection, _over(func.count(), scope, where)))


async def open_cents(connection: AsyncConnection, scope: Scope, where: GlosaFilter) -> int:
    """Cents of the filter's glosas that are lost unless somebody appeals: open ones, of claims that still count."""
    total = func.coalesce(func.sum(glosas.c.amount_cents), 0)
    at_risk = (glosas.c.status == GlosaStatus.OPEN, ~is_replaced())
    return int(await scalar(connection, _over(total, scope, where).where(*at_risk)))


def _over(column: ColumnElement[Any], scope: Scope, where: GlosaFilter) -> Select[Any]:
    query = select(column).select_from(glosas).join(claims, claims.c.id == glosas.c.claim_id)
    return query.where(claims_in(scope), *_conditions(where))


async def insert_glosas(connection: AsyncConnection, rows: Sequence[GlosaRecord]) -> None:
    """The denials of one decision."""
    await run(connection, insert(glosas), [asdict(row) for row in rows])


async def update_glosa(connection: AsyncConnection, glosa: GlosaRecord) -> None:
    """Write the whole row of a glosa whose claim is locked."""
    values = asdict(glosa)
    await run(connection, update(glosas).where(glosas.c.id == values.pop("id")).values(**values))


async def overdue_claims(connection: AsyncConnection, day: date, limit: int) -> list[str]:
    """Claims with an open glosa whose last appeal day is before this day."""
    late = (glosas.c.status == GlosaStatus.OPEN, glosas.c.appeal_deadline < day)
    query = select(glosas.c.claim_id).where(*late).distinct().order_by(glosas.c.claim_id).limit(limit)
    return [row[0] for row in (await connection.execute(query)).all()]


async def won_and_unbilled(
    connection: AsyncConnection, scope: Scope, provider: str, payer: str, limit: int
) -> list[GlosaRecord]:
    """Won appeals of this provider with this payer that stand on no living invoice, oldest first.

    A claim that another one replaces is billed by that one.
    """
    billed = select(invoice_lines.c.id).where(invoice_lines.c.billed_glosa_id == glosas.c.id)
    query = (
        _visible(scope)
        .where(claims.c.provider_cnes == provider, claims.c.payer_ans == payer)
        .where(glosas.c.status.in_(sorted(WON)), ~billed.exists(), ~is_replaced())
    )
    return await fetch(connection, query.order_by(glosas.c.id).limit(limit), GlosaRecord)


def _conditions(where: GlosaFilter) -> list[ColumnElement[bool]]:
    equal = (
        (claims.c.payer_ans, where.payer),
        (claims.c.provider_cnes, where.provider),
        (glosas.c.code, where.code),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if where.status is not None:
        found.append(glosas.c.status.in_(where.status))
    if where.deadline_before is not None:
        found.append(glosas.c.appeal_deadline < where.deadline_before)
    return found
