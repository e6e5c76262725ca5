"""A statement from Kafka that came before its claims, or before the analysis of its protocol, is posted by itself."""

from tests.events.inbox_post import Post, done, results, statement
from tests.factories import World, flat, key
from tests.graphql.test_lines_before_claims import until_known
from tests.graphql.test_protocol_payments import until_divided
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


async def test_a_payment_of_a_protocol_is_posted_when_its_analysis_comes(server_world: World, post: Post) -> None:
    world = server_world
    claims = [await world.submitted_claim() for _ in range(2)]
    before = await results(world.gateway)
    await post.send(statement(world, {"paidAmount": "170.00", "protocolNumber": "4711"}))
    await done(before, world.gateway, posted=1)
    (paying,) = flat(await world.call("finance", STATEMENTS))["remittances"]
    assert paying["lines"] == [{"status": "UNMATCHED", "problem": "UNKNOWN_CLAIM"}]
    lines = [line(claims[0], "100.00"), line(claims[1], "70.00", ("1705", "30.00"))]
    analysis = statement(world, *({**each, "protocolNumber": "4711"} for each in lines), paidOn=None)
    before = await results(world.gateway)
    await post.send(analysis)
    await done(before, world.gateway, posted=1)
    found = await until_divided(world, paying)
    assert [each["status"] for each in found] == ["SPLIT", "POSTED", "POSTED"]
    assert await books(world) == ["200.00", "170.00", "30.00", "0.00", "0.00", "0.00"]
