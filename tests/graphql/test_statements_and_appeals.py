"""Statements beside won appeals, other providers, and sums that no invoice holds."""

from dataclasses import replace

from tests.factories import World, new_world
from tests.gateway import Gateway
from tests.graphql.test_adjustments import _answer, _appeal, _partial_claim
from tests.graphql.test_remittances import books, done, line, money, post, take, taken


async def _won(world: World) -> tuple[str, str]:
    """A claim with 60.00 approved and 25.00 won, neither of them billed: its id and the provider's number."""
    claim_id, denial_id = await _partial_claim(world)
    await _appeal(world, denial_id)
    await _answer(world, denial_id, "25.00")
    return claim_id, (await world.claim(claim_id))["providerClaimNumber"]


async def test_a_won_appeal_of_another_claim_is_not_billed_by_a_statement(world: World) -> None:
    await _won(world)
    claim = await world.submitted_claim()
    assert done(await post(world, await taken(world, line(claim, "100.00")))) == ("POSTED", 1, 0, ["100.00"])
    invoice = (await money(world, claim))["invoice"]
    assert (invoice["status"], invoice["totalAmount"], invoice["dueAmount"]) == ("SETTLED", "100.00", "0.00")
    assert [(each["amount"], each["claim"]["id"]) for each in invoice["lines"]] == [("100.00", claim["id"])]
    assert await books(world) == ["200.00", "100.00", "0.00", "15.00", "85.00", "0.00"]


async def test_a_claim_is_billed_and_paid_though_its_won_appeal_was_billed_before(world: World) -> None:
    claim_id, number = await _won(world)
    drop = {"providerClaimNumber": "", "id": claim_id}
    recovery = (await world.create_invoice([]))["invoice"]
    assert recovery["totalAmount"] == "25.00"
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=recovery["id"])
    remittance = await taken(world, line({**drop, "providerClaimNumber": number}, "85.00"))
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["25.00", "60.00"])
    assert (await world.invoice(recovery["id"]))["status"] == "SETTLED"
    found = await money(world, drop)
    assert (found["paidAmount"], found["invoice"]["totalAmount"], found["invoice"]["status"]) == (
        "85.00",
        "60.00",
        "SETTLED",
    )


async def test_claims_that_no_invoice_holds_together_get_one_each(world: World) -> None:
    claims = [await world.approved_claim("60000000.00") for _ in range(2)]
    remittance = await taken(world, *[line(claim, "10.00") for claim in claims])
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["10.00", "10.00"])
    invoices = [(await money(world, claim))["invoice"] for claim in claims]
    assert [each["totalAmount"] for each in invoices] == ["60000000.00"] * 2
    assert invoices[0]["id"] != invoices[1]["id"]


async def test_two_providers_get_statements_with_one_number(gateway: Gateway, world: World) -> None:
    stranger = await new_world(gateway)
    other = replace(stranger, payer=world.payer, card=world.card, patient=world.patient)
    first = await taken(world, line(await world.submitted_claim(), "100.00"), statementNumber="D-1")
    payload = await take(
        other, [line(await other.submitted_claim(), "90.00", ("1705", "10.00"))], statementNumber="D-1"
    )
    assert (payload["errors"], payload["alreadyImported"]) == ([], False)
    assert payload["remittance"]["id"] != first["id"]
    again = await take(other, [line({"providerClaimNumber": "G-NONE"}, "1.00")], statementNumber="D-2")
    assert again["errors"] == []
