"""Money that is taken back of a whole claim is divided over its items, with what is denied of each: to the cent."""

from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, refusals
from tests.graphql.test_late_denials import back, paid_claim
from tests.graphql.test_line_resolutions import STEP, fate, stuck, undo
from tests.graphql.test_remittances import books, done, post, taken

PARTS = "query($id: ID!) { remittance(id: $id) { lines { nodes { id } } } }"
ITEMS = [{**CONSULTATION, "unitPrice": "60.00"}, {**BLOOD_COUNT, "unitPrice": "20.00"}]


def part(item: int, amount: str, *denials: tuple[str, str], **values: Any) -> dict[str, Any]:
    """A part that takes back so much of an item."""
    denied = [{"code": code, "amount": cents} for code, cents in denials]
    return {"paidAmount": "0.00", "takenBackAmount": amount, "itemSequence": item, "denials": denied, **values}


async def split(world: World, row: Any, *parts: dict[str, Any]) -> Any:
    """The payload of splitRemittanceLine."""
    values = {"remittanceLineId": row["id"], "parts": list(parts), "idempotencyKey": key()}
    return await world.mutate("finance", "splitRemittanceLine", STEP, **values)


async def test_what_a_line_takes_back_and_denies_is_divided_over_the_items(world: World) -> None:
    claim = await paid_claim(world, items=ITEMS)
    remittance = await stuck(world, back(claim, "100.00", ("1705", "60.00")))
    (row,) = remittance["lines"]
    before = await books(world)
    refused = [
        ([part(1, "60.00", ("1705", "60.00")), part(2, "39.99")], "TOTAL_MISMATCH"),
        ([part(1, "60.00", ("1705", "59.99")), part(2, "40.00")], "TOTAL_MISMATCH"),
        ([part(1, "140.00", ("1705", "60.00")), part(2, "0.00", paidAmount="40.00")], "INVALID_AMOUNT"),
    ]
    for parts, code in refused:
        assert refusals(await split(world, row, *parts)) == [(code, "parts", None)]
    parts = [part(1, "60.00", ("1705", "60.00")), part(2, "40.00")]
    assert (await split(world, row, *parts))["line"]["status"] == "SPLIT"
    assert (await undo(world, row))["problem"] == "AMOUNTS_DIFFER"
    assert await books(world) == before == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]
    assert (await split(world, row, *parts))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "40.00", "0.00", [("1705", "60.00", "OPEN")])
    # Of the second item nothing is denied: its 40.00 are due again.
    assert await books(world) == ["100.00", "0.00", "60.00", "0.00", "40.00", "0.00"]


async def test_a_person_says_what_is_denied_of_money_that_was_taken_back_without_a_word(world: World) -> None:
    claim = await paid_claim(world, items=ITEMS)
    remittance = await taken(world, back(claim, "100.00"))
    (row,) = remittance["lines"]
    unmatched = await world.mutate("finance", "unmatchRemittanceLine", STEP, remittanceLineId=row["id"])
    assert unmatched["line"]["problem"] == "MATCH_REMOVED"
    of_claim = {"claimId": claim["id"]}
    denied, other = part(1, "60.00", ("1705", "60.00"), **of_claim), part(2, "40.00", **of_claim)
    refused: list[tuple[dict[str, Any], str, str]] = [
        ({**denied, "claimId": None}, "CONFLICT", "parts.0.claimId"),
        ({**denied, "denials": [{"code": "1705", "amount": "59.00"}]}, "TOTAL_MISMATCH", "parts"),
        ({**denied, "denials": [{"code": "0000", "amount": "60.00"}]}, "UNKNOWN_CODE", "parts.0.denials.0.code"),
    ]
    for wrong, code, field in refused:
        assert [each[:2] for each in refusals(await split(world, row, wrong, other))] == [(code, field)]
    assert (await split(world, row, denied, other))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "40.00", "0.00", [("1705", "60.00", "OPEN")])
    assert await books(world) == ["100.00", "0.00", "60.00", "0.00", "40.00", "0.00"]
    parts = (await world.call("finance", PARTS, id=remittance["id"]))["remittance"]["lines"]["nodes"]
    assert (await undo(world, parts[1]))["status"] == "POSTED"
    assert await books(world) == ["100.00", "0.00", "0.00", "0.00", "100.00", "0.00"]
