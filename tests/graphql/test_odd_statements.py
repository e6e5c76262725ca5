"""Statements that are odd, as payers send them: each is taken as what it says, or refused with what to do."""

from tests.factories import World, today
from tests.graphql.test_remittances import books, done, post
from tests.graphql.test_statement_documents import guide, taken
from tests.payer_documents import Item, Paid, analysis, message, payment


async def test_a_statement_of_nothing_but_zeros_denies_and_pays_nothing(world: World) -> None:
    denied, silent = [await world.submitted_claim() for _ in range(2)]
    nothing = Item(paid="0.00", denials=(("1705", "100.00"),))
    zeros = Item(billed="0.00", paid="0.00")
    alone = await taken(world, message(world.payer, analysis(world, "Z-1", guide(world, silent, zeros))))
    assert done(await post(world, alone))[:3] == ("IMPORTED", 0, 1)
    whole = await taken(world, message(world.payer, analysis(world, "Z-2", guide(world, denied, nothing))))
    assert done(await post(world, whole)) == ("POSTED", 1, 0, [])
    assert [(await world.claim(each["id"]))["status"] for each in (denied, silent)] == ["DENIED", "SUBMITTED"]
    paying = payment(world, "Z-3", today().isoformat(), net="0.00", paid=Paid("0.00", "100.00"))
    payload = await taken(world, message(world.payer, paying))
    assert [(each["protocolNumber"], each["paidAmount"]) for each in payload["lines"]] == [("99", "0.00")]
    assert done(await post(world, payload))[3] == []
    assert await books(world) == ["200.00", "0.00", "100.00", "0.00", "100.00", "0.00"]
