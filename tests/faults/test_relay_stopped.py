"""The process whose relay leads is stopped in the midst of sending, and goes on when another one leads."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.db import outbox as outbox_db
from app.db.outbox import NewEvent
from tests.events.test_parking import raw
from tests.faults.processes import Fleet, GatewayProcess
from tests.faults.proxy import Proxy
from tests.faults.stage import staged
from tests.faults.waiting import all_published, until, until_true
from tests.figures import Figures
from tests.gateway import server_settings
from tests.length import scaled
from tests.servers import kafka
from tests.servers.launch import free_port
from tests.services import Services

STOPS = scaled(full=8, short=2)
AGGREGATES, EACH = 12, 25
ANSWER_SECONDS = 0.05
"""How long the broker's answers take: sending takes most of the leader's time, and a stop is in the midst of it."""


@asynccontextmanager
async def _slow_broker() -> AsyncIterator[Proxy]:
    proxy_port = free_port()
    broker = await asyncio.to_thread(kafka.native, proxy_port)
    try:
        async with Proxy(int(broker.url.rpartition(":")[2]), port=proxy_port) as proxy:
            proxy.delay(ANSWER_SECONDS)
            yield proxy
    finally:
        broker.discard()


class Topic:
    """Everything on the topic, by partition, in its order."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.events: dict[TopicPartition, list[Any]] = {}

    async def run(self) -> None:
        while True:
            for partition, messages in (await self._consumer.getmany(timeout_ms=200)).items():
                self.events.setdefault(partition, []).extend(orjson.loads(message.value) for message in messages)

    def seen(self) -> dict[TopicPartition, int]:
        return {partition: len(events) for partition, events in self.events.items()}

    def since(self, before: dict[TopicPartition, int]) -> list[Any]:
        return [event for place, events in self.events.items() for event in events[before.get(place, 0) :]]

    def followed(self) -> list[tuple[str, int]]:
        """What a consumer handles that drops positions at or below the last one of their aggregate."""
        last: dict[str, int] = {}
        handled = []
        for event in (event for events in self.events.values() for event in events):
            if event["position"] > last.get(event["subject"], 0):
                last[event["subject"]] = event["position"]
                handled.append((event["subject"], event["position"]))
        return handled


@asynccontextmanager
async def _read(settings: Any) -> AsyncIterator[Topic]:
    bootstrap = settings.events_url.removeprefix("kafka://").partition("?")[0]
    consumer = AIOKafkaConsumer(
        settings.events_topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    topic = Topic(consumer)
    task = asyncio.create_task(topic.run())
    try:
        yield topic
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


async def _record(fleet: Fleet, round_number: int) -> list[NewEvent]:
    events = [raw(f"inv_{round_number}_{number % AGGREGATES}") for number in range(AGGREGATES * EACH)]
    await fleet.database.transact(lambda connection: outbox_db.insert_events(connection, events))
    return events


async def _stop_leader(fleet: Fleet, topic: Topic, round_number: int) -> tuple[GatewayProcess, float]:
    """Stop the leader while it sends, until another one leads and has published all; how long that took."""
    leader, before = await fleet.leader(), topic.seen()
    events = await _record(fleet, round_number)
    await until(lambda: len(topic.since(before)) > AGGREGATES * 2)
    began = time.monotonic()
    os.kill(leader.pid, signal.SIGSTOP)
    others = [process for process in fleet.processes if process is not leader]

    async def is_replaced() -> bool:
        return any([await fleet.metric("billing_relay_is_leader", process) == 1 for process in others])

    await until_true(is_replaced)
    seconds = time.monotonic() - began
    await all_published(fleet.database)
    await until(lambda: {event.event_id for event in events} <= {event["id"] for event in topic.since(before)})
    return leader, seconds


async def test_a_leader_that_was_stopped_sends_nothing_once_its_lease_is_old(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    late: list[Any] = []
    takeovers = []
    async with _slow_broker() as proxy:
        query = "" if services.kafka.flavor == "apache" else "?idempotent=false"
        url = f"kafka://127.0.0.1:{proxy.port}{query}"
        settings = await server_settings(tmp_path, services, events_url=url)
        async with staged(settings, processes=2) as fleet, _read(settings) as topic:
            for round_number in range(STOPS):
                leader, seconds = await _stop_leader(fleet, topic, round_number)
                takeovers.append(seconds)
                before = topic.seen()
                os.kill(leader.pid, signal.SIGCONT)
                # It serves again, and has had the time to send what it had in hand.
                await until_true(lambda leader=leader: _is_follower(fleet, leader))  # type: ignore[misc]
                await asyncio.sleep(1)
                late += topic.since(before)
            expected = {f"inv_{turn}_{number}" for turn in range(STOPS) for number in range(AGGREGATES)}
            handled = topic.followed()
    assert late == []
    assert sorted(position for _, position in handled) == list(range(1, STOPS * AGGREGATES * EACH + 1))
    assert {aggregate for aggregate, _ in handled} == expected
    figures(
        stops=STOPS,
        events=len(handled),
        slowest_takeover_seconds=max(takeovers),
        sent_after_it_lost_the_lead=len(late),
        behind_later_ones_of_their_aggregate=0,
    )


async def _is_follower(fleet: Fleet, process: GatewayProcess) -> bool:
    return await fleet.metric("billing_relay_is_leader", process) == 0
