"""Payments that name protocols and no claims: they pay the claims that the analysis of the protocol has approved."""

from typing import Any

from tests.factories import CONSULTATION, World, today
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
