"""What becomes of won appeals where several payers and their own claims are about."""

from dataclasses import replace

from tests.factories import World, new_world, refusals
from tests.gateway import Gateway
from tests.graphql.test_adjustments import _answer, _appeal, _lines, _partial_claim, _read


async def test_are_billed_to_the_payer_that_lost_them(gateway: Gateway, world: World) -> None:
    other = replace(await new_world(gateway), provider=world.provider)
    _, denial_id = await _partial_claim(other)
    await _appeal(other, denial_id)
    await _answer(other, denial_id, "40.00")
    assert refusals(await world.create_invoice([])) == [("INVALID_INPUT", "claimIds", None)]
    assert (await world.draft_invoice("10.00"))["totalAmount"] == "10.00"
    found = await _read(other, (await other.create_invoice([]))["invoice"]["id"])
    assert _lines(found) == [("RECOVERY", "40.00", "0.00", "0.00")]


async def test_beside_their_own_claim_leave_its_dispute_counted_once(world: World) -> None:
    claim_id = (await world.claim_in_review())["id"]
    denials = [{"code": "1801", "amount": "40.00"}, {"code": "1802", "amount": "25.00"}]
    decision = {"sequence": 1, "approvedAmount": "35.00", "denials": denials}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id amount } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]["items"][0]["denials"]
    denial_id = next(each["id"] for each in found if each["amount"] == "40.00")
    await _appeal(world, denial_id)
    await _answer(world, denial_id, "40.00")
    invoice = await _read(world, (await world.create_invoice([claim_id]))["invoice"]["id"])
    assert _lines(invoice) == [("CLAIM", "35.00", "0.00", "0.00"), ("RECOVERY", "40.00", "0.00", "0.00")]
    assert (invoice["totalAmount"], invoice["inDisputeAmount"]) == ("75.00", "25.00")
