"""Taxes of lines that nobody posts: each cent of a statement has its share, in whatever order people work on it."""

from typing import Any

from tests.factories import World, flat, key, today
from tests.graphql import test_statement_documents as documents
from tests.graphql.test_line_resolutions import undo
from tests.graphql.test_remittances import line, take, taken
from tests.graphql.test_statement_money import IRRF, POSTED, Payer
from tests.payer_documents import message, payment

LINES = "query($id: ID!) { remittance(id: $id) { status lines(first: 10) { nodes { id paidAmount } } } }"
OF_200 = {**IRRF, "amount": "3.00"}


async def _dismissed(world: World, row: Any) -> None:
    values = {"remittanceLineId": row["id"], "reason": "de outro prestador", "idempotencyKey": key()}
    assert (await world.mutate("finance", "dismissRemittanceLine", "line { status }", **values))["errors"] == []


async def _withheld(world: World, remittance: Any) -> list[tuple[str, str]]:
    """The amount and the taxes of each settlement of a posting."""
    values = {"id": remittance["id"], "idempotencyKey": key()}
    posted = await world.mutate("finance", "postRemittance", POSTED, **values)
    assert posted["errors"] == []
    return [(each["amount"], each["withheldAmount"]) for each in posted["settlements"]]


async def test_a_line_that_was_dismissed_before_the_payment_came_has_its_share(world: World) -> None:
    lines = [line(await world.submitted_claim(), "100.00"), {"payerClaimNumber": "NENHUMA", "paidAmount": "100.00"}]
    remittance = await taken(world, *lines, statementNumber="A-1", paidOn=None)
    await _dismissed(world, remittance["lines"][1])
    assert await _withheld(world, remittance) == []
    joined = await take(world, lines, statementNumber="A-1", adjustments=[OF_200])
    assert await Payer(world).taxes() == [("IRRF", "1.50")]
    assert await _withheld(world, joined["remittance"]) == [("100.00", "1.50")]
    assert await Payer(world).taxes() == [("IRRF", "3.00")]


async def test_the_share_of_a_dismissed_part_is_that_of_its_line_again(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    lines = [line(claims[0], "100.00"), {"payerClaimNumber": "NENHUMA", "paidAmount": "100.00"}]
    remittance = await taken(world, *lines, adjustments=[OF_200])
    row = remittance["lines"][1]
    parts = {"parts": [{"paidAmount": "60.00"}, {"paidAmount": "40.00"}], "idempotencyKey": key()}
    split = await world.mutate("finance", "splitRemittanceLine", "line { status }", remittanceLineId=row["id"], **parts)
    assert split["errors"] == []
    found = flat(await world.call("finance", LINES, id=remittance["id"]))["remittance"]["lines"]
    await _dismissed(world, next(each for each in found if each["paidAmount"] == "40.00"))
    assert await Payer(world).taxes() == [("IRRF", "0.60")]
    await undo(world, row)
    match = {"id": row["id"], "claimId": claims[1]["id"]}
    assert (await world.mutate("finance", "matchRemittanceLine", "line { id }", **match))["errors"] == []
    assert await _withheld(world, remittance) == [("200.00", "3.00")]
    assert await Payer(world).books() == {"billed": "200.00", "paid": "197.00", "withheld": "3.00"}
    assert await Payer(world).taxes() == [("IRRF", "3.00")]


async def test_a_statement_of_which_nothing_is_left_to_post_keeps_its_excess_when_it_is_released(world: World) -> None:
    taxes = (("1", "01", "950.00"),)
    xml = message(world.payer, payment(world, "P-1", today().isoformat(), debits=taxes, net="10.00"))
    remittance = await documents.taken(world, xml)
    (row,) = flat(await world.call("finance", LINES, id=remittance["id"]))["remittance"]["lines"]
    await _dismissed(world, row)
    assert await Payer(world).taxes() == [("IRRF", "900.00")]
    assert (await documents.release(world, remittance))["remittance"]["status"] == "POSTED"
    assert await Payer(world).taxes() == [("IRRF", "950.00")]
