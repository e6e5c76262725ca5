"""An event that cannot be published is parked: later events of its aggregate wait for it, all others go on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.db.clock import process_time as now
from app.db.engine import Database
from app.db.outbox import NewEvent, OutboxRecord
from app.db.tables import outbox
from app.domain import ids
from app.events.cloud_events import EVENT_BYTES_MAX, SOURCE
from app.events.contracts import CONTRACTS
from app.events.kafka import KafkaTransport
from app.events.kafka_clients import PARTITIONS, bootstrap_of
from app.events.publishing import EventRefused, Publisher
from app.runtime.build import database_of
from app.runtime.settings import Settings
from app.telemetry.metrics import Metrics
from tests.factories import World
from tests.faults.stage import prepare
from tests.gateway import Gateway, server_settings
from tests.services import Services

WATCH = "subscription { settlementRecorded { settlement { id amount } } }"
GOOD = '{"provider":"1234567","payer":"123456"}'
FLAWS = {
    "the data is not JSON": ("InvoiceIssued", GOOD[:-1]),
    "the data has no provider or no payer": ("InvoiceIssued", '{"provider":"1234567"}'),
}


def raw(aggregate_id: str, *, name: str = "InvoiceIssued", data: str | None = None, padding: int = 0) -> NewEvent:
    """An outbox row as no code of the gateway would write it."""
    whole = json.dumps({"provider": "1234567", "payer": "123456", "note": "x" * padding}, separators=(",", ":"))
    return NewEvent(
        event_id=ids.new_id(ids.EVENT),
        name=name,
        aggregate_id=aggregate_id,
        provider_cnes=None,
        payer_ans=None,
        patient_id=None,
        data=whole if data is None else data,
        recorded_at=now(),
    )


def _sized(aggregate_id: str, size: int) -> NewEvent:
    """A row whose message has this many bytes while it has no position."""
    empty = raw(aggregate_id)
    message = {
        "specversion": "1.0",
        "id": empty.event_id,
        "source": SOURCE,
        "type": "br.billing.invoice.issued.v1",
        "subject": aggregate_id,
        "time": empty.recorded_at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "eventname": "InvoiceIssued",
        "position": None,
        "data": json.loads(empty.data),
    }
    padding = size - len(json.dumps(message, separators=(",", ":")))
    data = json.dumps({"provider": "1234567", "payer": "123456", "note": "x" * padding}, separators=(",", ":"))
    return NewEvent(**{name: getattr(empty, name) for name in NewEvent.__dataclass_fields__} | {"data": data})


async def record(database: Database, *events: NewEvent) -> None:
    """Put the events into the outbox."""
    await database.transact(lambda connection: outbox_db.insert_events(connection, events))


async def _mend(database: Database, event: NewEvent, data: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        values = {"name": "InvoiceIssued", "data": data}
        await connection.execute(update(outbox).where(outbox.c.event_id == event.event_id).values(**values))

    await database.transact(work)


async def _release(database: Database, *aggregate_ids: str) -> int:
    return await database.transact(lambda connection: outbox_db.release(connection, aggregate_ids))


async def _parked(database: Database) -> list[tuple[str, str, str]]:
    """Aggregate, event and reason of everything that is parked."""
    async with database.reading() as connection:
        return [(each.aggregate_id, each.event_id, each.parked_reason) for each in await outbox_db.parked(connection)]


async def _rows(database: Database, *aggregate_ids: str) -> list[tuple[int | None, bool]]:
    """The position of each event of these aggregates, and whether it has left, in the order of their records."""
    async with database.reading() as connection:
        query = select(outbox.c.position, outbox.c.published_at).where(outbox.c.aggregate_id.in_(aggregate_ids))
        return [(row[0], row[1] is not None) for row in (await connection.execute(query.order_by(outbox.c.id))).all()]


async def positions(database: Database) -> list[int]:
    """Every position in the log, in order."""
    async with database.reading() as connection:
        query = select(outbox.c.position).where(outbox.c.position.is_not(None)).order_by(outbox.c.position)
        return [row[0] for row in (await connection.execute(query)).all()]


async def metrics(gateway: Gateway) -> dict[str, float]:
    """Every sample of the gateway, by its name with its labels."""
    lines = (await gateway.client.get("/metrics")).text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


async def at_rest(gateway: Gateway, *, parked: int = 0) -> None:
    """Wait until that many events are held back and no other waits."""
    gateway.parts.relay.wake()
    names, wanted = ("billing_outbox_parked", "billing_outbox_pending"), [parked, 0]
    found: list[float | None] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while found != wanted:
                scraped = await metrics(gateway)
                # Before the relay's first round they are not there yet.
                found = [scraped.get(name) for name in names]
                await asyncio.sleep(0.03 * (found != wanted))
    assert found == wanted


async def on_topic(settings: Settings) -> dict[str, list[tuple[str, int]]]:
    """What is on the topic: id and position of every message by key, in order."""
    bootstrap = bootstrap_of(settings.events_url)
    consumer = AIOKafkaConsumer(
        settings.events_topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: dict[str, list[tuple[str, int]]] = {}
        count = 0
        async with asyncio.timeout(10):
            while count < sum(ends.values()):
                message = await consumer.getone()
                event, count = orjson.loads(message.value), count + 1
                found.setdefault(message.key.decode(), []).append((event["id"], event["position"]))
        return found
    finally:
        await consumer.stop()


@pytest.fixture
async def tidy(gateway: Gateway) -> AsyncIterator[None]:
    """Deletes what a failed test leaves in the shared outbox, so that it does not disturb the next test."""
    yield
    broken = outbox.c.parked_at.is_not(None)

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(delete(outbox).where(broken))

    await gateway.database.transact(work)


def _flawed(reason: str, aggregate_id: str) -> NewEvent:
    if reason not in FLAWS:
        return _sized(aggregate_id, EVENT_BYTES_MAX + 1)
    name, data = FLAWS[reason]
    return raw(aggregate_id, name=name, data=data)


@pytest.mark.usefixtures("tidy")
async def test_events_that_can_never_leave_hold_up_their_own_invoices_and_nothing_else(
    gateway: Gateway, world: World
) -> None:
    reasons = [*FLAWS, f"the event has {EVENT_BYTES_MAX + 1} bytes, the limit is {EVENT_BYTES_MAX}"]
    made = await asyncio.gather(*[world.issued_invoice() for _ in range(len(reasons) + 1)])
    *invoices, unharmed = [invoice["id"] for invoice in made]
    await at_rest(gateway)
    culprits = [_flawed(reason, invoice) for reason, invoice in zip(reasons, invoices, strict=True)]
    await record(gateway.database, *culprits)
    await at_rest(gateway, parked=3)
    expected = [(one.aggregate_id, one.event_id, reason) for one, reason in zip(culprits, reasons, strict=True)]
    assert await _parked(gateway.database) == expected
    async with gateway.subscribed(WATCH, world.token("finance")) as stream:
        waiting = [(await world.settle(invoice, "10.00"))["settlement"]["id"] for invoice in invoices]
        passing = (await world.settle(unharmed, "20.00"))["settlement"]["id"]
        assert (await stream.next())["settlementRecorded"]["settlement"] == {"id": passing, "amount": "20.00"}
        # Each culprit, and the two later events of its settlement.
        await at_rest(gateway, parked=3 * 3)
        assert await stream.is_silent(0.2)
        before = await positions(gateway.database)
        last = before[-1]
        assert before == list(range(1, last + 1))
        assert await _release(gateway.database, unharmed) == 0
        for number, (culprit, invoice) in enumerate(zip(culprits, invoices, strict=True)):
            assert (await _rows(gateway.database, invoice))[2:] == [(None, False)] * 3
            await _mend(gateway.database, culprit, GOOD)
            assert await _release(gateway.database, invoice) == 1
            await at_rest(gateway, parked=3 * (2 - number))
            assert (await stream.next())["settlementRecorded"]["settlement"] == {
                "id": waiting[number],
                "amount": "10.00",
            }
            left = [(last + 3 * number + place, True) for place in (1, 2, 3)]
            assert (await _rows(gateway.database, invoice))[2:] == left
    assert await positions(gateway.database) == list(range(1, last + 3 * 3 + 1))


@pytest.mark.usefixtures("tidy")
async def test_an_event_that_is_released_unmended_is_parked_again(gateway: Gateway, world: World) -> None:
    invoice = (await world.issued_invoice())["id"]
    await at_rest(gateway)
    culprit = _flawed("the data is not JSON", invoice)
    await record(gateway.database, culprit)
    await at_rest(gateway, parked=1)
    await world.settle(invoice, "10.00")
    for _ in range(2):
        assert await _release(gateway.database, invoice) == 1
        await at_rest(gateway, parked=3)
        assert await _parked(gateway.database) == [(invoice, culprit.event_id, "the data is not JSON")]
        assert (await _rows(gateway.database, invoice))[2:] == [(None, False)] * 3
    await _mend(gateway.database, culprit, GOOD)
    await _release(gateway.database, invoice)
    await at_rest(gateway)


async def test_an_event_of_just_the_size_that_is_allowed_leaves(gateway: Gateway) -> None:
    aggregate = ids.new_id(ids.INVOICE)
    await record(gateway.database, _sized(aggregate, EVENT_BYTES_MAX))
    await at_rest(gateway)
    assert [left for _, left in await _rows(gateway.database, aggregate)] == [True]


@pytest.fixture
async def outbox_of_its_own(services: Services, tmp_path: Path) -> AsyncIterator[tuple[Settings, Database]]:
    """An empty outbox without a gateway, and a topic that takes messages of at most 2,000 bytes."""
    if services.kafka.flavor != "apache":
        pytest.skip("only Apache Kafka refuses a message for its size")
    settings = await server_settings(tmp_path, services)
    admin = AIOKafkaAdminClient(bootstrap_servers=services.kafka.url)
    await admin.start()
    limits = {"max.message.bytes": "2000"}
    await admin.create_topics([NewTopic(settings.events_topic, PARTITIONS, 1, topic_configs=limits)])
    await prepare(settings)
    database = database_of(settings)
    yield settings, database
    await database.dispose()
    await admin.delete_topics([settings.events_topic])
    await admin.close()


@contextlib.asynccontextmanager
async def _own_publisher(settings: Settings, database: Database) -> AsyncIterator[Publisher]:
    transport = KafkaTransport(settings.events_url, settings.events_topic)
    try:
        yield Publisher(database, transport, metrics=Metrics(), now=now)
    finally:
        await transport.close()


async def _told_once(settings: Settings) -> dict[str, list[tuple[str, int]]]:
    """The same without repetitions: neighbours of a refused event are sent again, under their ids."""
    return {key: list(dict.fromkeys(events)) for key, events in (await on_topic(settings)).items()}


async def _step(publisher: Publisher, database: Database) -> bool:
    async with database.engine.connect() as connection:
        return await publisher.publish_batch(connection)


async def test_an_event_that_the_broker_refuses_holds_up_its_own_aggregate_and_nothing_else(
    outbox_of_its_own: tuple[Settings, Database],
) -> None:
    settings, database = outbox_of_its_own
    good = [raw("inv_good") for _ in range(3)]
    other = [raw("inv_other") for _ in range(3)]
    bad = [raw("inv_bad"), raw("inv_bad", padding=3_000), raw("inv_bad")]
    rows = [event for wave in zip(good, bad, other, strict=True) for event in wave]
    await record(database, *rows)
    async with _own_publisher(settings, database) as publisher:
        assert await _step(publisher, database) is True
        assert await _parked(database) == [("inv_bad", bad[1].event_id, "the broker answered MessageSizeTooLargeError")]
        assert await _rows(database, "inv_good", "inv_other") == [(place, True) for place in (1, 3, 4, 6, 7, 9)]
        assert await _rows(database, "inv_bad") == [(2, True), (5, False), (8, False)]
        late = [raw("inv_bad"), raw("inv_good")]
        await record(database, *late)
        assert await _step(publisher, database) is True
        assert await _step(publisher, database) is False
        assert (await _rows(database, "inv_bad"))[3:] == [(None, False)]
        assert (await _told_once(settings))["inv_bad"] == [(bad[0].event_id, 2)]
        await _mend(database, bad[1], GOOD)
        assert await _release(database, "inv_bad") == 1
        assert await _step(publisher, database) is True
        assert await _step(publisher, database) is False
    assert await _told_once(settings) == {
        "inv_good": [(event.event_id, place) for event, place in zip([*good, late[1]], (1, 4, 7, 10), strict=True)],
        "inv_other": [(event.event_id, place) for event, place in zip(other, (3, 6, 9), strict=True)],
        "inv_bad": [(event.event_id, place) for event, place in zip([*bad, late[0]], (2, 5, 8, 11), strict=True)],
    }
    assert await positions(database) == list(range(1, 12))


async def test_the_transport_distinguishes_a_refused_event_from_a_broker_that_is_down(
    outbox_of_its_own: tuple[Settings, Database],
) -> None:
    settings, database = outbox_of_its_own
    await record(database, raw("inv_big", padding=3_000))

    async def numbered(connection: AsyncConnection) -> list[OutboxRecord]:
        may_be = await outbox_db.may_be_published(connection, CONTRACTS)
        rows = await outbox_db.unnumbered(connection, 10, may_be)
        await outbox_db.number(connection, [row.id for row in rows])
        return await outbox_db.unpublished(connection, 10, may_be)

    rows = await database.transact(numbered)
    transport = KafkaTransport(settings.events_url, settings.events_topic)
    with pytest.raises(EventRefused, match=r"^the broker answered MessageSizeTooLargeError$"):
        await transport.publish(rows)
    await transport.close()
    unreachable = KafkaTransport("kafka://127.0.0.1:1", settings.events_topic)
    with pytest.raises(KafkaError):
        await unreachable.publish(rows)
    assert await on_topic(settings) == {}
