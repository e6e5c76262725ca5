"""Which items of a claim the lines of a payer's document are about, and which line cannot be read."""

from datetime import timedelta

from tests.factories import BLOOD_COUNT, CONSULTATION, World, today
from tests.graphql.test_remittances import books, done, post
from tests.graphql.test_statement_documents import guide, send, taken
from tests.payer_documents import Item, analysis, message


async def test_a_payers_own_order_of_items_is_read_by_codes_and_days(world: World) -> None:
    earlier = (today() - timedelta(days=2)).isoformat()
    of_today = {**CONSULTATION, "performedOn": today().isoformat()}
    items = [of_today, {**CONSULTATION, "performedOn": earlier}, BLOOD_COUNT]
    claim = await world.submitted_claim(serviceDate=earlier, items=items)
    lines = (
        Item(sequence="1", code=BLOOD_COUNT["code"], billed="37.00", paid="37.00", day=earlier),
        Item(sequence="8", paid="40.00", denials=(("1705", "60.00"),), day=earlier),
        Item(sequence="9"),
    )
    remittance = await taken(world, message(world.payer, analysis(world, "OWN-1", guide(world, claim, *lines))))
    assert done(await post(world, remittance))[:3] == ("POSTED", 3, 0)
    decided = (await world.claim(claim["id"]))["items"]
    assert [(each["approvedAmount"], each["deniedAmount"]) for each in decided] == [
        *(("100.00", "0.00"), ("40.00", "60.00"), ("37.00", "0.00")),
    ]


async def test_a_document_of_one_line_that_cannot_be_read_says_which(world: World) -> None:
    claim = await world.submitted_claim()
    said = analysis(world, "A-1", guide(world, claim)).replace("<valorLiberado>100.00<", "<valorLiberado>cem<")
    payload = await send(world, message(world.payer, said))
    assert [each["message"] for each in payload["errors"]] == [
        "invalid TISS statement: no amount of the document can be read: write valorLiberado of its line 1 like 1234.56"
    ]
    assert (payload["remittances"], await books(world)) == ([], ["100.00", "0.00", "0.00", "0.00", "100.00", "0.00"])
