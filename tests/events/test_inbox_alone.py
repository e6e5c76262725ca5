"""The inbox of a gateway of its own: statements are put back, shared, and wait for a database that is down."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.reference_tables import providers
from app.events.dead_letters import redeliver
from app.events.inbox import group_of
from app.events.kafka_clients import bootstrap_of
from tests.events.inbox_post import Post, confirmed, done, handled, has, redelivered, results, statement, until
from tests.factories import World, new_world
from tests.gateway import Gateway, running_gateway
from tests.graphql.test_remittances import books, line, money
from tests.servers.base import Server


async def test_dead_letters_are_put_back_and_posted_once_their_reason_is_gone(
    lonely: Gateway, lonely_post: Post
) -> None:
    post, payer = lonely_post, await new_world(lonely)
    world = World(lonely, payer.payer, "7654321", payer.patient, payer.card)
    event = statement(world, line({"providerClaimNumber": "G-LATE"}, "100.00"))
    before = await results(lonely)
    await post.send(event, key=b"late", headers=[("trace", b"t-2")])
    place = await post.send(b"{", key=b"junk")
    assert (await post.dead_letter()).headers[:2] == [("trace", "t-2"), ("dead-code", "NOT_FOUND")]
    assert (await post.dead_letter()).headers[-1] == ("dead-place", place)
    await done(before, lonely, dead=2)

    async def add(connection: AsyncConnection) -> None:
        values = {"cnes": world.provider, "name": "Late", "tax_id": "11222333000181", "last_invoice_number": 0}
        await connection.execute(insert(providers).values(**values))

    await lonely.database.transact(add)
    claim = await world.submitted_claim(providerClaimNumber="G-LATE")
    assert await redelivered(lonely.settings) == (0, "2 messages put back\n")
    again = await post.dead_letter()
    assert (again.key, again.value) == (b"junk", b"{")
    assert [name for name, _ in again.headers] == ["dead-code", "dead-reason", "dead-place"]
    await done(before, lonely, posted=1, dead=3)
    assert (await money(world, claim))["paidAmount"] == "100.00"
    assert await confirmed(world) == 1
    assert len(await redeliver(lonely.settings.events_url, lonely.settings.remittances_topic)) == 1
    await done(before, lonely, posted=1, dead=4)
    assert (await post.dead_letter()).value == b"{"


async def _share(gateway: Gateway, *, members: int) -> None:
    """Wait until so many gateways have divided the topic between them."""
    settings = gateway.settings
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_of(settings.events_url))
    await admin.start()

    async def is_true() -> bool:
        (answer,) = await admin.describe_consumer_groups([group_of(settings.remittances_topic)])
        ((_error, _group, state, _type, _protocol, found, *_rest),) = answer.groups
        return (state, len(found)) == ("Stable", members)

    try:
        await until(is_true)
    finally:
        await admin.close()


async def test_two_gateways_share_the_inbox_and_post_nothing_twice(lonely: Gateway, lonely_post: Post) -> None:
    post, world = lonely_post, await new_world(lonely)
    claims = [await world.submitted_claim() for _ in range(12)]
    events = [statement(world, line(claim, "100.00")) for claim in claims]
    async with running_gateway(lonely.settings, is_prepared=True) as second:
        await _share(lonely, members=2)
        before, alone = await results(lonely, second), await results(lonely)
        # Twice each, so that both gateways get the same event at the same time.
        copies = [(event, place) for number, event in enumerate(events[:6]) for place in (number, (number + 3) % 6)]
        await asyncio.gather(*[post.send(event, partition=place) for event, place in copies])
        await done(before, lonely, second, posted=6, repeated=6)
        both = await results(lonely)
        assert sum(both[each] - alone[each] for each in ("posted", "repeated")) == 6
        assert await confirmed(world) == 6
        await asyncio.gather(*[post.send(event, partition=number % 6) for number, event in enumerate(events[6:])])
    # The second one has gone in the midst of it.
    await until(lambda: has(world, 12))
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00"] * 12
    assert await confirmed(world) == 12
    assert (await books(world))[5] == "0.00"


async def test_statements_wait_for_a_database_that_is_down_and_are_then_posted_once(
    lonely: Gateway, lonely_post: Post, mysql: Server
) -> None:
    world = await new_world(lonely)
    claims = [await world.submitted_claim() for _ in range(10)]
    events = [statement(world, line(claim, "100.00")) for claim in claims]
    before = await results(lonely)
    for event in events[:8]:
        await lonely_post.send(event)
    await until(lambda: _counts(lonely, "posted", before["posted"] + 1))
    await asyncio.to_thread(mysql.kill)
    for event in events[8:]:
        await lonely_post.send(event)
    await until(lambda: _counts(lonely, "retried", before["retried"] + 4))
    await asyncio.to_thread(mysql.restart)
    # What was committed in the moment of the kill is found to be done when it is tried again.
    await until(lambda: has(world, 10), seconds=30)
    await until(lambda: handled(before, lonely, 10))
    assert (await results(lonely))["dead"] == before["dead"]
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00"] * 10
    assert (await confirmed(world), (await books(world))[5]) == (10, "0.00")


async def _counts(gateway: Gateway, result: str, number: int) -> bool:
    """Whether that many messages came to this result; asked of the process, since a scrape waits for the database."""
    found = gateway.parts.metrics.registry.get_sample_value("billing_inbox_messages_total", {"result": result})
    return (found or 0) >= number
