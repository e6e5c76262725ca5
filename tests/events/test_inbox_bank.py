"""A statement from Kafka is matched to the bank entry of its payment that came before it."""

from tests.bank_files import ofx
from tests.events.inbox_post import Post, done, results, statement
from tests.factories import World
from tests.graphql.test_bank import Account
from tests.graphql.test_remittances import line

ENTRIES = "{ bankEntries { nodes { status amount payer { ansCode } } } }"


async def test_a_payment_that_came_in_before_its_statement_is_matched(server_world: World, post: Post) -> None:
    world, account = server_world, Account(server_world)
    assert await account.counts(ofx(account.entry("100.00"), account.entry("40.00"))) == (2, 2, 0, False)
    before = await results(world.gateway)
    claim = await world.submitted_claim()
    await post.send(statement(world, line(claim, "100.00"), paidOn=account.day.isoformat()))
    await done(before, world.gateway, posted=1)
    found = (await world.call("finance", ENTRIES))["bankEntries"]["nodes"]
    by_amount = {each["amount"]: (each["status"], each["payer"]) for each in found}
    assert by_amount == {"100.00": ("MATCHED", {"ansCode": world.payer}), "40.00": ("WAITING", None)}
    assert await account.announced() == []
