"""Payments that name protocols and no claims: they pay the claims that the analysis of the protocol has approved."""

import asyncio
from typing import Any

from tests.factories import CONSULTATION, World, flat, key, today
from tests.graphql.test_line_resolutions import undo
from tests.graphql.test_remittances import books, money, post
from tests.graphql.test_statement_documents import guide, send, taken
from tests.payer_documents import Item, analysis, message, payment

DEAR = {**CONSULTATION, "unitPrice": "500.00"}


async def _claims(world: World) -> list[Any]:
    return [await world.submitted_claim(items=[DEAR]) for _ in range(2)]


def _analysis(world: World, claims: list[Any], second: str = "400.00", denied: str = "100.00") -> str:
    whole = Item(billed="500.00", paid="500.00")
    part = Item(billed="500.00", paid=second, denials=(("1705", denied),))
    guides = [guide(world, claims[0], whole), guide(world, claims[1], part)]
    return message(world.payer, analysis(world, "A-1", *guides))


def _payment(world: World) -> str:
    return message(world.payer, payment(world, "P-1", today().isoformat(), net="900.00"))


def _lines(remittance: Any) -> list[tuple[Any, ...]]:
    names = ("status", "providerClaimNumber", "paidAmount", "protocolNumber")
    return [tuple(line[name] for name in names) for line in remittance["lines"]]


async def test_a_payment_of_a_protocol_pays_what_its_analysis_approved(world: World) -> None:
    claims = await _claims(world)
    decided = await post(world, await taken(world, _analysis(world, claims)))
    assert (decided["postedLines"], decided["settlements"]) == (2, [])
    assert await books(world) == ["1000.00", "0.00", "100.00", "0.00", "900.00", "0.00"]
    paying = await taken(world, _payment(world))
    numbers = [claim["providerClaimNumber"] for claim in claims]
    assert _lines(paying) == [("MATCHED", numbers[0], "500.00", "99"), ("MATCHED", numbers[1], "400.00", "99")]
    done = await post(world, paying)
    assert (done["remittance"]["status"], [row["amount"] for row in done["settlements"]]) == ("POSTED", ["900.00"])
    paid = [await money(world, claim) for claim in claims]
    assert [(each["status"], each["paidAmount"]) for each in paid] == [
        ("APPROVED", "500.00"),
        ("PARTIALLY_APPROVED", "400.00"),
    ]
    assert (await world.events(claims[1]["id"])).count("ClaimPartiallyApproved") == 1
    assert await books(world) == ["1000.00", "900.00", "100.00", "0.00", "0.00", "0.00"]
    # The same document is recognized by what it says, also under another number.
    for changes in ({}, {"statementNumber": "P-2"}):
        again = await send(world, _payment(world), **changes)
        assert (again["errors"], again["alreadyImported"], len(again["notices"])) == ([], True, 1)
    assert (await books(world))[1] == "900.00"


async def test_a_payment_that_came_before_the_analysis_is_divided_when_it_is_posted_again(world: World) -> None:
    claims = await _claims(world)
    early = await taken(world, _payment(world))
    assert _lines(early) == [("UNMATCHED", None, "900.00", "99")]
    await post(world, await taken(world, _analysis(world, claims)))
    posted = await post(world, early)
    assert (posted["errors"], posted["postedLines"], posted["remittance"]["status"]) == ([], 2, "POSTED")
    assert [line["status"] for line in posted["remittance"]["lines"]] == ["SPLIT", "POSTED", "POSTED"]
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["500.00", "400.00"]
    assert await books(world) == ["1000.00", "900.00", "100.00", "0.00", "0.00", "0.00"]
    again = await post(world, early)
    assert (again["postedLines"], again["settlements"]) == (0, [])


async def test_a_payment_before_its_analysis_is_divided_by_itself_and_posted_by_a_person(
    world: World,
) -> None:
    claims = await _claims(world)
    early = await taken(world, _payment(world))
    decided = await taken(world, _analysis(world, claims))
    assert await _found(world) == [
        ("PROTOCOL", claims[0]["id"], "400.00", "400.00"),
        ("PROTOCOL", claims[1]["id"], "400.00", "400.00"),
    ]
    await post(world, decided)
    found = await until_divided(world, early)
    assert [(each["status"], each["paidAmount"]) for each in found] == [
        ("SPLIT", "900.00"),
        ("MATCHED", "500.00"),
        ("MATCHED", "400.00"),
    ]
    assert (await books(world))[1] == "0.00"
    assert (await post(world, early))["postedLines"] == 2
    assert await books(world) == ["1000.00", "900.00", "100.00", "0.00", "0.00", "0.00"]


async def test_a_division_that_a_person_has_taken_back_is_not_made_again(world: World) -> None:
    claims = await _claims(world)
    early = await taken(world, _payment(world))
    await post(world, await taken(world, _analysis(world, claims)))
    await until_divided(world, early)
    query = "query($id: ID!) { remittance(id: $id) { lines { nodes { id } } } }"
    row = flat((await world.call("finance", query, id=early["id"]))["remittance"])["lines"][0]
    assert (await undo(world, row))["problem"] == "UNKNOWN_CLAIM"
    posted = await post(world, early)
    assert (posted["postedLines"], [line["status"] for line in posted["remittance"]["lines"]]) == (
        0,
        ["UNMATCHED", "CANCELLED", "CANCELLED"],
    )


async def until_divided(world: World, remittance: Any) -> list[Any]:
    """The lines of the remittance once there are three of them."""
    query = "query($id: ID!) { remittance(id: $id) { lines { nodes { status paidAmount } } } }"
    async with asyncio.timeout(15):
        while True:
            lines: list[Any] = flat((await world.call("finance", query, id=remittance["id"]))["remittance"])["lines"]
            if len(lines) == 3:
                return lines
            await asyncio.sleep(0.05)


async def _found(world: World) -> list[tuple[str, ...]]:
    """Reason, claim and difference of the candidates of the only line that waits, and the difference of their item."""
    query = """query($p: AnsCode!) { unmatchedRemittanceLines(filter: { payerAnsCode: [$p] }) { nodes { candidates {
      reason differenceAmount claim { id } items { differenceAmount } } } } }"""
    (line,) = (await world.call("finance", query, p=world.payer))["unmatchedRemittanceLines"]["nodes"]
    return sorted(
        (each["reason"], each["claim"]["id"], each["differenceAmount"], each["items"][0]["differenceAmount"])
        for each in line["candidates"]
    )


async def test_the_claims_of_a_batch_are_candidates_of_a_line_that_names_its_protocol(world: World) -> None:
    claims = await _claims(world)
    await world.submitted_claim(items=[DEAR])
    made = {"claimIds": [claim["id"] for claim in claims], "idempotencyKey": key()}
    batch = (await world.mutate("biller", "createBatch", "batch { id }", **made))["batch"]["id"]
    for name, role, values in (
        ("sendBatch", "biller", {}),
        ("recordProtocol", "biller", {"content": {"protocol": {"number": "99", "date": today().isoformat()}}}),
    ):
        payload = await world.mutate(role, name, "batch { status }", batchId=batch, idempotencyKey=key(), **values)
        assert payload["errors"] == []
    await taken(world, _payment(world))
    assert [found[1:3] for found in await _found(world)] == [(claim["id"], "400.00") for claim in claims]


async def test_a_payment_that_differs_from_the_analysis_waits(world: World) -> None:
    claims = await _claims(world)
    await post(world, await taken(world, _analysis(world, claims, "300.00", "200.00")))
    paying = await taken(world, _payment(world))
    assert _lines(paying) == [("UNMATCHED", None, "900.00", "99")]
    assert await books(world) == ["1000.00", "0.00", "200.00", "0.00", "800.00", "0.00"]


async def test_an_analysis_of_somebody_else_is_not_paid(world: World, server_world: World) -> None:
    other = server_world
    claims = await _claims(other)
    await post(other, await taken(other, _analysis(other, claims)))
    paying = await taken(world, _payment(world))
    assert _lines(paying) == [("UNMATCHED", None, "900.00", "99")]
    assert (await books(other))[1] == "0.00"
