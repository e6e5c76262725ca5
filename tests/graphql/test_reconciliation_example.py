"""The examples in app/db/reconciliation.py, played through the API."""

from datetime import UTC, datetime, timedelta

from tests.factories import World
from tests.graphql.test_reconciliation import (
    _ago,
    _answer,
    _appeal,
    _books,
    _decided,
    _figures,
    _invoice,
    _sent,
)


async def test_each_cent_of_the_example_is_in_one_part(world: World) -> None:
    claim_id, (denial_id,) = await _decided(world, "1000.00", "700.00", "300.00")
    first = await _invoice(world, claim_id)
    await _appeal(world, denial_id, "200.00")
    await _answer(world, denial_id, "150.00")
    await _invoice(world)
    await world.settle(first, "500.00")
    # Billed, paid, in dispute, lost, awaiting.
    assert await _books(world) == ("1000.00", "500.00", "0.00", "150.00", "350.00")


async def test_a_payment_that_was_reversed_is_not_the_first_payment(world: World) -> None:
    claim_id = (await world.approved_claim("300.00"))["id"]
    await _sent(world, claim_id, datetime.now(UTC) - timedelta(days=20))
    invoice_id = await _invoice(world, claim_id)
    paid = await world.settle(invoice_id, paidOn=_ago(10))
    await world.reverse(paid["settlement"]["id"])
    assert (await world.settle(invoice_id, paidOn=_ago(5)))["errors"] == []
    assert (await _figures(world))["meanDaysToPayment"] == 15.0
