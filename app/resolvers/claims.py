"""Resolvers for claims."""

from datetime import date, datetime
from typing import Final

from app.db import claims, history, invoices, tables
from app.db.claims import ClaimFilter, ClaimRecord
from app.db.history import ClaimStep
from app.db.invoices import InvoiceRecord
from app.domain.access_log import DataClass
from app.domain.calendar import business_day
from app.domain.claim_form import ClaimForm
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, Page, ScopedList, order_by
from app.services import preflight
from app.services.preflight import ClaimIdentity, Preflight


class ClaimOrder(DescribedEnum):
    NEWEST_FIRST = "NEWEST_FIRST", "By creation, latest first."
    OLDEST_FIRST = "OLDEST_FIRST", "By creation, earliest first."
    SERVICE_DATE_ASC = "SERVICE_DATE_ASC", "By service date, earliest first."
    SERVICE_DATE_DESC = "SERVICE_DATE_DESC", "By service date, latest first."
    CLAIMED_AMOUNT_ASC = "CLAIMED_AMOUNT_ASC", "By claimed amount, smallest first. Needs `amounts:read`."
    CLAIMED_AMOUNT_DESC = "CLAIMED_AMOUNT_DESC", "By claimed amount, largest first. Needs `amounts:read`."


ORDERS: dict[ClaimOrder, Order[ClaimRecord]] = {
    ClaimOrder.NEWEST_FIRST: order_by(tables.claims, "created_at", datetime, descending=True),
    ClaimOrder.OLDEST_FIRST: order_by(tables.claims, "created_at", datetime, descending=False),
    ClaimOrder.SERVICE_DATE_ASC: order_by(tables.claims, "service_date", date, descending=False),
    ClaimOrder.SERVICE_DATE_DESC: order_by(tables.claims, "service_date", date, descending=True),
    ClaimOrder.CLAIMED_AMOUNT_ASC: order_by(tables.claims, "claimed_cents", int, descending=False),
    ClaimOrder.CLAIMED_AMOUNT_DESC: order_by(tables.claims, "claimed_cents", int, descending=True),
}


PREFLIGHT: Final = "claimPreflight"
HISTORY: Final[NestedList[ClaimStep]] = NestedList(
    "Claim.history", history.OF_CLAIM, order_by(tables.claim_history, "id", str, descending=False)
)
INVOICES: Final[NestedList[InvoiceRecord]] = NestedList(
    "Claim.invoices", invoices.OF_CLAIM, order_by(tables.invoices, "id", str, descending=False)
)
CLAIMS: Final = ScopedList("claims", claims.page, claims.count)


async def page(
    ctx: Context, *, where: ClaimFilter, order: ClaimOrder, first: int, after: str | None
) -> Page[ClaimRecord]:
    """A page of claims in the caller's data scope."""
    return await CLAIMS.page(ctx, where, ORDERS[order], first=first, after=after)


async def examine(ctx: Context, form: ClaimForm) -> Preflight:
    """The payer's possible objections to a claim that is not stored. Whether its card exists is recorded either way."""
    await ctx.unknown_cards.admit(ctx.caller)
    today = business_day(ctx.now())
    async with ctx.database.reading() as connection:
        found = await preflight.examine(connection, scope=ctx.scope, form=form, identity=ClaimIdentity(), today=today)
    if any(failure.is_unknown_card for failure in found.failures):
        await ctx.note_unknown_card(PREFLIGHT)
    elif found.checked is not None:
        ctx.notes.operation = ctx.notes.operation or PREFLIGHT
        ctx.notes.reveal(DataClass.PERSONAL.value, found.checked.coverage)
    return found


async def examine_stored(ctx: Context, claim_id: str) -> Preflight:
    """The payer's possible objections to a stored claim; NOT_FOUND if it is not in the caller's data scope."""
    today = business_day(ctx.now())
    async with ctx.database.reading() as connection:
        return await preflight.of_claim(connection, scope=ctx.scope, claim_id=claim_id, today=today)
