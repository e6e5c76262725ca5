"""Resolvers for sums by payer, provider, month or denial code."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import breakdowns
from app.db.breakdowns import KEY_COLUMN, BillingGroup, DenialGroup, GroupedFilter, Grouping
from app.db.counting import RowCount
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.domain.breakdown import MONTHS_MAX, BillingDimension, DenialDimension, number_of_months
from app.domain.errors import ErrorCode, refuse
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, Slice, read_page
from app.services import reconciliation as month_sums

BY_KEY: Final[Order[Any]] = Order(
    KEY_COLUMN, KEY_COLUMN, descending=False, value=attrgetter("key"), key=attrgetter("key"), kind=str
)


async def billing(
    ctx: Context, *, by: Sequence[BillingDimension], where: LedgerFilter, at: Slice
) -> Page[BillingGroup]:
    """A page of what has become of the billed amounts in the caller's data scope, in the order of the groups' keys: as
    `reconciliation`, from the sums of the months that have not changed and the rows of the others.

    INVALID_INPUT for dimensions that are missing or repeated, and for months without a period of at most 60 months.
    """
    wanted = GroupedFilter(_grouping(by, where), where)

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[BillingGroup]:
        return await month_sums.billing_groups(connection, ctx.scope, wanted, keyset, ctx.now())

    async def count(connection: AsyncConnection) -> RowCount:
        return RowCount(await month_sums.count_billing_groups(connection, ctx.scope, wanted, ctx.now()))

    request = PageRequest(at, ("billingBreakdown", wanted))
    return await read_page(ctx, request, BY_KEY, rows=rows, count=count, reading=ctx.database.snapshot)


async def denials(ctx: Context, *, by: Sequence[DenialDimension], where: LedgerFilter, at: Slice) -> Page[DenialGroup]:
    """A page of the denials in the caller's data scope, in the order of the groups' keys; errors as `billing`, and
    INVALID_INPUT for more claims than the database adds up in its time.

    Their rows are added up: the books are kept by provider, payer and month, and to keep them by code, procedure and
    practitioner too would be about as many sums as denials. The claims of the period are found by an index of the
    provider or payer and the day of submission, their denials by one of the claim.
    """
    wanted = GroupedFilter(_grouping(by, where), where)

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[DenialGroup]:
        await month_sums.check_size(connection, ctx.scope, where)
        return await breakdowns.denial_groups(connection, ctx.scope, wanted, keyset)

    async def count(connection: AsyncConnection) -> RowCount:
        return RowCount(await breakdowns.count_denial_groups(connection, ctx.scope, wanted))

    return await read_page(ctx, PageRequest(at, ("denialBreakdown", wanted)), BY_KEY, rows=rows, count=count)


def _grouping(by: Sequence[BillingDimension | DenialDimension], where: LedgerFilter) -> Grouping:
    if not by or len(set(by)) < len(by):
        raise refuse(ErrorCode.INVALID_INPUT, "name at least one dimension, each once", "groupBy")
    if BillingDimension.MONTH in by or DenialDimension.MONTH in by:
        months = number_of_months(where.period)
        if months is None or months > MONTHS_MAX:
            raise refuse(ErrorCode.INVALID_INPUT, f"months need a period of at most {MONTHS_MAX} months", "period")
    return Grouping(tuple(each.value for each in by), where.period)
