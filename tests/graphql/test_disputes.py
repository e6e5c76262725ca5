"""What of an invoice is in dispute: its amount and its filter say the same."""

from tests.factories import World
from tests.graphql.test_adjustments import _answer, _appeal, _read
from tests.graphql.test_pages import INVOICES


async def _two_denials(world: World) -> tuple[str, str]:
    claim_id = (await world.claim_in_review())["id"]
    denials = [{"code": "1801", "amount": "40.00"}, {"code": "1802", "amount": "25.00"}]
    decision = {"sequence": 1, "approvedAmount": "35.00", "denials": denials}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id amount } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]["items"][0]["denials"]
    return claim_id, next(each["id"] for each in found if each["amount"] == "40.00")


async def test_the_filter_holds_the_invoices_whose_amount_in_dispute_is_not_zero(world: World) -> None:
    claim_id, denial_id = await _two_denials(world)
    first = (await world.create_invoice([claim_id]))["invoice"]["id"]
    await _appeal(world, denial_id)
    await _answer(world, denial_id, "40.00")
    recovery = (await world.create_invoice([]))["invoice"]["id"]
    amounts = {one: (await _read(world, one))["inDisputeAmount"] for one in (first, recovery)}
    assert amounts == {first: "25.00", recovery: "0.00"}
    found = (await world.call("finance", INVOICES, filter={"inDispute": True}))["invoices"]
    assert {node["id"] for node in found["nodes"]} == {first}


async def test_a_cancelled_invoice_has_nothing_in_dispute(world: World) -> None:
    claim_id, _ = await _two_denials(world)
    first = (await world.create_invoice([claim_id]))["invoice"]["id"]
    await world.mutate("finance", "cancelInvoice", "invoice { id }", id=first)
    second = (await world.create_invoice([claim_id]))["invoice"]["id"]
    amounts = {one: (await _read(world, one))["inDisputeAmount"] for one in (first, second)}
    assert amounts == {first: "0.00", second: "65.00"}
