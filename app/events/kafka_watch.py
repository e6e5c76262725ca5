"""Asks Kafka itself whether it answers and how many statements wait, for health checks and metrics.

A consumer cannot say so: with a broker that is down or hangs it returns no messages and no error.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.events.forever import forever
from app.events.kafka_clients import bootstrap_of, stop_client, tls_options
from app.telemetry.outages import Outage

PERIOD_SECONDS: Final = 2.0
DEADLINE_SECONDS: Final = 2.0
"""A broker that needs longer for its list of partitions counts as down."""
MEASURE_SECONDS: Final = 3.0


class Progress:
    """Whether a consumer group gets on: how many messages wait, and since when none of them was done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done = 0
        self._since = clock()
        self.waiting: int | None = None

    def note(self, *, done: int, waiting: int) -> None:
        """What was measured: messages done so far, whatever the count began with, and messages that wait."""
        if not waiting or not self.waiting or done != self._done:
            self._done, self._since = done, self._clock()
        self.waiting = waiting

    def stalled_seconds(self) -> float:
        """For how long messages have been waiting without any of them being done."""
        return self._clock() - self._since if self.waiting else 0.0


class KafkaWatch:
    """Looks every two seconds; `is_up` is the last answer, `inbox` the progress of the group that reads `topic`."""

    def __init__(self, url: str, *, topic: str, group: str, tls: SSLContext | None = None) -> None:
        self._url, self._topic, self._group, self._tls = url, topic, group, tls
        self.is_up = False
        self.inbox = Progress()
        self._has_looked = asyncio.Event()
        self._coordinator: int | None = None
        self._outage = Outage(
            "billing.kafka", down="kafka_down", back="kafka_back", effect="events and statements wait, none is lost"
        )

    async def run(self) -> None:
        """Look until cancelled."""
        await forever(self._watch, failed=self._failed, pause_seconds=PERIOD_SECONDS)

    async def has_answered(self) -> bool:
        """Whether Kafka answered the last time it was asked; waits for the first time."""
        await self._has_looked.wait()
        return self.is_up

    async def _watch(self) -> None:
        async with _clients(self._url, self._tls) as (admin, consumer):
            while True:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    (found,) = await admin.describe_topics([self._topic])
                self.is_up = True
                self._has_looked.set()
                self._outage.succeeded()
                await self._measure(admin, consumer, [each["partition"] for each in found["partitions"]])
                await asyncio.sleep(PERIOD_SECONDS)

    def _failed(self, error: BaseException) -> None:
        self.is_up = False
        self._has_looked.set()
        self._outage.failed(error)

    async def _measure(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, partitions: list[int]) -> None:
        """Compare the committed offsets with the ends; what cannot be measured now is unknown until the next time."""
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        try:
            async with asyncio.timeout(MEASURE_SECONDS):
                ends = await consumer.end_offsets(places) if places else {}
                done = await self._done(admin, consumer, ends)
        except (KafkaError, OSError):
            self.inbox.waiting = self._coordinator = None
        else:
            # An offset above the end is left from before the broker lost its data.
            waiting = sum(max(ends[place] - done[place], 0) for place in places)
            self.inbox.note(done=sum(done.values()), waiting=waiting)

    async def _done(
        self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """The first message of each partition that is not done; without a committed offset it is the oldest one."""
        if not ends:
            return {}
        if self._coordinator is None:
            self._coordinator = await admin.find_coordinator(self._group)
        committed = await admin.list_consumer_group_offsets(self._group, self._coordinator)
        done = {place: committed[place].offset if place in committed else 0 for place in ends}
        behind = [place for place, end in ends.items() if done[place] < end]
        # Nothing else asks for the oldest messages: where all are done, they do not matter.
        begin = await consumer.beginning_offsets(behind) if behind else {}
        return {place: max(offset, begin.get(place, 0)) for place, offset in done.items()}


@asynccontextmanager
async def _clients(url: str, tls: SSLContext | None) -> AsyncIterator[tuple[Any, Any]]:
    """A client for metadata, and one for offsets; both are closed with the block."""
    options = {"bootstrap_servers": bootstrap_of(url), "request_timeout_ms": 5_000, **tls_options(tls)}
    admin, consumer = AIOKafkaAdminClient(**options), AIOKafkaConsumer(group_id=None, **options)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(admin.start(), consumer.start())
        yield admin, consumer
    finally:
        await asyncio.gather(_close(admin), stop_client(consumer))


async def _close(admin: AIOKafkaAdminClient) -> None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await admin.close()
    except (KafkaError, OSError):
        pass
