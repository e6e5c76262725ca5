"""A statement that pays what was appealed answers the appeal: the books balance, and the batch of appeals ends."""

from typing import Any

import pytest

from tests.factories import World, key, today
from tests.graphql.test_appeal_batches import sent

BOOKS = "billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount"


async def _pay(world: World, number: str, lines: list[dict[str, Any]], statement: str) -> Any:
    lines = [{"providerClaimNumber": number, **each} for each in lines]
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "statementNumber": statement, "lines": lines}
    imported = await world.mutate(
        "finance", "importRemittance", "remittance { id }", paidOn=today().isoformat(), idempotencyKey=key(), **values
    )
    given = {"remittanceId": imported["remittance"]["id"], "idempotencyKey": key()}
    fields = "postedLines putBackLines remittance { lines { nodes { status problem } } }"
    return await world.mutate("finance", "postRemittance", fields, **given)


async def _state(world: World, batch: Any) -> tuple[str, list[tuple[str, str]], dict[str, str]]:
    """The status of the batch, those of its denials with the won amounts, and the books."""
    query = f"""query($id: ID!, $payer: AnsCode) {{
      appealBatch(id: $id) {{ status denials {{ nodes {{ status wonAmount }} }} }}
      reconciliation(payerAnsCode: $payer) {{ {BOOKS} }}
    }}"""
    found = await world.call("biller", query, id=batch["id"], payer=world.payer)
    denials = found["appealBatch"]["denials"]["nodes"]
    return (
        found["appealBatch"]["status"],
        [(each["status"], each["wonAmount"]) for each in denials],
        found["reconciliation"],
    )


async def _number(world: World, batch: Any) -> str:
    query = "query($id: ID!) { appealBatch(id: $id) { denials { nodes { claim { providerClaimNumber } } } } }"
    found = await world.call("biller", query, id=batch["id"])
    return str(found["appealBatch"]["denials"]["nodes"][0]["claim"]["providerClaimNumber"])


def _books(paid: str, disputed: str, lost: str = "0.00", awaiting: str = "0.00") -> dict[str, str]:
    return {
        "billedAmount": "137.00",
        "paidAmount": paid,
        "inDisputeAmount": disputed,
        "lostAmount": lost,
        "awaitingAmount": awaiting,
        "unexplainedAmount": "0.00",
    }


async def test_the_appealed_amount_is_paid_and_the_appeal_won(world: World) -> None:
    batch, _ = await sent(world)
    number = await _number(world, batch)
    first = await _pay(world, number, [{"item": {"sequence": 1}, "paidAmount": "60.00"}], "DEM1")
    assert (first["postedLines"], first["putBackLines"]) == (1, 0)
    assert await _state(world, batch) == ("SENT", [("APPEALED", "0.00")] * 2, _books("60.00", "77.00"))
    second = await _pay(world, number, [{"item": {"sequence": 2}, "paidAmount": "37.00"}], "DEM2")
    assert (second["postedLines"], second["putBackLines"]) == (1, 0)
    half = [("APPEALED", "0.00"), ("OVERTURNED", "37.00")]
    assert await _state(world, batch) == ("SENT", half, _books("97.00", "40.00"))
    third = await _pay(world, number, [{"paidAmount": "40.00"}], "DEM3")
    assert (third["postedLines"], third["putBackLines"]) == (1, 0)
    both = [("OVERTURNED", "40.00"), ("OVERTURNED", "37.00")]
    assert await _state(world, batch) == ("ANSWERED", both, _books("137.00", "0.00"))
    fourth = await _pay(world, number, [{"paidAmount": "40.00"}], "DEM4")
    assert (fourth["postedLines"], fourth["putBackLines"]) == (0, 1)
    assert await _state(world, batch) == ("ANSWERED", both, _books("137.00", "0.00"))


@pytest.mark.parametrize("amount", ["39.99", "40.01", "77.01"])
async def test_another_amount_waits_for_a_person(world: World, amount: str) -> None:
    batch, _ = await sent(world)
    number = await _number(world, batch)
    await _pay(world, number, [{"paidAmount": "60.00"}], "DEM1")
    before = await _state(world, batch)
    payload = await _pay(world, number, [{"paidAmount": amount}], "DEM2")
    assert payload["remittance"]["lines"] == [{"status": "UNMATCHED", "problem": "OVERPAID"}]
    assert await _state(world, batch) == before
