"""Resolvers for the access log and for emergency access."""

from datetime import datetime
from operator import attrgetter
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import access_log, access_log_tables, emergency, merged_patients
from app.db.access_log import PersonAccess
from app.db.counting import RowCount
from app.db.emergency import EmergencyRecord
from app.db.paging import Keyset
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, Slice, order_by, read_page


class AccessLogOrderField(DescribedEnum):
    AT = "AT", "Time of the access."


class EmergencyAccessOrderField(DescribedEnum):
    GRANTED_AT = "GRANTED_AT", "Time at which the access started."


LATEST_ENTRIES: Order[PersonAccess] = Order(
    access_log_tables.access_log_persons.c.at,
    access_log_tables.access_log_persons.c.entry_id,
    descending=True,
    value=attrgetter("at"),
    key=attrgetter("id"),
)
LATEST_ACCESSES: Order[EmergencyRecord] = order_by(
    access_log_tables.emergency_accesses, "granted_at", datetime, descending=True
)
ENTRY_ORDERS: Final[dict[AccessLogOrderField, Order[PersonAccess]]] = {AccessLogOrderField.AT: LATEST_ENTRIES}
ACCESS_ORDERS: Final[dict[EmergencyAccessOrderField, Order[EmergencyRecord]]] = {
    EmergencyAccessOrderField.GRANTED_AT: LATEST_ACCESSES
}


async def own_log(ctx: Context, *, order: Order[PersonAccess], at: Slice) -> Page[PersonAccess]:
    """A page of accesses to the calling patient's data; empty if the token names no patient."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[PersonAccess]:
        own = await _own(ctx, connection)
        return await access_log.page(connection, own, keyset) if own else []

    async def count(connection: AsyncConnection) -> RowCount:
        own = await _own(ctx, connection)
        return await access_log.count(connection, own) if own else RowCount(0)

    request = PageRequest(at, ("myAccessLog", ctx.scope.patient, order.descending))
    return await read_page(ctx, request, order, rows=rows, count=count)


async def own_entry(ctx: Context, entry_id: str) -> PersonAccess | None:
    """The access to the calling patient's data with this id."""
    async with ctx.database.reading() as connection:
        own = await _own(ctx, connection)
        return await access_log.of_person(connection, own, entry_id) if own else None


async def _own(ctx: Context, connection: AsyncConnection) -> tuple[str, ...]:
    """The digests under which the calling patient is in the log, several after a merge; none if the token names no
    patient."""
    patient = ctx.scope.patient
    # Changes that concern no person are stored under an empty one, so that must not be asked for.
    if patient is None:
        return ()
    known = sorted({patient, *await merged_patients.all_ids(connection, patient)})
    return tuple(ctx.access_log.key.pseudonym(each) for each in known)


async def emergency_accesses(ctx: Context, *, order: Order[EmergencyRecord], at: Slice) -> Page[EmergencyRecord]:
    """A page of the emergency accesses to patients of the caller's data scope."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[EmergencyRecord]:
        return await emergency.page(connection, ctx.scope, keyset)

    async def count(connection: AsyncConnection) -> RowCount:
        return await emergency.count(connection, ctx.scope)

    request = PageRequest(at, ("emergencyAccesses", order.descending))
    return await read_page(ctx, request, order, rows=rows, count=count)
