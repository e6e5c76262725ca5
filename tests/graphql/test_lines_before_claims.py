"""A statement that came before its claims: its lines are matched when the claims are submitted."""

import asyncio
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import claims
from tests.factories import World, flat, key, new_world
from tests.graphql.test_remittances import books, line, post, take, taken
from tests.graphql.test_remittances import done as posted
from tests.payer_documents import Guide, Item, analysis, message

LINES = "query($id: ID!) { remittance(id: $id) { status lines { nodes { status problem matchedBy claim { id } } } } }"


async def _read(world: World, remittance: Any) -> Any:
    return flat((await world.call("finance", LINES, id=remittance["id"]))["remittance"])


async def until_known(world: World, remittance: Any) -> Any:
    """The remittance when no line of it waits for an unknown claim."""
    async with asyncio.timeout(15):
        while True:
            found = await _read(world, remittance)
            if all(each["problem"] != "UNKNOWN_CLAIM" for each in found["lines"]):
                return found
            await asyncio.sleep(0.05)


async def test_a_line_is_matched_when_its_claim_is_submitted(world: World) -> None:
    number = key()[:20]
    claim = {"providerClaimNumber": number}
    remittance = await taken(world, line(claim, "60.00", ("1705", "40.00")))
    assert posted(await post(world, remittance)) == ("IMPORTED", 0, 0, [])
    assert (await _read(world, remittance))["lines"][0]["problem"] == "UNKNOWN_CLAIM"
    # The claim of somebody else has the same number.
    await (await new_world(world.gateway)).submitted_claim(providerClaimNumber=number)
    draft = (await world.create_claim(providerClaimNumber=number))["claim"]
    assert (await _read(world, remittance))["lines"][0]["problem"] == "UNKNOWN_CLAIM"
    await world.mutate("biller", "submitClaims", "results { id }", claimIds=[draft["id"]])
    assert await until_known(world, remittance) == {
        "status": "IMPORTED",
        "lines": [{"status": "MATCHED", "problem": None, "matchedBy": None, "claim": {"id": draft["id"]}}],
    }
    # Money is moved by whoever may post.
    assert (await world.claim(draft["id"]))["status"] == "SUBMITTED"
    assert posted(await post(world, remittance)) == ("POSTED", 1, 0, ["60.00"])
    assert await books(world) == ["100.00", "60.00", "40.00", "0.00", "0.00", "0.00"]


async def test_a_line_that_says_another_day_than_its_claim_waits_for_a_person(world: World) -> None:
    number = key()[:20]
    xml = message(world.payer, analysis(world, "L-1", Guide(number, world.card, (Item(day="2026-01-02"),))))
    remittance = (await take(world, None, xml=xml, statementNumber=None))["remittance"]
    await world.submitted_claim(providerClaimNumber=number)
    found = await until_known(world, remittance)
    assert [(each["status"], each["problem"]) for each in found["lines"]] == [("UNMATCHED", "DOUBTFUL")]
    query = "query($id: ID!) { remittance(id: $id) { lines { nodes { findings { kind } } } } }"
    (line,) = flat((await world.call("finance", query, id=remittance["id"]))["remittance"])["lines"]
    assert line == {"findings": [{"kind": "DAY_DIFFERS"}]}


async def test_a_line_about_a_draft_is_matched_again_when_the_claim_is_submitted(world: World) -> None:
    draft = (await world.create_claim())["claim"]
    remittance = await taken(world, line(draft, "100.00"))
    assert posted(await post(world, remittance)) == ("IMPORTED", 0, 1, [])
    await world.mutate("biller", "submitClaims", "results { id }", claimIds=[draft["id"]])
    async with asyncio.timeout(15):
        while (await _read(world, remittance))["lines"][0]["status"] != "MATCHED":  # noqa: ASYNC110 - no signal
            await asyncio.sleep(0.05)
    assert posted(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])


async def test_the_sweep_finds_claims_whose_coming_was_not_noticed(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, {"payerClaimNumber": "OP-77", "paidAmount": "100.00"})

    async def work(connection: AsyncConnection) -> None:
        named = update(claims).where(claims.c.id == claim["id"])
        await connection.execute(named.values(payer_claim_number="OP-77"))

    await world.gateway.database.transact(work)
    await world.gateway.sweep()
    found = (await _read(world, remittance))["lines"][0]
    assert (found["status"], found["claim"]) == ("MATCHED", {"id": claim["id"]})


async def test_a_line_that_fits_two_claims_by_now_is_for_a_person(world: World) -> None:
    number = key()[:20]
    remittance = await taken(
        world, {"providerClaimNumber": number, "payerClaimNumber": "OP-78", "paidAmount": "100.00"}
    )
    other = await world.submitted_claim()

    async def work(connection: AsyncConnection) -> None:
        named = update(claims).where(claims.c.id == other["id"])
        await connection.execute(named.values(payer_claim_number="OP-78"))

    await world.gateway.database.transact(work)
    await world.submitted_claim(providerClaimNumber=number)
    found = (await until_known(world, remittance))["lines"][0]
    assert (found["status"], found["problem"], found["claim"]) == ("UNMATCHED", "AMBIGUOUS", None)
