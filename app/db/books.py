"""Queries on the books as they were last added up: sums by month, provider and payer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.book_tables import book_months, book_sums
from app.db.engine import run
from app.db.records import columns
from app.db.statements import query
from app.db.sums import total
from app.db.tables import claims, invoices
from app.domain.money import Cents
from app.domain.reconciliation import Reconciliation

Parties = tuple[str, str]
"""CNES and registro ANS."""
PARTS = tuple(field.name for field in fields(Reconciliation))


@dataclass(frozen=True, slots=True)
class MonthRecord:
    """A month such as `202611`: when it was last begun, and when its sums were stored."""

    month: str
    taken_at: datetime
    proven_at: datetime | None


@query(MonthRecord)
def months() -> Select[Any]:
    """The months that were ever begun."""
    return select(*columns(book_months, MonthRecord)).order_by(book_months.c.month)


async def first_moment(connection: AsyncConnection) -> datetime | None:
    """Nothing was billed before; None if nothing was billed. Found by indexes."""
    moments = [
        (await connection.execute(select(func.min(column)))).scalar_one()
        for column in (claims.c.submitted_at, invoices.c.created_at)
    ]
    return min((each for each in moments if each is not None), default=None)


async def take(connection: AsyncConnection, month: str, seen: MonthRecord | None, now: datetime) -> bool:
    """Begin a month; False if another process has begun it since it was seen."""
    if seen is None:
        try:
            await run(connection, insert(book_months), [{"month": month, "taken_at": now}])
        except IntegrityError:
            return False
        return True
    mine = update(book_months).where(book_months.c.month == month, book_months.c.taken_at == seen.taken_at)
    return (await connection.execute(mine.values(taken_at=now))).rowcount == 1


async def store(connection: AsyncConnection, month: str, sums: Mapping[Parties, Reconciliation], now: datetime) -> None:
    """Replace the sums of a month."""
    await run(connection, delete(book_sums).where(book_sums.c.month == month))
    rows = [
        {
            "month": month,
            "provider_cnes": provider,
            "payer_ans": payer,
            **{name: getattr(books, name) for name in PARTS},
        }
        for (provider, payer), books in sums.items()
    ]
    if rows:
        await run(connection, insert(book_sums), rows)
    await run(connection, update(book_months).where(book_months.c.month == month).values(proven_at=now))


async def totals(connection: AsyncConnection) -> Reconciliation:
    """The sum of all months, providers and payers."""
    row: Sequence[Any] = (await connection.execute(select(*(total(book_sums.c[name]) for name in PARTS)))).one()
    return Reconciliation(*(Cents(int(value)) for value in row))
