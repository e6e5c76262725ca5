"""What once stopped the inbox, the relay or a stream for good, or lost something in silence."""

import asyncio
import gc
import json
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from sqlalchemy import update

from app.db.clock import process_time as now
from app.db.outbox import OutboxRecord
from app.db.tables import outbox
from app.domain.errors import BillingError
from app.events.publishing import Publisher
from app.runtime.build import database_of
from app.services import inbox as inbox_service
from app.telemetry.metrics import Metrics
from tests.events.inbox_post import statement
from tests.events.test_log import _first_message, first_messages
from tests.events.test_parking import at_rest, metrics, positions, raw, record
from tests.factories import new_world
from tests.faults.stage import prepare
from tests.faults.waiting import until_true
from tests.gateway import embedded_settings, running_gateway, server_settings
from tests.graphql.test_remittances import line
from tests.services import Services

NEARLY_TOO_BIG = 1_048_576 - 72


async def _send_poison(producer: AIOKafkaProducer, topic: str) -> None:
    """Broken JSON, nothing at all, and one so big that it has no room for a reason."""
    await producer.send_and_wait(topic, b"{", key=b"k", partition=0)
    nothing = producer._message_accumulator.add_message(TopicPartition(topic, 0), None, None, 10, headers=[])
    await (await nothing)
    await producer.send_and_wait(topic, b"{" * NEARLY_TOO_BIG, key=b"k", partition=0)


async def test_no_message_however_bad_stops_later_ones(services: Services, tmp_path: Path) -> None:
    settings = await server_settings(tmp_path, services)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway:
        world = await new_world(gateway)
        good = json.dumps(statement(world, line(await world.submitted_claim(), "100.00"))).encode()
        producer = AIOKafkaProducer(bootstrap_servers=services.kafka.url, max_request_size=20_000_000)
        packing = AIOKafkaProducer(
            bootstrap_servers=services.kafka.url, max_request_size=20_000_000, compression_type="gzip"
        )
        for each in (producer, packing):
            await each.start()
        await producer.client._wait_on_metadata(settings.remittances_topic)
        await _send_poison(producer, settings.remittances_topic)
        await packing.send_and_wait(settings.remittances_topic, b"{" * 3_000_000, key=b"k", partition=0)
        await producer.send_and_wait(settings.remittances_topic, good, key=b"k", partition=0)
        for each in (producer, packing):
            await each.stop()

        async def is_posted() -> bool:
            return (await metrics(gateway)).get('billing_inbox_messages_total{result="posted"}') == 1

        await until_true(is_posted, seconds=20)
        assert (await metrics(gateway))['billing_inbox_messages_total{result="dead"}'] == 4


async def test_an_old_event_that_cannot_be_deleted_keeps_later_ones(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway:
        world = await new_world(gateway)
        invoice = await world.issued_invoice()
        await at_rest(gateway)
        first = (await positions(gateway.database))[0]
        await world.settle(invoice["id"], "10.00")
        await at_rest(gateway)
        before = await positions(gateway.database)

        async def age_all_but_the_first(connection: Any) -> None:
            old = outbox.c.position > first
            await connection.execute(update(outbox).where(old).values(published_at=now() - timedelta(days=31)))

        await gateway.database.transact(age_all_but_the_first)
        gateway.parts.relay._cleanup_at = 0.0
        gateway.parts.relay.wake()
        await asyncio.sleep(1)
        assert await positions(gateway.database) == before
        _start, settled = await first_messages(world, "settlementRecorded", await gateway.stream_cursor(first or 0), 2)
        # The settlement comes before the change of the invoice that it made.
        assert settled["payload"]["data"]["settlementRecorded"]["cursor"] == await gateway.stream_cursor(
            (before[-1] or 0) - 1
        )


class _Taking:
    """A transport that stores what it gets."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Keep the rows' ids."""
        self.ids += [row.event_id for row in rows]

    async def close(self) -> None:
        """Nothing to close."""


async def test_what_stands_before_a_flawed_event_leaves(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path)
    await prepare(settings)
    database, taking = database_of(settings), _Taking()
    publisher = Publisher(database, taking, metrics=Metrics(), now=now)
    before, flawed, later, other = raw("inv_a"), raw("inv_a", data="{"), raw("inv_a"), raw("inv_b")
    await record(database, before, flawed, later, other)
    async with database.engine.connect() as connection:
        await publisher.publish_batch(connection)
    await database.dispose()
    assert taking.ids == [before.event_id, other.event_id]


@pytest.mark.parametrize(
    ("changes", "place"),
    [({"paidOn": 0}, "data.paidOn"), ({"lines": [{"paidAmount": "1.00", "itemSequence": True}]}, "data.lines.0")],
)
def test_a_number_is_no_day_and_a_truth_no_number(changes: dict[str, Any], place: str) -> None:
    lines = [{"paidAmount": "1.00", "providerClaimNumber": "G1"}]
    data = {"provider": "1234567", "payer": "123456", "statementNumber": "S", "lines": lines, **changes}
    with pytest.raises(BillingError) as refused:
        inbox_service.read({"type": "br.billing.remittance.issued.v1", "data": data})
    assert (refused.value.failures[0].field or "").startswith(place)


async def test_a_subscriber_who_leaves_in_the_replay_leaks_no_connection(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway:
        world = await new_world(gateway)
        await world.submitted_claim()
        await at_rest(gateway)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(30):
                await _first_message(world, "claimStatusChanged", await gateway.stream_cursor(0))
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            gc.collect()
    assert [str(one.message)[:60] for one in caught if "garbage collector" in str(one.message)] == []
