"""The books are added up month by month, and kept by provider and payer: the sum of all months is that of all rows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from app.db import books as books_db
from app.db import reconciliation as reconciliation_db
from app.db.book_tables import book_months, book_sums
from app.db.engine import Database, DatabaseUnavailable
from app.db.reconciliation import LedgerFilter
from app.db.tables import claims, outbox
from app.domain.breakdown import month_of
from app.domain.data_scope import EVERYTHING
from app.domain.money import format_money
from app.domain.reconciliation import Period, Reconciliation
from app.services import books
from app.services.books import Proof
from tests.events.inbox_post import until
from tests.factories import World, key, new_world, today
from tests.gateway import Gateway, running_gateway, server_settings, with_driver
from tests.services import Services

ALL = timedelta(0)


@pytest.fixture(scope="module")
async def alone(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway on a database of its own."""
    settings = await server_settings(tmp_path_factory.mktemp("books"), services)
    async with running_gateway(with_driver(settings, "aiomysql")) as gateway:
        yield gateway


async def _proof(gateway: Gateway, *, fresh: timedelta = ALL) -> Proof:
    proof = await books.prove(gateway.database, datetime.now(UTC), fresh=fresh)
    assert proof is not None
    return proof


async def _at_once(database: Database) -> Reconciliation:
    async with database.snapshot() as connection:
        return await reconciliation_db.reconcile(connection, EVERYTHING, LedgerFilter())


async def _submitted(gateway: Gateway, claim_id: str, ago: timedelta) -> None:
    """Let the claim have been submitted some time ago."""
    moment = datetime.now(UTC) - ago
    changed = update(claims).where(claims.c.id == claim_id).values(submitted_at=moment)
    await gateway.database.transact(lambda connection: connection.execute(changed))


async def _life(world: World) -> None:
    """Claims of several months in several states, one of them paid in part, one denied."""
    invoice = await world.issued_invoice("100.00")
    await world.settle(invoice["id"], "40.00")
    old = await world.claim_in_review()
    await _submitted(world.gateway, old["id"], timedelta(days=70))
    denied = {"sequence": 1, "approvedAmount": "30.00", "denials": [{"code": "1801", "amount": "70.00"}]}
    assert (await world.adjudicate(old["id"], [denied]))["errors"] == []
    await world.submitted_claim()


async def test_the_sum_of_the_months_is_that_of_all_rows(alone: Gateway) -> None:
    first, second = await new_world(alone), await new_world(alone)
    await _life(first)
    await _life(second)
    proof = await _proof(alone)
    assert proof.books == await _at_once(alone.database)
    async with alone.database.reading() as connection:
        query = select(book_sums.c.provider_cnes, func.count(), func.sum(book_sums.c.billed_cents))
        rows = (await connection.execute(query.group_by(book_sums.c.provider_cnes))).all()
    assert {(provider, count, int(billed)) for provider, count, billed in rows} >= {
        (first.provider, 2, 300_00),
        (second.provider, 2, 300_00),
    }


async def test_a_wrong_row_is_unexplained_and_its_month_shows_it(alone: Gateway) -> None:
    world = await new_world(alone)
    await _life(world)
    assert (await _proof(alone)).books.unexplained_cents == 0
    claim = await world.approved_claim()
    wrong = update(claims).where(claims.c.id == claim["id"])
    await alone.database.transact(lambda connection: connection.execute(wrong.values(approved_cents=90_00)))
    proof = await _proof(alone)
    assert proof.books.unexplained_cents == 10_00
    await alone.database.transact(lambda connection: connection.execute(wrong.values(approved_cents=100_00)))
    async with alone.database.reading() as connection:
        rest = book_sums.c.billed_cents - sum(book_sums.c[f"{part}_cents"] for part in PARTS)
        months = (await connection.execute(select(book_sums.c.month, rest).where(rest != 0))).all()
    assert [int(cents) for _, cents in months] == [10_00]


PARTS = ("paid", "in_dispute", "lost", "awaiting", "withheld")


async def test_a_month_is_added_up_by_one_process_at_a_time(alone: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await new_world(alone)
    await _life(world)
    added: list[Period] = []
    original = books._sums

    async def counting(database: Database, period: Period) -> books.Sums:
        added.append(period)
        return await original(database, period)

    monkeypatch.setattr(books, "_sums", counting)
    now = datetime.now(UTC)
    await alone.database.transact(lambda connection: connection.execute(delete(book_months)))
    await asyncio.gather(*[books.prove(alone.database, now, fresh=timedelta(minutes=4)) for _ in range(3)])
    assert len(added) == len(set(added)) >= 3
    await books.prove(alone.database, now, fresh=timedelta(minutes=4))
    assert len(added) == len(set(added)), "a month was added up again before it was due"


async def test_there_is_no_figure_before_every_month_was_added_up(
    alone: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await new_world(alone)
    await _life(world)

    async def busy(*_arguments: object) -> bool:
        return False

    # Another process has every month.
    monkeypatch.setattr(books_db, "take", busy)
    await alone.database.transact(lambda connection: connection.execute(delete(book_months)))
    assert await books.prove(alone.database, datetime.now(UTC)) is None


async def test_a_month_that_takes_too_long_is_added_up_in_halves(
    alone: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await new_world(alone)
    await _life(world)
    original = books._sums_at_once
    days: list[int] = []

    async def impatient(database: Database, period: Period) -> books.Sums:
        assert period.first is not None
        assert period.last is not None
        days.append((period.last - period.first).days + 1)
        if days[-1] > 8:
            raise DatabaseUnavailable
        return await original(database, period)

    monkeypatch.setattr(books, "_sums_at_once", impatient)
    assert (await _proof(alone)).books == await _at_once(alone.database)
    assert (max(days) > 27, min(days) < 9) == (True, True)


async def test_the_age_of_the_proof_is_that_of_the_oldest_month(alone: Gateway) -> None:
    world = await new_world(alone)
    await _life(world)
    await _proof(alone)
    earlier = datetime.now(UTC) - timedelta(hours=3)
    async with alone.database.reading() as connection:
        oldest = (await books_db.months(connection))[0].month
    aged = update(book_months).where(book_months.c.month == oldest).values(proven_at=earlier)
    await alone.database.transact(lambda connection: connection.execute(aged))
    proof = await _proof(alone, fresh=timedelta(minutes=4))
    assert abs((proof.proven_at - earlier).total_seconds()) < 1


QUERY = """query($payer: AnsCode!, $period: DateRangeInput) { reconciliation(payerAnsCode: $payer, period: $period) {
  billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount withheldAmount patientAmount
  underpaidAmount unappliedAmount
} }"""


async def _asked(world: World, period: Period | None = None) -> list[str]:
    """What the API answers, which must be the sum of all rows."""
    days = period or Period()
    values = {"from": days.first and days.first.isoformat(), "to": days.last and days.last.isoformat()}
    found = (await world.call("finance", QUERY, payer=world.payer, period=values))["reconciliation"]
    return list(found.values())


async def _walked(world: World, period: Period | None = None) -> list[str]:
    where = LedgerFilter(payer=world.payer, period=period or Period())
    async with world.gateway.database.snapshot() as connection:
        found = await reconciliation_db.reconcile(connection, EVERYTHING, where)
    return [format_money(getattr(found, each.name)) for each in fields(found)]


GROUPS = """query($payer: AnsCode!, $by: [BillingDimension!]!, $period: DateRangeInput!, $first: Int, $after: String) {
  billingBreakdown(groupBy: $by, payerAnsCode: $payer, period: $period, first: $first, after: $after) {
    totalCount pageInfo { endCursor } nodes { month claimCount undecidedClaimCount undecidedAmount processedAmount
    deniedAmount finalDenialRate reconciliation { billedAmount lostAmount unexplainedAmount } } } }"""


async def _groups(world: World, *by: str, first: int = 100, after: str | None = None) -> Any:
    """The page of groups of two years that the API shows."""
    days = {"from": (today() - timedelta(days=700)).isoformat(), "to": today().isoformat()}
    variables = {"payer": world.payer, "by": by, "period": days, "first": first, "after": after}
    return (await world.call("finance", GROUPS, **variables))["billingBreakdown"]


async def test_groups_are_read_from_the_sums_of_months_without_a_change(alone: Gateway) -> None:
    world = await new_world(alone)
    await _life(world)
    before = [await _groups(world, *by) for by in (("MONTH",), ("PAYER", "MONTH"), ("PROVIDER",))]
    old, new = before[0]["nodes"]
    assert (old["claimCount"], old["deniedAmount"], old["processedAmount"]) == (1, "70.00", "100.00")
    assert (new["claimCount"], new["undecidedClaimCount"], new["undecidedAmount"]) == (2, 1, "100.00")
    await _numbered(alone)
    await _proof(alone)
    assert [await _groups(world, *by) for by in (("MONTH",), ("PAYER", "MONTH"), ("PROVIDER",))] == before
    await _change_sums(world, 1)
    nodes = (await _groups(world, "MONTH"))["nodes"]
    # The present month is not within the period as a whole: its rows are added up.
    assert [each["reconciliation"]["lostAmount"] for each in nodes] == ["0.01", "0.00"]
    month = nodes[0]["month"]
    with alone.counting() as statements:
        days = {"from": f"{month}-01", "to": _last_day(month)}
        await world.call("finance", GROUPS_ONLY, payer=world.payer, period=days)
    assert len([text for text in statements if text.lstrip().upper().startswith("SELECT")]) == 2
    # Pages have groups of stored sums and of rows together.
    first = await _groups(world, "MONTH", first=1)
    second = await _groups(world, "MONTH", first=1, after=first["pageInfo"]["endCursor"])
    assert (first["totalCount"], [*first["nodes"], *second["nodes"]]) == (2, nodes)
    # An earlier release that runs beside this one proves months too, and knows no figures.
    moment = datetime.now(UTC)
    proven = update(book_months).values(proven_at=moment, position_at=moment)
    await alone.database.transact(lambda connection: connection.execute(proven))
    assert (await _groups(world, "MONTH"))["nodes"] == before[0]["nodes"]
    await _proof(alone)
    denial = (await world.call("biller", OPEN, payer=world.payer))["denials"]["nodes"][0]["id"]
    await world.mutate("biller", "acceptDenial", "denial { id }", id=denial, idempotencyKey=key())
    rates = [each["finalDenialRate"] for each in (await _groups(world, "MONTH"))["nodes"]]
    assert rates == ["0.7000", "0.0000"]


def _last_day(month: str) -> str:
    days = month_of(month.replace("-", "")).last
    assert days is not None
    return days.isoformat()


GROUPS_ONLY = """query($payer: AnsCode!, $period: DateRangeInput!) {
  billingBreakdown(groupBy: [MONTH], payerAnsCode: $payer, period: $period) { nodes { claimCount } } }"""
OPEN = "query($payer: AnsCode!) { denials(filter: { payerAnsCode: [$payer] }) { nodes { id } } }"


async def _numbered(gateway: Gateway) -> None:
    """Until every event has its position."""
    await until(lambda: _are_numbered(gateway))


async def _are_numbered(gateway: Gateway) -> bool:
    waiting = select(outbox.c.id).where(outbox.c.position.is_(None)).limit(1)
    async with gateway.database.reading() as connection:
        return (await connection.execute(waiting)).first() is None


async def _change_sums(world: World, cents: int) -> None:
    """Wrong stored sums, so that an answer shows whether it is from them."""
    changed = update(book_sums).where(book_sums.c.payer_ans == world.payer)
    changed = changed.values(lost_cents=book_sums.c.lost_cents + cents)
    await world.gateway.database.transact(lambda connection: connection.execute(changed))


async def test_months_without_a_change_are_read_from_their_sums_and_the_others_from_their_rows(alone: Gateway) -> None:
    world = await new_world(alone)
    await _life(world)
    before = await _walked(world)
    await _numbered(alone)
    await _proof(alone)
    assert await _asked(world) == before
    await _change_sums(world, 1)
    # Two months have claims.
    assert (before[3], (await _asked(world))[3]) == ("0.00", "0.02")
    # An earlier release that runs beside this one proves months too, without a position.
    proven = update(book_months).values(proven_at=datetime.now(UTC))
    await alone.database.transact(lambda connection: connection.execute(proven))
    assert await _asked(world) == before
    await _proof(alone)
    half = Period(today() - timedelta(days=71), today() - timedelta(days=69))
    assert await _asked(world, half) == await _walked(world, half)
    old = await world.claim_in_review()
    await _submitted(alone, old["id"], timedelta(days=70))
    assert (await world.adjudicate(old["id"], [{"sequence": 1, "approvedAmount": "100.00"}]))["errors"] == []
    # The older month has changed, and so has the present one, in which the claim was submitted.
    assert await _asked(world) == await _walked(world)


async def test_what_leaves_a_month_is_seen_at_once(alone: Gateway) -> None:
    world = await new_world(alone)
    withdrawn, deleted, replaced = [(await world.submitted_claim())["id"] for _ in range(3)]
    assert (await world.mutate("reviewer", "startReview", "errors { code }", id=replaced))["errors"] == []
    denied = {"sequence": 1, "approvedAmount": "0.00", "denials": [{"code": "1801", "amount": "100.00"}]}
    assert (await world.adjudicate(replaced, [denied]))["errors"] == []
    await _numbered(alone)
    await _proof(alone)
    assert (await _asked(world))[:3] == ["300.00", "0.00", "100.00"]
    await world.mutate("biller", "withdrawClaim", "errors { code }", claimId=withdrawn)
    assert (await _asked(world))[0] == "200.00"
    await world.mutate("biller", "withdrawClaim", "errors { code }", claimId=deleted)
    await world.mutate("biller", "deleteDraftClaim", "errors { code }", claimId=deleted)
    assert (await _asked(world))[0] == "100.00"
    values = {"id": replaced, "providerClaimNumber": key()[:20], "idempotencyKey": key()}
    await world.mutate("biller", "replaceClaim", "claim { id }", **values)
    assert await _asked(world) == await _walked(world)
