"""A statement of more than one unit is POSTING until a job has posted all of it: each line once, whatever fails."""

import asyncio
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import postings as postings_db
from app.db.remittance_tables import remittance_lines, remittances
from app.db.tables import claim_items, invoices, settlements
from app.domain.claims import DeniedAmount
from app.domain.money import Cents
from app.domain.remittances import RemittanceStatus
from app.services.posting import UNIT_CLAIMS
from app.services.posting_runner import PostingRunner
from tests.factories import World, key
from tests.graphql.test_remittances import books, line, post, taken
from tests.hostile.big_data import copied_claims

CLAIMS = 2 * UNIT_CLAIMS + 20
STATUS = "query($id: ID!) { remittance(id: $id) { status postedAt } }"


async def submitted_claims(world: World, count: int = CLAIMS) -> list[str]:
    """Submitted claims of 100.00; each has the end of its id as its number."""
    return await copied_claims(world.gateway, (await world.submitted_claim())["id"], count)


def claim_line(claim: str, paid: str, *denials: tuple[str, str]) -> dict[str, Any]:
    return line({"providerClaimNumber": claim[-20:]}, paid, *denials)


async def until_posted(world: World, remittance: Any) -> Any:
    async with asyncio.timeout(60):
        while True:
            found = (await world.call("finance", STATUS, id=remittance["id"]))["remittance"]
            if found["status"] != "POSTING":
                return found
            await asyncio.sleep(0.05)


async def _rows(world: World, query: Any) -> list[Any]:
    async with world.gateway.database.reading() as connection:
        return list((await connection.execute(query)).all())


async def _lines(world: World, remittance: Any) -> dict[tuple[str, str | None], int]:
    """How many lines have which status and problem."""
    table = remittance_lines.c
    query = select(table.status, table.problem, func.count()).where(table.remittance_id == remittance["id"])
    found = await _rows(world, query.group_by(table.status, table.problem))
    return {(status, problem): count for status, problem, count in found}


async def ledger(world: World) -> list[int]:
    """The amounts of the payer's settlements, in the order of their time."""
    query = select(settlements.c.amount_cents).where(settlements.c.payer_ans == world.payer)
    return [row[0] for row in await _rows(world, query.order_by(settlements.c.id))]


async def test_a_long_statement_is_posted_in_units_after_the_call(server_world: World) -> None:
    world = server_world
    claims = await submitted_claims(world)
    lines = [claim_line(each, "60.00", ("1705", "40.00")) for each in claims]
    remittance = await taken(world, *lines)
    values = {"id": remittance["id"], "idempotencyKey": key()}
    fields = "remittance { status } settlements { id } postedLines putBackLines alreadyPosted"
    begun = await world.mutate("finance", "postRemittance", fields, **values)
    assert begun == {
        "remittance": {"status": "POSTING"},
        "settlements": [],
        "postedLines": 0,
        "putBackLines": 0,
        "alreadyPosted": False,
        "errors": [],
        "replayed": False,
    }
    assert (await until_posted(world, remittance))["status"] == "POSTED"
    assert await _lines(world, remittance) == {("POSTED", None): CLAIMS}
    # One invoice, and one settlement, for each unit.
    assert await ledger(world) == [300000, 300000, 120000]
    numbers = select(invoices.c.status, func.count()).where(invoices.c.payer_ans == world.payer)
    assert await _rows(world, numbers.group_by(invoices.c.status)) == [("SETTLED", 3)]
    assert await books(world) == ["12100.00", "7200.00", "4800.00", "0.00", "100.00", "0.00"]
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittancePosted"]
    # The same call gets its first answer, another one finds nothing left to do.
    again = await world.mutate("finance", "postRemittance", fields, **values)
    assert again == {**begun, "replayed": True}
    other = await world.mutate("finance", "postRemittance", fields, **{**values, "idempotencyKey": key()})
    assert (other["remittance"], other["alreadyPosted"]) == ({"status": "POSTED"}, True)
    assert await ledger(world) == [300000, 300000, 120000]


async def test_claims_that_cannot_be_posted_go_back_to_the_queue_and_block_no_other(server_world: World) -> None:
    world = server_world
    claims = await submitted_claims(world)
    lines = [claim_line(each, "100.00") for each in claims]
    lines[10] = claim_line(claims[10], "70.00")
    remittance = await taken(world, *lines)

    async def work(connection: AsyncConnection) -> None:
        of_claim = remittance_lines.c.claim_id
        # A denial below zero, which no decision takes, and a claim that no invoice can have.
        denied = (DeniedAmount("1705", Cents(15000)), DeniedAmount("1705", Cents(-5000)))
        strange = update(remittance_lines).where(of_claim == claims[60])
        await connection.execute(strange.values(paid_cents=0, denials=denied))
        high = update(claim_items).where(claim_items.c.claim_id == claims[70])
        await connection.execute(high.values(total_cents=10_000_000_000))
        await connection.execute(update(remittance_lines).where(of_claim == claims[70]).values(paid_cents=10**10))

    await world.gateway.database.transact(work)
    assert (await post(world, remittance))["remittance"]["status"] == "POSTING"
    assert (await until_posted(world, remittance))["status"] == "PARTIALLY_POSTED"
    assert await _lines(world, remittance) == {
        ("POSTED", None): CLAIMS - 3,
        ("UNMATCHED", "AMOUNTS_DIFFER"): 1,
        ("UNMATCHED", "NOT_POSTED"): 2,
    }
    assert sum(await ledger(world)) == (CLAIMS - 3) * 10000
    assert [(await world.claim(claims[each]))["status"] for each in (10, 60, 70, 71)] == [
        *["SUBMITTED"] * 3,
        "APPROVED",
    ]
    assert await world.events(claims[60]) == []


async def test_lines_are_posted_once_by_however_many_at_once(server_world: World) -> None:
    world = server_world
    claims = await submitted_claims(world)
    remittance = await taken(world, *[claim_line(each, "100.00") for each in claims])
    database, changes = world.gateway.database, world.gateway.parts.changes
    runners = [PostingRunner(database, changes) for _ in range(3)]
    calls = await asyncio.gather(*[post(world, remittance) for _ in range(4)])
    assert {call["remittance"]["status"] for call in calls} == {"POSTING"}
    async with database.reading() as connection:
        job = await postings_db.of_remittance(connection, remittance["id"])
    assert job is not None
    # Beside them runs the gateway's own.
    await asyncio.gather(*[runner.run(job) for runner in runners])
    assert (await until_posted(world, remittance))["status"] == "POSTED"
    assert sorted(await ledger(world)) == [200000, 500000, 500000]
    assert (await world.events(remittance["id"])).count("RemittancePosted") == 1
    assert (await books(world))[5] == "0.00"


async def test_lines_of_a_claim_are_posted_together_wherever_they_are(server_world: World) -> None:
    world = server_world
    two = [{"codeSystem": "22", "code": "10101012", "quantity": "1", "unitPrice": price} for price in ("40", "60")]
    claim = await world.submitted_claim(items=two)
    claims = await submitted_claims(world, UNIT_CLAIMS)
    first, last = line(claim, "40.00", itemSequence=1), line(claim, "60.00", itemSequence=2)
    remittance = await taken(world, first, *[claim_line(each, "100.00") for each in claims], last)
    assert (await post(world, remittance))["remittance"]["status"] == "POSTING"
    assert (await until_posted(world, remittance))["status"] == "POSTED"
    assert await ledger(world) == [UNIT_CLAIMS * 10000, 10000]


async def test_what_may_be_done_while_a_statement_is_posted(world: World) -> None:
    claim = await world.submitted_claim()
    stray = {"providerClaimNumber": "NENHUMA", "paidAmount": "1.00"}
    remittance = await taken(world, line(claim, "100.00"), stray)

    async def begin(connection: AsyncConnection) -> None:
        posting = update(remittances).where(remittances.c.id == remittance["id"])
        await connection.execute(posting.values(status=RemittanceStatus.POSTING))

    await world.gateway.database.transact(begin)
    values = {"remittanceId": remittance["id"], "reason": "arquivo errado", "idempotencyKey": key()}
    cancelled = await world.mutate("finance", "cancelRemittance", "remittance { id }", **values)
    assert [(each["code"], each["message"]) for each in cancelled["errors"]] == [
        ("CONFLICT", "lines of the remittance are being posted")
    ]
    dismissed = {"remittanceLineId": remittance["lines"][1]["id"], "reason": "outro"}
    fields = "line { status remittance { status availableActions { action blockedBy { code } } } }"
    found = await world.mutate("finance", "dismissRemittanceLine", fields, **dismissed)
    assert found["line"] == {
        "status": "DISMISSED",
        "remittance": {
            "status": "POSTING",
            "availableActions": [
                {"action": "POST", "blockedBy": None},
                {"action": "RELEASE", "blockedBy": {"code": "STATE"}},
                {"action": "CANCEL", "blockedBy": {"code": "STATE"}},
                {"action": "CORRECT_PAYMENT_DATE", "blockedBy": {"code": "STATE"}},
            ],
        },
    }
    assert (await post(world, remittance))["remittance"]["status"] == "POSTING"
