"""A statement from Kafka that came before its claims is posted when they come."""

from tests.events.inbox_post import Post, done, results, statement
from tests.factories import World, flat, key
from tests.graphql.test_lines_before_claims import until_known
from tests.graphql.test_remittances import books, line, money

STATEMENTS = "{ remittances { nodes { id status lines { nodes { status problem } } } } }"


async def test_a_statement_from_the_inbox_is_posted_when_its_claim_comes(server_world: World, post: Post) -> None:
    world, number = server_world, key()[:20]
    first = await world.submitted_claim()
    before = await results(world.gateway)
    early = statement(world, line(first, "100.00"), line({"providerClaimNumber": number}, "70.00", ("1705", "30.00")))
    await post.send(early)
    await done(before, world.gateway, posted=1)
    (found,) = flat(await world.call("finance", STATEMENTS))["remittances"]
    assert (found["status"], found["lines"][1]) == (
        "PARTIALLY_POSTED",
        {"status": "UNMATCHED", "problem": "UNKNOWN_CLAIM"},
    )
    claim = await world.submitted_claim(providerClaimNumber=number)
    assert (await until_known(world, found))["status"] == "POSTED"
    assert (await money(world, claim))["paidAmount"] == "70.00"
    assert await books(world) == ["200.00", "170.00", "30.00", "0.00", "0.00", "0.00"]
    assert await world.events(found["id"]) == [
        "RemittanceImported",
        "RemittanceLinesWaiting",
        "RemittancePosted",
        "RemittancePosted",
    ]
    # The same message again changes nothing.
    before = await results(world.gateway)
    await post.send(early)
    await done(before, world.gateway, repeated=1)
    assert (await books(world))[1] == "170.00"
