"""Payers' statements as events: each is posted once; what cannot be posted goes to the dead-letter topic."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.reference_tables import providers
from app.db.tables import outbox
from app.events.inbox import dead_letter_topic_of, group_of, redeliver
from app.events.kafka_clients import bootstrap_of, ensure_topic
from app.runtime.settings import Settings
from tests.commands import billing
from tests.events.test_parking import metrics
from tests.factories import World, key, new_world, today
from tests.gateway import Gateway, running_gateway, server_settings
from tests.graphql.test_remittances import books, line, money
from tests.servers.base import Server
from tests.services import Services, start

TYPE = "br.billing.remittance.issued.v1"
CONTRACT = json.loads((Path(__file__).parents[2] / "events" / f"{TYPE}.json").read_text())
KEPT = "id source status statementNumber paidOn method bankReference paidAmount deniedAmount"
WATCH = "subscription { settlements { settlement { amount statementNumber } } }"
ENDS = ("posted", "repeated", "dead")
RESULTS = (*ENDS, "retried")
PATTERN = r"String should match pattern '^[0-9]{1,8}(\.[0-9]{1,2})?$'"


def statement(world: World, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A payer's event as its contract wants it."""
    data = {
        "provider": world.provider,
        "payer": world.payer,
        "statementNumber": f"E{key()[:16]}",
        "paidOn": today().isoformat(),
        "lines": list(lines),
        **changes,
    }
    event = {"specversion": "1.0", "id": key(), "source": f"/payer/{world.payer}", "type": TYPE, "data": data}
    jsonschema.validate(event, CONTRACT, jsonschema.Draft202012Validator)
    return event


@dataclass
class Dead:
    """A dead letter."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str]]


@dataclass
class Post:
    """Sends to a gateway's inbox, and reads its dead-letter topic."""

    gateway: Gateway
    producer: AIOKafkaProducer
    dead: AIOKafkaConsumer

    async def send(self, event: Any, *, partition: int = 0, headers: Any = None, key: bytes = b"payer") -> str:
        """Put the event (or these bytes) on the topic; its place there."""
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        topic = self.gateway.settings.remittances_topic
        async with asyncio.timeout(10):
            sent = await self.producer.send_and_wait(topic, value, key=key, headers=headers, partition=partition)
        return f"{topic}/{partition}/{sent.offset}"

    async def dead_letter(self) -> Dead:
        """The next dead letter."""
        async with asyncio.timeout(10):
            found = await self.dead.getone()
        return Dead(found.key, found.value, [(name, value.decode()) for name, value in found.headers])


@contextlib.asynccontextmanager
async def _post_of(gateway: Gateway) -> AsyncIterator[Post]:
    bootstrap = bootstrap_of(gateway.settings.events_url)
    dead_letters = dead_letter_topic_of(gateway.settings.remittances_topic)
    await ensure_topic(bootstrap, dead_letters)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    dead = AIOKafkaConsumer(dead_letters, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="latest")
    await producer.start()
    await dead.start()
    for partition in dead.assignment():
        await dead.position(partition)
    try:
        yield Post(gateway, producer, dead)
    finally:
        await producer.stop()
        await dead.stop()


@pytest.fixture
async def post(server_gateway: Gateway) -> AsyncIterator[Post]:
    """The way to the shared gateway."""
    async with _post_of(server_gateway) as found:
        yield found


@pytest.fixture(scope="module")
def mysql() -> Iterator[Server]:
    """A server of this module's own, which may be killed."""
    found = start("mysql")
    yield found
    found.discard()


@pytest.fixture(scope="module")
async def lonely(services: Services, mysql: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway on that server with an inbox of its own."""
    own = Services({**services.servers, "mysql": mysql})
    async with running_gateway(await server_settings(tmp_path_factory.mktemp("inbox"), own)) as gateway:
        yield gateway


@pytest.fixture
async def lonely_post(lonely: Gateway) -> AsyncIterator[Post]:
    """The way to it."""
    async with _post_of(lonely) as found:
        yield found


async def _results(*gateways: Gateway) -> dict[str, int]:
    """How many messages these gateways made what of."""
    scraped = [await metrics(gateway) for gateway in gateways]
    names = {result: f'billing_inbox_messages_total{{result="{result}"}}' for result in RESULTS}
    return {result: int(sum(one.get(name, 0) for one in scraped)) for result, name in names.items()}


async def _until(is_true: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await is_true():  # noqa: ASYNC110 - no signal to wait for
            await asyncio.sleep(0.03)


async def _handled(before: dict[str, int], gateway: Gateway, number: int) -> bool:
    found = await _results(gateway)
    return sum(found[each] - before[each] for each in ENDS) >= number


async def _done(before: dict[str, int], *gateways: Gateway, **expected: int) -> None:
    """Wait until that many messages more were handled; then nothing but what is expected has become of them."""
    wanted = {each: before[each] + expected.get(each, 0) for each in ENDS}
    found: dict[str, int] = {}

    async def is_true() -> bool:
        found.update(await _results(*gateways))
        return sum(found[each] for each in ENDS) >= sum(wanted.values())

    await _until(is_true)
    assert {each: found[each] for each in ENDS} == wanted


async def _confirmed(world: World) -> int:
    """How many payments of this world's payer were published."""
    async with world.gateway.database.reading() as connection:
        query = select(func.count()).where(outbox.c.name == "SettlementConfirmed", outbox.c.payer_ans == world.payer)
        return int((await connection.execute(query)).scalar_one())


async def _kept(world: World) -> list[dict[str, Any]]:
    """The statements that this world's finance sees."""
    query = f"{{ remittances {{ nodes {{ {KEPT} lines {{ status problem }} }} }} }}"
    found: list[dict[str, Any]] = (await world.call("finance", query))["remittances"]["nodes"]
    return found


async def _everything(world: World, claim: Any) -> Any:
    """All that a statement could change."""
    return await money(world, claim), await _kept(world), await books(world), await _confirmed(world)


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_a_statement_is_taken_in_and_posted_and_the_payment_is_told_once(
    server_world: World, post: Post, mode: str
) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    event = statement(world, line(claim, "100.00"), statementNumber="E-1", method="PIX", bankReference="TED 7")
    before, cents = await _results(gateway), (await metrics(gateway))["billing_settled_cents_total"]
    headers = [(f"ce_{name}", value.encode()) for name, value in event.items() if isinstance(value, str)]
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        if mode == "structured":
            await post.send(event, headers=[("content-type", b"application/cloudevents+json")])
        else:
            await post.send(event["data"], headers=[("content-type", b"application/json"), *headers])
        assert (await stream.next())["settlements"]["settlement"] == {"amount": "100.00", "statementNumber": "E-1"}
        assert await stream.is_silent(0.2)
    await _done(before, gateway, posted=1)
    assert (await metrics(gateway))["billing_settled_cents_total"] - cents == 10_000
    remittance = (await _kept(world))[0]
    assert {name: value for name, value in remittance.items() if name != "id"} == {
        "source": "EVENT",
        "status": "POSTED",
        "statementNumber": "E-1",
        "paidOn": today().isoformat(),
        "method": "PIX",
        "bankReference": "TED 7",
        "paidAmount": "100.00",
        "deniedAmount": "0.00",
        "lines": [{"status": "POSTED", "problem": None}],
    }
    paid = await money(world, claim)
    assert (paid["status"], paid["paidAmount"], paid["invoice"]["status"]) == ("APPROVED", "100.00", "SETTLED")
    invoice = await world.invoice(paid["invoice"]["id"])
    assert [(row["amount"], row["status"]) for row in invoice["settlements"]] == [("100.00", "CONFIRMED")]
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittancePosted"]
    assert (await world.events(invoice["id"])).count("SettlementConfirmed") == 1


async def test_the_same_event_again_changes_nothing(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    event = statement(world, line(claim, "60.00", ("1705", "40.00")))
    before = await _results(gateway)
    await post.send(event)
    await _done(before, gateway, posted=1)
    stored = await _everything(world, claim)
    assert (stored[0]["paidAmount"], stored[2], stored[3]) == (
        "60.00",
        ["100.00", "60.00", "40.00", "0.00", "0.00", "0.00"],
        1,
    )
    for partition in (0, 5):
        await post.send(event, partition=partition)
    await _done(before, gateway, posted=1, repeated=2)
    assert await _everything(world, claim) == stored


async def test_the_same_statement_under_another_id_changes_nothing(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claim = await world.submitted_claim()
    event = statement(world, line(claim, "60.00", ("1705", "40.00")))
    before = await _results(gateway)
    await post.send(event)
    await _done(before, gateway, posted=1)
    stored = await _everything(world, claim)
    await post.send({**event, "id": key()})
    await _until(lambda: _handled(before, gateway, 2))
    assert (await _results(gateway))["dead"] == before["dead"]
    assert await _everything(world, claim) == stored


async def test_an_id_counts_within_its_source(server_world: World, post: Post) -> None:
    world, gateway = server_world, server_world.gateway
    claims = [await world.submitted_claim() for _ in range(2)]
    events = [statement(world, line(claim, "100.00")) for claim in claims]
    before = await _results(gateway)
    await post.send({**events[0], "id": "1", "source": f"{world.payer}/a"})
    await post.send({**events[1], "id": "1", "source": f"{world.payer}/b"})
    await _done(before, gateway, posted=2)
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00", "100.00"]


async def test_a_payers_event_opens_no_claim_of_another_payer(server_world: World, post: Post) -> None:
    world, other = server_world, await new_world(server_world.gateway)
    theirs = await other.submitted_claim(provider=other.provider)
    before = await _results(world.gateway)
    await post.send(statement(other, line(theirs, "100.00"), payer=world.payer, provider=other.provider))
    await _done(before, world.gateway, posted=1)
    stored = await other.call("finance", f"{{ remittances {{ nodes {{ {KEPT} lines {{ status problem }} }} }} }}")
    assert [(one["status"], one["lines"]) for one in stored["remittances"]["nodes"]] == [
        ("IMPORTED", [{"status": "UNMATCHED", "problem": "UNKNOWN_CLAIM"}])
    ]
    assert (await money(other, theirs))["status"] == "SUBMITTED"
    assert (await _confirmed(world), await _confirmed(other)) == (0, 0)


Bad = Callable[[World, dict[str, Any]], Any]


def _data(**changes: Any) -> Bad:
    return lambda _world, event: {
        **event,
        "id": key(),
        "data": {**event["data"], "statementNumber": key()[:16]} | changes,
    }


def _first_line(**changes: Any) -> Bad:
    def made(_world: World, event: dict[str, Any]) -> Any:
        data = {**event["data"], "statementNumber": key()[:16], "lines": [{**event["data"]["lines"][0], **changes}]}
        return {**event, "id": key(), "data": data}

    return made


def _without(name: str) -> Bad:
    return lambda _world, event: {each: value for each, value in event.items() if each != name}


def _other_lines(world: World, event: dict[str, Any]) -> Any:
    return {**event, "data": {**event["data"], "bankReference": "TED 8"}}


def _under_its_number(world: World, event: dict[str, Any]) -> Any:
    return {**event, "id": key(), "data": {**event["data"], "lines": event["data"]["lines"] * 2}}


TEXT_WANTED = "must be an ASCII text of 1 to 80 characters"
NO_EVENT = "send a CloudEvent, in structured or binary mode"
BAD: dict[str, tuple[Bad, str, str]] = {
    "its id with other content": (
        _other_lines,
        "IDEMPOTENCY_KEY_REUSED",
        "idempotencyKey: this idempotency key was used with other input: send a new key",
    ),
    "its number with other lines": (
        _under_its_number,
        "CONFLICT",
        "statementNumber: the statement was already imported with other lines",
    ),
    "bad JSON": (lambda _world, event: json.dumps(event)[:-1].encode(), "INVALID_INPUT", "the message is not JSON"),
    "nothing": (lambda _world, _event: b"", "INVALID_INPUT", "the message is not JSON"),
    "a list": (lambda _world, event: [event], "INVALID_INPUT", NO_EVENT),
    "no id": (_without("id"), "INVALID_INPUT", f"id: {TEXT_WANTED}"),
    "no source": (_without("source"), "INVALID_INPUT", f"source: {TEXT_WANTED}"),
    "a long id": (lambda _world, event: {**event, "id": "x" * 81}, "INVALID_INPUT", f"id: {TEXT_WANTED}"),
    "a number as id": (lambda _world, event: {**event, "id": 7}, "INVALID_INPUT", f"id: {TEXT_WANTED}"),
    "another type": (
        lambda _world, event: {**event, "type": "br.billing.claim.created.v1"},
        "INVALID_INPUT",
        f"type: only {TYPE} is accepted",
    ),
    "no data": (_without("data"), "INVALID_INPUT", "data: Input should be an object"),
    "no lines": (
        _data(lines=[]),
        "INVALID_INPUT",
        "data.lines: List should have at least 1 item after validation, not 0",
    ),
    "an amount of three decimals": (
        _first_line(paidAmount="10.001"),
        "INVALID_INPUT",
        f"data.lines.0.paidAmount: {PATTERN}",
    ),
    "an amount below zero": (_first_line(paidAmount="-1.00"), "INVALID_INPUT", f"data.lines.0.paidAmount: {PATTERN}"),
    "an amount as a number": (
        _first_line(paidAmount=100),
        "INVALID_INPUT",
        "data.lines.0.paidAmount: Input should be a valid string",
    ),
    "a denial of nothing": (
        _first_line(denials=[{"code": "1705", "amount": "0.00"}]),
        "INVALID_AMOUNT",
        "lines.0.denials.0.amount: a denied amount must be above zero",
    ),
    "a day to come": (_data(paidOn="2999-01-01"), "INVALID_DATE", "paidOn: the payment date is in the future"),
    "an unknown provider": (_data(provider="9999999"), "NOT_FOUND", "provider: unknown provider"),
    "an unknown payer": (_data(payer="999999"), "NOT_FOUND", "payer: unknown payer"),
}


async def test_what_cannot_be_posted_goes_to_the_dead_letter_topic_and_later_messages_are_handled(
    server_world: World, post: Post
) -> None:
    world, gateway, own_key = server_world, server_world.gateway, server_world.payer.encode()
    claims = [await world.submitted_claim() for _ in range(2)]
    good = statement(world, line(claims[0], "100.00"), statementNumber="E-9")
    before = await _results(gateway)
    await post.send(good)
    expected, found = {}, {}
    for kind, (make, code, reason) in BAD.items():
        bad = make(world, good)
        value = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
        place = await post.send(value, headers=[("trace", kind.encode())], key=own_key)
        headers = [("trace", kind), ("dead-code", code), ("dead-reason", reason), ("dead-place", place)]
        expected[kind] = Dead(own_key, value, headers)
    await post.send(statement(world, line(claims[1], "50.00", ("1705", "50.00")), statementNumber="E-10"))
    for _ in BAD:
        dead = await post.dead_letter()
        found[dead.headers[0][1]] = dead
    assert found == expected
    await _done(before, gateway, posted=2, dead=len(BAD))
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00", "50.00"]
    stored = [(one["statementNumber"], one["paidAmount"], one["status"]) for one in await _kept(world)]
    assert sorted(stored) == [("E-10", "50.00", "POSTED"), ("E-9", "100.00", "POSTED")]
    assert (await _confirmed(world), (await books(world))[5]) == (2, "0.00")


async def _redeliver(settings: Settings) -> tuple[int, str]:
    """The exit code of `billing redeliver` and what it says."""
    own = {
        "BILLING_VAR_DIR": str(settings.var_dir),
        "BILLING_EVENTS_URL": settings.events_url,
        "BILLING_REMITTANCES_TOPIC": settings.remittances_topic,
    }
    done = await asyncio.to_thread(billing, "redeliver", **own)
    return done.returncode, done.stderr


async def test_dead_letters_are_put_back_and_posted_once_their_reason_is_gone(
    lonely: Gateway, lonely_post: Post
) -> None:
    post, payer = lonely_post, await new_world(lonely)
    world = World(lonely, payer.payer, "7654321", payer.patient, payer.card)
    event = statement(world, line({"providerClaimNumber": "G-LATE"}, "100.00"))
    before = await _results(lonely)
    await post.send(event, key=b"late", headers=[("trace", b"t-2")])
    place = await post.send(b"{", key=b"junk")
    assert (await post.dead_letter()).headers[:2] == [("trace", "t-2"), ("dead-code", "NOT_FOUND")]
    assert (await post.dead_letter()).headers[-1] == ("dead-place", place)
    await _done(before, lonely, dead=2)

    async def add(connection: AsyncConnection) -> None:
        values = {"cnes": world.provider, "name": "Late", "tax_id": "11222333000181", "last_invoice_number": 0}
        await connection.execute(insert(providers).values(**values))

    await lonely.database.transact(add)
    claim = await world.submitted_claim(providerClaimNumber="G-LATE")
    assert await _redeliver(lonely.settings) == (0, "2 messages put back\n")
    again = await post.dead_letter()
    assert (again.key, again.value) == (b"junk", b"{")
    assert [name for name, _ in again.headers] == ["dead-code", "dead-reason", "dead-place"]
    await _done(before, lonely, posted=1, dead=3)
    assert (await money(world, claim))["paidAmount"] == "100.00"
    assert await _confirmed(world) == 1
    assert await redeliver(lonely.settings.events_url, lonely.settings.remittances_topic) == 1
    await _done(before, lonely, posted=1, dead=4)
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
        await _until(is_true)
    finally:
        await admin.close()


async def test_two_gateways_share_the_inbox_and_post_nothing_twice(lonely: Gateway, lonely_post: Post) -> None:
    post, world = lonely_post, await new_world(lonely)
    claims = [await world.submitted_claim() for _ in range(12)]
    events = [statement(world, line(claim, "100.00")) for claim in claims]
    async with running_gateway(lonely.settings, is_prepared=True) as second:
        await _share(lonely, members=2)
        before, alone = await _results(lonely, second), await _results(lonely)
        # Twice each, so that both gateways get the same event at the same time.
        copies = [(event, place) for number, event in enumerate(events[:6]) for place in (number, (number + 3) % 6)]
        await asyncio.gather(*[post.send(event, partition=place) for event, place in copies])
        await _done(before, lonely, second, posted=6, repeated=6)
        both = await _results(lonely)
        assert sum(both[each] - alone[each] for each in ("posted", "repeated")) == 6
        assert await _confirmed(world) == 6
        await asyncio.gather(*[post.send(event, partition=number % 6) for number, event in enumerate(events[6:])])
    # The second one has gone in the midst of it.
    await _until(lambda: _has(world, 12))
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00"] * 12
    assert await _confirmed(world) == 12
    assert (await books(world))[5] == "0.00"


async def _has(world: World, confirmed: int) -> bool:
    return await _confirmed(world) >= confirmed


async def test_statements_wait_for_a_database_that_is_down_and_are_then_posted_once(
    lonely: Gateway, lonely_post: Post, mysql: Server
) -> None:
    world = await new_world(lonely)
    claims = [await world.submitted_claim() for _ in range(10)]
    events = [statement(world, line(claim, "100.00")) for claim in claims]
    before = await _results(lonely)
    for event in events[:8]:
        await lonely_post.send(event)
    await _until(lambda: _counts(lonely, "posted", before["posted"] + 1))
    await asyncio.to_thread(mysql.kill)
    for event in events[8:]:
        await lonely_post.send(event)
    await _until(lambda: _counts(lonely, "retried", before["retried"] + 4))
    await asyncio.to_thread(mysql.restart)
    # What was committed in the moment of the kill is found to be done when it is tried again.
    await _until(lambda: _has(world, 10), seconds=30)
    await _until(lambda: _handled(before, lonely, 10))
    assert (await _results(lonely))["dead"] == before["dead"]
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00"] * 10
    assert (await _confirmed(world), (await books(world))[5]) == (10, "0.00")


async def _counts(gateway: Gateway, result: str, number: int) -> bool:
    """Whether that many messages came to this result; asked of the process, since a scrape waits for the database."""
    found = gateway.parts.metrics.registry.get_sample_value("billing_inbox_messages_total", {"result": result})
    return (found or 0) >= number
