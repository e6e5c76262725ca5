"""The chance of a denial before a claim is sent, learnt from the payer's own decisions."""

from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, DOCTOR, World, new_world

QUERY = """query($id: ID!) { claimPreflight(input: {claimId: $id}) { denialChances {
  itemSequence chance decidedItemCount deniedItemCount isOfPractitioner amount learntFrom { id }
} } }"""
OTHER = {**DOCTOR, "number": "777"}


async def _decided(world: World, denied: str | None, doctor: Any = DOCTOR) -> str:
    """A consultation of 100.00 of which so much is denied."""
    claim = str((await world.claim_in_review(practitioner=doctor))["id"])
    decision: dict[str, Any] = {"sequence": 1, "approvedAmount": f"{100 - float(denied or 0):.2f}"}
    if denied is not None:
        decision["denials"] = [{"code": "1801", "amount": denied}]
    assert (await world.adjudicate(claim, [decision]))["errors"] == []
    return claim


async def _draft(world: World, doctor: Any = DOCTOR) -> str:
    items = [BLOOD_COUNT, {**CONSULTATION, "unitPrice": "50.00"}]
    return str((await world.create_claim(items=items, practitioner=doctor))["claim"]["id"])


async def _chances(world: World, draft: str) -> Any:
    return (await world.call("biller", QUERY, id=draft))["claimPreflight"]["denialChances"]


async def test_the_chance_is_the_lower_bound_of_the_own_history(world: World) -> None:
    draft = await _draft(world)
    assert await _chances(world, draft) == []
    first = await _decided(world, "40.00")
    for _ in range(8):
        await _decided(world, None)
    second = await _decided(world, "40.00", OTHER)
    common = {"itemSequence": 2, "amount": "20.00"}
    found = await _chances(world, draft)
    # 2 of 10; the nine of the same practitioner are not enough.
    assert found == [
        {**common, "chance": "0.0566", "decidedItemCount": 10, "deniedItemCount": 2, "isOfPractitioner": False}
        | {"learntFrom": [{"id": second}, {"id": first}]}
    ]
    await _decided(world, None)
    assert await _chances(world, draft) == [
        {**common, "chance": "0.0178", "decidedItemCount": 10, "deniedItemCount": 1, "isOfPractitioner": True}
        | {"learntFrom": [{"id": first}]}
    ]


async def test_other_providers_and_payers_teach_nothing(world: World) -> None:
    other = await new_world(world.gateway)
    await _decided(other, "40.00")
    assert await _chances(world, await _draft(world)) == []
