"""Reversals at once, of their own day, and of strangers."""

import asyncio
from datetime import timedelta

from tests.factories import World, new_world, refusals, today
from tests.graphql.test_races import _codes


async def test_a_reversal_is_of_the_day_it_is_made(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    paid_on = (today() - timedelta(days=3)).isoformat()
    paid = (await world.settle(invoice["id"], paidOn=paid_on))["settlement"]
    back = (await world.reverse(paid["id"], "40.00"))["settlement"]
    assert (paid["paidOn"], back["paidOn"]) == (paid_on, today().isoformat())


async def test_reversals_at_once_never_take_back_more_than_was_paid(world: World) -> None:
    for _ in range(4):
        invoice = await world.issued_invoice("100.00")
        paid = (await world.settle(invoice["id"]))["settlement"]
        payloads = await asyncio.gather(*[world.reverse(paid["id"], "30.00") for _ in range(8)])
        assert _codes(payloads) == ["OVER_SETTLEMENT"] * 5 + ["ok"] * 3
        after = await world.invoice(invoice["id"])
        assert (after["settledAmount"], after["dueAmount"], after["status"]) == ("10.00", "90.00", "PARTIALLY_SETTLED")


async def test_another_scope_learns_nothing_of_a_settlement_it_cannot_reverse(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    paid = (await world.settle(invoice["id"]))["settlement"]["id"]
    back = (await world.reverse(paid, "1.00"))["settlement"]["id"]
    other = await new_world(world.gateway)
    for identifier in (paid, back, "stl_00000000000000000000000000"):
        payload = await other.reverse(identifier)
        assert refusals(payload) == [("NOT_FOUND", "settlementId", None)]
        assert payload["errors"][0]["message"] == "the settlement was not found"
