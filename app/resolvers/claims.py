"""How claim fields and mutations are met: pages, and one transaction per action."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db.claims import ClaimFilter, ClaimRecord
from app.db.paging import Keyset
from app.db.tables import claims as table
from app.domain.calendar import business_day
from app.domain.claim_form import ClaimData
from app.domain.claims import ItemDecision
from app.domain.errors import ErrorCode, refuse
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, order_by, read_page
from app.services import batch_export as tiss_export
from app.services import claims, preflight, reviews
from app.services.batch_export import Batch
from app.services.claims import Submission
from app.services.preflight import Own, Preflight
from app.unit_of_work.idempotency import Written

CLAIM = TypeAdapter(ClaimRecord)
SUBMISSIONS = TypeAdapter(list[Submission])
BATCH = TypeAdapter(Batch)


class ClaimOrder(StrEnum):
    NEWEST_FIRST = "NEWEST_FIRST"
    OLDEST_FIRST = "OLDEST_FIRST"
    SERVICE_DATE_ASC = "SERVICE_DATE_ASC"
    SERVICE_DATE_DESC = "SERVICE_DATE_DESC"
    CLAIMED_AMOUNT_ASC = "CLAIMED_AMOUNT_ASC"
    CLAIMED_AMOUNT_DESC = "CLAIMED_AMOUNT_DESC"


ORDERS: dict[ClaimOrder, Order[ClaimRecord]] = {
    ClaimOrder.NEWEST_FIRST: order_by(table, "created_at", datetime, descending=True),
    ClaimOrder.OLDEST_FIRST: order_by(table, "created_at", datetime, descending=False),
    ClaimOrder.SERVICE_DATE_ASC: order_by(table, "service_date", date, descending=False),
    ClaimOrder.SERVICE_DATE_DESC: order_by(table, "service_date", date, descending=True),
    ClaimOrder.CLAIMED_AMOUNT_ASC: order_by(table, "claimed_cents", int, descending=False),
    ClaimOrder.CLAIMED_AMOUNT_DESC: order_by(table, "claimed_cents", int, descending=True),
}


async def page(
    ctx: Context, *, where: ClaimFilter, order: ClaimOrder, first: int, after: str | None
) -> Page[ClaimRecord]:
    """One page of the caller's claims."""

    async def rows(connection: AsyncConnection, keyset: Keyset) -> list[ClaimRecord]:
        return await claims_db.page(connection, ctx.scope, where, keyset)

    async def count(connection: AsyncConnection) -> int:
        return await claims_db.count(connection, ctx.scope, where)

    request = PageRequest(first, after, ("claims", asdict(where), order))
    return await read_page(ctx.database, request, ORDERS[order], rows=rows, count=count)


async def create(ctx: Context, *, data: ClaimData, is_submitted: bool, key: str | None) -> Written[ClaimRecord]:
    """Create a claim once per key."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await claims.create(connection, data=data, is_submitted=is_submitted, **ctx.acting())

    request = {"data": asdict(data), "submit": is_submitted}
    return await ctx.write_once("createClaim", key=key, request=request, answer=CLAIM, work=work)


async def update_draft(
    ctx: Context, *, claim_id: str, changes: dict[str, Any], version: int | None, key: str | None
) -> Written[ClaimRecord]:
    """Change a draft."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await claims.update_draft(
            connection, claim_id=claim_id, changes=changes, version=version, **ctx.acting()
        )

    request = [claim_id, version, _plain(changes)]
    return await ctx.write_once("updateDraftClaim", key=key, request=request, answer=CLAIM, work=work)


async def replace(
    ctx: Context, *, claim_id: str, changes: dict[str, Any], is_submitted: bool, key: str | None
) -> Written[ClaimRecord]:
    """Put a corrected claim in the place of a decided one, once per key."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await claims.replace_claim(
            connection, claim_id=claim_id, changes=changes, is_submitted=is_submitted, **ctx.acting()
        )

    request = [claim_id, is_submitted, _plain(changes)]
    return await ctx.write_once("replaceClaim", key=key, request=request, answer=CLAIM, work=work)


def _plain(changes: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in changes.items()}


async def submit_many(ctx: Context, *, claim_ids: Sequence[str], key: str | None) -> Written[list[Submission]]:
    """Submit a batch, with a result for each claim."""

    async def work(connection: AsyncConnection) -> list[Submission]:
        return await claims.submit_many(connection, claim_ids=claim_ids, **ctx.acting())

    return await ctx.write_once("submitClaims", key=key, request=list(claim_ids), answer=SUBMISSIONS, work=work)


async def cancel(
    ctx: Context, *, claim_id: str, version: int | None, reason: str | None, key: str | None
) -> Written[ClaimRecord]:
    """Withdraw a claim."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await claims.cancel(connection, claim_id=claim_id, version=version, reason=reason, **ctx.acting())

    request = [claim_id, version, reason]
    return await ctx.write_once("cancelClaim", key=key, request=request, answer=CLAIM, work=work)


async def start_review(ctx: Context, *, claim_id: str, version: int | None, key: str | None) -> Written[ClaimRecord]:
    """Take a claim into review."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await reviews.start(connection, claim_id=claim_id, version=version, **ctx.acting())

    return await ctx.write_once("startReview", key=key, request=[claim_id, version], answer=CLAIM, work=work)


async def request_information(
    ctx: Context, *, claim_id: str, reason: str, version: int | None, key: str | None
) -> Written[ClaimRecord]:
    """Halt a review until the provider has answered."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await reviews.request_information(
            connection, claim_id=claim_id, reason=reason, version=version, **ctx.acting()
        )

    request = [claim_id, reason, version]
    return await ctx.write_once("requestInformation", key=key, request=request, answer=CLAIM, work=work)


async def adjudicate(
    ctx: Context,
    *,
    claim_id: str,
    decisions: Sequence[ItemDecision],
    payer_claim_number: str | None,
    version: int | None,
    key: str | None,
) -> Written[ClaimRecord]:
    """Decide a claim item by item."""

    async def work(connection: AsyncConnection) -> ClaimRecord:
        return await reviews.adjudicate(
            connection,
            claim_id=claim_id,
            decisions=decisions,
            payer_claim_number=payer_claim_number,
            version=version,
            **ctx.acting(),
        )

    request = [claim_id, [asdict(decision) for decision in decisions], payer_claim_number, version]
    return await ctx.write_once("adjudicateClaim", key=key, request=request, answer=CLAIM, work=work)


async def examine(ctx: Context, *, data: ClaimData | None, claim_id: str | None) -> Preflight:
    """What a payer would object to, in a claim that is kept or one that is only an input."""
    today = business_day(ctx.now())
    async with ctx.database.reading() as connection:
        if claim_id is not None:
            return await preflight.of_claim(connection, scope=ctx.scope, claim_id=claim_id, today=today)
        if data is None:
            raise refuse(ErrorCode.INVALID_INPUT, "give an input or a claim id", "input")
        return await preflight.examine(connection, scope=ctx.scope, data=data, own=Own(), today=today)


async def export_batch(ctx: Context, *, claim_ids: Sequence[str], key: str | None) -> Written[Batch]:
    """The claims as a TISS batch document, once per key."""

    async def work(connection: AsyncConnection) -> Batch:
        return await tiss_export.export(connection, scope=ctx.scope, claim_ids=claim_ids, now=ctx.now())

    return await ctx.write_once("exportBatch", key=key, request=list(claim_ids), answer=BATCH, work=work)
