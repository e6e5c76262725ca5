"""A claim whose items come in several statements is decided with the last of them; until then lines are held."""

from tests.factories import BLOOD_COUNT, CONSULTATION, World
from tests.graphql.test_line_resolutions import fate, kept_credits
from tests.graphql.test_remittances import books, done, line, post, take, taken


async def test_a_claim_is_decided_one_statement_at_a_time(world: World) -> None:
    blood = {**BLOOD_COUNT, "quantity": "1", "unitPrice": "16.00"}
    claim = await world.submitted_claim(items=[CONSULTATION, blood])
    first = await taken(world, line(claim, "100.00", itemSequence=1))
    posted = await post(world, first)
    assert done(posted) == ("PARTIALLY_POSTED", 1, 0, [])
    assert [each["status"] for each in posted["remittance"]["lines"]] == ["HELD"]
    assert (await fate(world, claim))[0] == "SUBMITTED"
    assert [each["leftAmount"] for each in await kept_credits(world)] == ["100.00"]
    assert await books(world) == ["116.00", "0.00", "0.00", "0.00", "116.00", "0.00"]
    second = await taken(world, line(claim, "16.00", itemSequence=2))
    assert done(await post(world, second)) == ("POSTED", 1, 0, ["16.00"])
    assert (await fate(world, claim))[:3] == ("APPROVED", "116.00", "116.00")
    assert [(each["amount"], each["leftAmount"]) for each in await kept_credits(world)] == [("100.00", "0.00")]
    assert await books(world) == ["116.00", "116.00", "0.00", "0.00", "0.00", "0.00"]
    query = "query($id: ID!) { remittance(id: $id) { status settlements { nodes { amount } } } }"
    found = (await world.call("finance", query, id=first["id"]))["remittance"]
    assert found == {"status": "POSTED", "settlements": {"nodes": [{"amount": "100.00"}]}}


async def test_a_held_line_is_taken_back_with_its_money(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    first = await taken(world, line(claim, "60.00", ("1705", "40.00"), itemSequence=1))
    await post(world, first)
    values = {"remittanceLineId": first["lines"][0]["id"]}
    back = await world.mutate("finance", "unmatchRemittanceLine", "line { status problem }", **values)
    assert back["line"] == {"status": "UNMATCHED", "problem": "MATCH_REMOVED"}
    assert [(each["leftAmount"], each["uses"][0]["action"]) for each in await kept_credits(world)] == [
        ("0.00", "WITHDRAW")
    ]
    assert await books(world) == ["137.00", "0.00", "0.00", "0.00", "137.00", "0.00"]
    second = await taken(world, line(claim, "37.00", itemSequence=2))
    assert done(await post(world, second)) == ("PARTIALLY_POSTED", 1, 0, [])
    match = {"id": values["remittanceLineId"], "claimId": claim["id"]}
    assert (await world.mutate("finance", "matchRemittanceLine", "line { status }", **match))["errors"] == []
    assert done(await post(world, first)) == ("POSTED", 1, 0, ["60.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "97.00", "97.00", [("1705", "40.00", "OPEN")])
    assert await books(world) == ["137.00", "97.00", "40.00", "0.00", "0.00", "0.00"]


async def test_a_held_line_is_paid_by_the_payment_that_joins_its_analysis(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    analysis = [line(claim, "100.00", itemSequence=1)]
    first = await taken(world, *analysis, statementNumber="ANALISE-1", paidOn=None)
    assert done(await post(world, first)) == ("PARTIALLY_POSTED", 1, 0, [])
    assert await kept_credits(world) == []
    joined = (await take(world, analysis, statementNumber="ANALISE-1"))["remittance"]
    assert joined["id"] == first["id"]
    assert done(await post(world, first)) == ("PARTIALLY_POSTED", 1, 0, [])
    assert [each["leftAmount"] for each in await kept_credits(world)] == ["100.00"]
    second = await taken(world, line(claim, "37.00", itemSequence=2))
    assert done(await post(world, second)) == ("POSTED", 1, 0, ["37.00"])
    assert (await fate(world, claim))[:3] == ("APPROVED", "137.00", "137.00")
    assert await books(world) == ["137.00", "137.00", "0.00", "0.00", "0.00", "0.00"]
