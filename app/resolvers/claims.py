"""Resolvers for claims."""

from datetime import date, datetime
from typing import Final

from app.db import claims, history, invoices, tables
from app.db.claims import ClaimRecord
from app.db.history import ClaimStep
from app.db.invoices import InvoiceRecord
from app.domain.access_log import DataClass
from app.domain.calendar import business_day
from app.domain.claim_form import ClaimForm
from app.domain.described import DescribedEnum
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, ScopedList, order_by
from app.services import preflight, readiness
from app.services.preflight import ClaimIdentity, Preflight


class ClaimOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of creation."
    SERVICE_DATE = "SERVICE_DATE", "Day of the service."
    CLAIMED_AMOUNT = "CLAIMED_AMOUNT", "Claimed amount. Needs `amounts:read`."


ORDERS: Final[dict[ClaimOrderField, Order[ClaimRecord]]] = {
    ClaimOrderField.CREATED_AT: order_by(tables.claims, "created_at", datetime),
    ClaimOrderField.SERVICE_DATE: order_by(tables.claims, "service_date", date),
    ClaimOrderField.CLAIMED_AMOUNT: order_by(tables.claims, "claimed_cents", int),
}
NEWEST_FIRST: Final = order_by(tables.claims, "created_at", datetime, descending=True)


PREFLIGHT: Final = "claimPreflight"
HISTORY: Final[NestedList[ClaimStep]] = NestedList(
    "Claim.history", history.OF_CLAIM, order_by(tables.claim_history, "id", str)
)
INVOICES: Final[NestedList[InvoiceRecord]] = NestedList(
    "Claim.invoices", invoices.OF_CLAIM, order_by(tables.invoices, "id", str)
)
CLAIMS: Final = ScopedList("claims", claims.page, claims.count, claims.sums)


async def examine(ctx: Context, form: ClaimForm) -> Preflight:
    """The payer's possible objections to a claim that is not stored. Whether its card exists is recorded either way."""
    await ctx.unknown_cards.admit(ctx.caller)
    today = business_day(ctx.now())
    async with ctx.database.reading() as connection:
        found = await preflight.examine(connection, scope=ctx.scope, form=form, identity=ClaimIdentity(), today=today)
    if found.is_card_unknown:
        await ctx.note_unknown_card(PREFLIGHT)
    elif found.checked is not None:
        ctx.notes.operation = ctx.notes.operation or PREFLIGHT
        ctx.notes.reveal(DataClass.PERSONAL.value, found.checked.coverage)
    return await readiness.checked(found, form)


async def examine_stored(ctx: Context, claim_id: str) -> Preflight:
    """The payer's possible objections to a stored claim; NOT_FOUND if it is not in the caller's data scope."""
    today = business_day(ctx.now())
    async with ctx.database.reading() as connection:
        children = ctx.changes.children
        return await readiness.of_claim(connection, children, scope=ctx.scope, claim_id=claim_id, today=today)
