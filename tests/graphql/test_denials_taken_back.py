"""A denial that a person has made of a posted line is taken back for a reason: the amount is due again, to the cent."""

from typing import Any

from tests.factories import World, key, refusals, today
from tests.graphql.test_late_denials import back, paid_claim
from tests.graphql.test_line_resolutions import STEP, fate, resolved, stuck, undo
from tests.graphql.test_remittances import books, done, line, post, taken

ACTIONS = (
    "query($id: ID!) { node(id: $id) { ... on RemittanceLine { availableActions { action blockedBy { code } } } } }"
)
DENIALS = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"


async def refused(world: World, row: Any) -> list[Any]:
    """Why the last step cannot be taken back."""
    values = {"remittanceLineId": row["id"], "reason": "engano", "idempotencyKey": key()}
    return refusals(await world.mutate("finance", "undoRemittanceLine", STEP, **values))


async def can_undo(world: World, row: Any) -> bool:
    """Whether the line offers it."""
    found = (await world.call("finance", ACTIONS, id=row["id"]))["node"]["availableActions"]
    return next(each["blockedBy"] is None for each in found if each["action"] == "UNDO")


async def test_a_recalculation_that_was_accepted_is_due_again_and_paid(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await stuck(world, line(claim, "80.00", itemSequence=1))
    (row,) = remittance["lines"]
    await resolved(world, row, acceptAsDenial={"code": "1705"})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["80.00"])
    assert (await books(world), await can_undo(world, row)) == (
        ["100.00", "80.00", "20.00", "0.00", "0.00", "0.00"],
        True,
    )
    after = await undo(world, row)
    assert (after["status"], after["remittance"]["status"]) == ("POSTED", "POSTED")
    steps = after["history"]
    assert [(each["action"], each["note"]) for each in steps] == [("ACCEPT_AS_DENIAL", None), ("UNDO", "engano")]
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1705", "20.00", "OVERTURNED")])
    assert await books(world) == ["100.00", "80.00", "0.00", "0.00", "20.00", "0.00"]
    assert (await world.events(claim["id"]))[-1] == "DenialRecovered"
    assert (await can_undo(world, row), await refused(world, row)) == (False, [("CONFLICT", "remittanceLineId", None)])
    values = {"provider": world.provider, "payer": world.payer, "billingMonth": today().strftime("%Y-%m")}
    billed = await world.mutate(
        "biller", "createInvoice", "invoice { id }", **values, claimIds=[], idempotencyKey=key()
    )
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=billed["invoice"]["id"], idempotencyKey=key())
    assert done(await post(world, await taken(world, line(claim, "20.00", itemSequence=1))))[3] == ["20.00"]
    assert await books(world) == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]


async def test_what_was_written_off_of_money_that_went_back_is_due_again(world: World) -> None:
    claim = await paid_claim(world)
    remittance = await stuck(world, back(claim, "20.00", ("1705", "10.00"), itemSequence=1))
    (row,) = remittance["lines"]
    await resolved(world, row, writeOff={"code": "1801", "reason": "pouco"})
    await post(world, remittance)
    assert await books(world) == ["100.00", "80.00", "10.00", "10.00", "0.00", "0.00"]
    await undo(world, row)
    # What the payer denies itself stays: it can be appealed.
    denials = [("1705", "10.00", "OPEN"), ("1801", "10.00", "OVERTURNED")]
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", denials)
    assert await books(world) == ["100.00", "80.00", "10.00", "0.00", "10.00", "0.00"]


async def test_a_denial_that_the_payer_is_asked_about_is_not_taken_back(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await stuck(world, line(claim, "80.00", itemSequence=1))
    (row,) = remittance["lines"]
    await resolved(world, row, acceptAsDenial={"code": "1705"})
    await post(world, remittance)
    (denial,) = await _denials(world, claim)
    values = {"id": denial, "justification": "correto", "idempotencyKey": key()}
    await world.mutate("biller", "appealDenial", "denial { id }", **values)
    before = await books(world)
    assert (await can_undo(world, row), await refused(world, row)) == (False, [("CONFLICT", "remittanceLineId", None)])
    assert await books(world) == before == ["100.00", "80.00", "20.00", "0.00", "0.00", "0.00"]


async def _denials(world: World, claim: Any) -> list[str]:
    items = (await world.call("reviewer", DENIALS, id=claim["id"]))["claim"]["items"]
    return [each["id"] for item in items for each in item["denials"]]
