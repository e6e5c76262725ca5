"""A claim whose items come in several statements is decided with the last of them; until then lines are held."""

import asyncio
from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, today
from tests.graphql.test_batch_answers import record
from tests.graphql.test_claim_batches import sent_batch, sent_claim
from tests.graphql.test_line_resolutions import fate, kept_credits, resolved
from tests.graphql.test_remittances import books, done, line, post, take, taken
from tests.graphql.test_statement_money import IRRF

BLOOD = {**BLOOD_COUNT, "quantity": "1", "unitPrice": "16.00"}
LINES = """query Lines($id: ID!) { remittance(id: $id) {
  status lines { nodes { status problem } } settlements { nodes { amount withheldAmount paidOn } } } }"""


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


async def _held(world: World, claim: Any, paid: str = "100.00", **statement: Any) -> Any:
    """A statement whose line about the first item of the claim is held."""
    remittance = await taken(world, line(claim, paid, itemSequence=1), **statement)
    assert done(await post(world, remittance))[:3] == ("PARTIALLY_POSTED", 1, 0)
    return remittance


async def _shown(world: World, remittance: Any) -> Any:
    found = (await world.call("finance", LINES, id=remittance["id"]))["remittance"]
    (row,) = found["lines"]["nodes"]
    return found["status"], row["status"], row["problem"], found["settlements"]["nodes"]


async def _until_matched(world: World, remittance: Any) -> None:
    async with asyncio.timeout(20):
        while True:
            if (await _shown(world, remittance))[1] == "MATCHED":
                return
            await asyncio.sleep(0.05)


async def test_lines_that_are_held_when_a_person_decides_wait_again(world: World) -> None:
    claim = await world.claim_in_review(items=[CONSULTATION, BLOOD])
    remittance = await _held(world, claim)
    decided = await world.adjudicate(
        claim["id"], [{"sequence": 1, "approvedAmount": "100.00"}, {"sequence": 2, "approvedAmount": "16.00"}]
    )
    assert decided["errors"] == []
    assert await _shown(world, remittance) == ("IMPORTED", "UNMATCHED", "NOT_POSTED", [])
    (credit,) = await kept_credits(world)
    assert (credit["leftAmount"], [use["action"] for use in credit["uses"]]) == ("0.00", ["WITHDRAW"])
    assert await books(world) == ["116.00", "0.00", "0.00", "0.00", "116.00", "0.00"]
    match = {"id": remittance["lines"][0]["id"], "claimId": claim["id"]}
    assert (await world.mutate("finance", "matchRemittanceLine", "line { status }", **match))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert await books(world) == ["116.00", "100.00", "0.00", "0.00", "16.00", "0.00"]


async def test_lines_of_a_claim_that_is_cancelled_or_withdrawn_wait_again(world: World) -> None:
    for name in ("cancelClaim", "withdrawClaim"):
        claim = await world.submitted_claim(items=[CONSULTATION, BLOOD])
        remittance = await _held(world, claim)
        ended = await world.mutate("biller", name, "claim { status }", id=claim["id"])
        assert ended["errors"] == []
        assert await _shown(world, remittance) == ("IMPORTED", "UNMATCHED", "NOT_PAYABLE", [])
        assert {each["leftAmount"] for each in await kept_credits(world)} == {"0.00"}
        assert await books(world) == ["0.00"] * 6


async def test_a_held_line_whose_money_is_used_is_a_credit_after_the_decision(world: World) -> None:
    claim = await world.claim_in_review(items=[CONSULTATION, BLOOD])
    remittance = await _held(world, claim)
    (credit,) = await kept_credits(world)
    other = await world.issued_invoice("30.00")
    values = {"creditId": credit["id"], "invoiceId": other["id"], "idempotencyKey": key()}
    used = await world.mutate("finance", "applyCredit", "credit { leftAmount } use { id }", **values)
    assert (used["errors"], used["credit"]["leftAmount"]) == ([], "70.00")
    items = [{"sequence": 1, "approvedAmount": "100.00"}, {"sequence": 2, "approvedAmount": "16.00"}]
    assert (await world.adjudicate(claim["id"], items))["errors"] == []
    assert (await _shown(world, remittance))[:3] == ("POSTED", "POSTED", None)
    assert [each["leftAmount"] for each in await kept_credits(world)] == ["70.00"]
    assert await books(world) == ["146.00", "30.00", "0.00", "0.00", "116.00", "0.00"]
    # As with every line that became a credit, its undo waits until nothing of the credit is used.
    undo = {"remittanceLineId": remittance["lines"][0]["id"], "reason": "engano", "idempotencyKey": key()}
    refused = await world.mutate("finance", "undoRemittanceLine", "line { status }", **undo)
    assert [each["message"] for each in refused["errors"]] == ["money of the line is used: reverse that first"]
    back = {"creditUseId": used["use"]["id"], "reason": "conta errada", "idempotencyKey": key()}
    assert (await world.mutate("finance", "reverseCreditUse", "use { id }", **back))["errors"] == []
    undone = await world.mutate("finance", "undoRemittanceLine", "line { status }", **{**undo, "idempotencyKey": key()})
    assert undone["errors"] == []
    assert (await _shown(world, remittance))[:3] == ("IMPORTED", "UNMATCHED", "MATCH_REMOVED")
    assert await books(world) == ["146.00", "0.00", "0.00", "0.00", "146.00", "0.00"]


async def test_an_analysis_that_completes_a_claim_settles_it_with_what_was_held(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD])
    first = await _held(world, claim, adjustments=[IRRF])
    rest = [line(claim, "16.00", itemSequence=2)]
    second = await taken(world, *rest, statementNumber="ANALISE-2", paidOn=None)
    assert done(await post(world, second)) == ("POSTED", 1, 0, [])
    settled = [{"amount": "100.00", "withheldAmount": "1.50", "paidOn": today().isoformat()}]
    assert await _shown(world, first) == ("POSTED", "POSTED", None, settled)
    assert (await fate(world, claim))[:3] == ("APPROVED", "116.00", "100.00")
    assert await books(world) == ["116.00", "98.50", "0.00", "0.00", "16.00", "0.00"]
    joined = (await take(world, rest, statementNumber="ANALISE-2"))["remittance"]
    assert done(await post(world, joined)) == ("POSTED", 1, 0, ["16.00"])
    assert await books(world) == ["116.00", "114.50", "0.00", "0.00", "0.00", "0.00"]


async def test_what_a_held_line_writes_off_is_lost_and_what_it_pays_too_much_stays_a_credit(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD])
    low = await taken(world, line(claim, "90.00", itemSequence=1), line(claim, "20.00", itemSequence=2))
    assert done(await post(world, low))[:3] == ("IMPORTED", 0, 2)
    await resolved(world, low["lines"][0], writeOff={"code": "1705", "reason": "centavos"})
    assert done(await post(world, low))[:3] == ("PARTIALLY_POSTED", 1, 0)
    await resolved(world, low["lines"][1], acceptOverpayment={})
    assert done(await post(world, low)) == ("POSTED", 1, 0, ["16.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "106.00", "106.00", [("1705", "10.00", "ACCEPTED")])
    assert sorted(each["leftAmount"] for each in await kept_credits(world)) == ["0.00", "4.00"]
    assert await books(world) == ["116.00", "106.00", "0.00", "10.00", "0.00", "0.00"]


async def test_the_payment_of_a_held_line_and_the_rest_of_its_claim_come_at_once(server_world: World) -> None:
    world = server_world
    for number in range(4):
        claim = await world.submitted_claim(items=[CONSULTATION, BLOOD])
        part = [line(claim, "100.00", itemSequence=1)]
        first = await _held(world, claim, statementNumber=f"PARTE-{number}", paidOn=None)
        second = await taken(world, line(claim, "16.00", itemSequence=2))
        joining = take(world, part, statementNumber=f"PARTE-{number}")
        joined, posted = await asyncio.gather(joining, post(world, second))
        assert (joined["errors"], posted["errors"]) == ([], [])
        await post(world, first)
        await post(world, second)
        assert (await fate(world, claim))[:3] == ("APPROVED", "116.00", "116.00")
    assert await books(world) == ["464.00", "464.00", "0.00", "0.00", "0.00", "0.00"]


async def test_statements_that_complete_each_others_claims_are_posted_at_once(server_world: World) -> None:
    world = server_world
    claims = [await world.submitted_claim(items=[CONSULTATION, BLOOD]) for _ in range(3)]
    stray = {"providerClaimNumber": "NENHUMA", "paidAmount": "16.00", "itemSequence": 2}
    statements = [await taken(world, line(claim, "100.00", itemSequence=1), stray) for claim in claims]
    for remittance, other in zip(statements, [*claims[1:], claims[0]], strict=True):
        assert done(await post(world, remittance))[:3] == ("PARTIALLY_POSTED", 1, 0)
        match = {"id": remittance["lines"][1]["id"], "claimId": other["id"]}
        assert (await world.mutate("finance", "matchRemittanceLine", "line { status }", **match))["errors"] == []
    payloads = await asyncio.gather(*[post(world, each) for each in statements])
    assert [each["errors"] for each in payloads] == [[], [], []]
    assert [(await fate(world, claim))[:3] for claim in claims] == [("APPROVED", "116.00", "116.00")] * 3
    assert await books(world) == ["348.00", "348.00", "0.00", "0.00", "0.00", "0.00"]


async def test_the_split_of_a_line_is_not_undone_while_a_part_is_held(world: World) -> None:
    claim, other = [await world.submitted_claim(items=[CONSULTATION, BLOOD]) for _ in range(2)]
    remittance = await taken(world, {"payerClaimNumber": "NENHUMA", "paidAmount": "200.00"})
    whole = remittance["lines"][0]["id"]
    parts = [{"paidAmount": "100.00", "itemSequence": 1, "claimId": each["id"]} for each in (claim, other)]
    values = {"remittanceLineId": whole, "parts": parts, "idempotencyKey": key()}
    assert (await world.mutate("finance", "splitRemittanceLine", "line { status }", **values))["errors"] == []
    assert done(await post(world, remittance)) == ("PARTIALLY_POSTED", 2, 0, [])
    undo = {"remittanceLineId": whole, "reason": "engano"}
    refused = await world.mutate("finance", "undoRemittanceLine", "line { status }", **undo, idempotencyKey=key())
    assert [each["message"] for each in refused["errors"]] == ["a part of the line is held: take its match back first"]
    query = "query($id: ID!) { remittance(id: $id) { lines(first: 100) { nodes { id status } } } }"
    found = (await world.call("finance", query, id=remittance["id"]))["remittance"]["lines"]["nodes"]
    # Each part is taken back by several callers at once: its credit is withdrawn once.
    held = [each["id"] for each in found if each["status"] == "HELD"]
    back = [
        world.mutate("finance", "unmatchRemittanceLine", "line { status }", remittanceLineId=each) for each in held * 3
    ]
    payloads = await asyncio.gather(*back)
    assert sorted(each["errors"][0]["code"] if each["errors"] else "ok" for each in payloads) == [
        *["CONFLICT"] * 4,
        *["ok"] * 2,
    ]
    assert [(each["amount"], [use["action"] for use in each["uses"]]) for each in await kept_credits(world)] == [
        ("100.00", ["WITHDRAW"])
    ] * 2
    undone = await world.mutate("finance", "undoRemittanceLine", "line { status }", **undo, idempotencyKey=key())
    assert (undone["errors"], undone["line"]["status"]) == ([], "UNMATCHED")
    assert await books(world) == ["232.00", "0.00", "0.00", "0.00", "232.00", "0.00"]


async def test_lines_of_a_claim_that_the_payer_refuses_wait_until_it_is_submitted_again(world: World) -> None:
    refused, other = await sent_claim(world, items=[CONSULTATION, BLOOD]), await sent_claim(world)
    batch = await sent_batch(world, refused, other)
    remittance = await _held(world, await world.claim(refused))
    assert (await record(world, batch, (refused, "1705")))["errors"] == []
    assert (await _shown(world, remittance))[1:3] == ("UNMATCHED", "NOT_PAYABLE")
    assert (await world.mutate("biller", "submitClaims", "results { id }", claimIds=[refused]))["errors"] == []
    await _until_matched(world, remittance)
    assert done(await post(world, remittance)) == ("PARTIALLY_POSTED", 1, 0, [])
    assert sorted(each["leftAmount"] for each in await kept_credits(world)) == ["0.00", "100.00"]
    assert await books(world) == ["216.00", "0.00", "0.00", "0.00", "216.00", "0.00"]
