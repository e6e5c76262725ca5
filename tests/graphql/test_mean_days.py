"""The mean days to payment."""

from datetime import UTC, datetime, timedelta

from tests.factories import World
from tests.graphql.test_reconciliation import _figures, _invoice, _sent


async def test_the_mean_days_to_payment_are_rounded_half_up(world: World) -> None:
    for days in (2, 2, 1):
        claim_id = (await world.approved_claim("100.00"))["id"]
        await _sent(world, claim_id, datetime.now(UTC) - timedelta(days=days))
        await world.settle(await _invoice(world, claim_id))
    assert (await _figures(world))["meanDaysToPayment"] == 1.7
