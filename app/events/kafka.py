"""Kafka: the transport of the relay, and the reader that feeds the hub of this process."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from ssl import SSLContext
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidMessageError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
)
from aiokafka.protocol.produce import ProduceRequest

from app.db.outbox import OutboxRecord
from app.events import earlier
from app.events.cloud_events import cloud_event
from app.events.forever import forever
from app.events.hub import Hub
from app.events.kafka_clients import (
    IDLE_MILLISECONDS,
    bootstrap_of,
    ensure_topic,
    running_consumer,
    start_producer,
    stop_client,
)
from app.events.listeners import StreamEvent
from app.events.publishing import EventRefused
from app.telemetry.outages import Outage

RETRY_SECONDS: Final = 1.0
REFUSALS: Final = (
    *(CorruptRecordException, InvalidMessageError, InvalidTimestampError, PolicyViolationError),
    *(MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError),
)
"""The broker's errors about the event itself: sending it again changes nothing."""
HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
_log = structlog.get_logger("billing.kafka")


class NotLeading(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """Another process may publish; the client gives up its messages, since the error is not one to retry."""


class KafkaTransport:
    """Publishes rows as CloudEvents, keyed by aggregate, as long as `may_send` says so; with an `earlier_topic`, those
    that the earlier service knew there too, in its envelope.

    After any failure the next call starts a new producer: an idempotent producer numbers its messages, and does not
    recover when the broker has lost its state or the outcome of a send is unknown.
    """

    def __init__(
        self,
        url: str,
        topic: str,
        tls: SSLContext | None = None,
        *,
        may_send: Callable[[], bool] = lambda: True,
        earlier_topic: str = "",
    ) -> None:
        self._url = url
        self._topic = topic
        self._earlier_topic = earlier_topic
        self._tls = tls
        self._may_send = may_send
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Return once the broker has acknowledged every row.

        EventRefused if the broker will never accept one of them, KafkaError, OSError or TimeoutError if it may later.
        """
        producer = await self._started()
        try:
            for wave in waves(rows):
                self._check()
                await asyncio.gather(*[self._send(producer, row) for row in wave])
        except REFUSALS as error:
            await self.close()
            raise EventRefused(f"the broker answered {type(error).__name__}") from error
        except BaseException:
            await self.close()
            raise

    async def _send(self, producer: AIOKafkaProducer, row: OutboxRecord) -> None:
        body = orjson.dumps(cloud_event(row))
        key = row.aggregate_id.encode()
        await producer.send_and_wait(self._topic, body, key=key, headers=HEADERS)
        # After it, so that nothing is told of an event that the broker refused.
        repeated = earlier.envelope(row) if self._earlier_topic else None
        if repeated is not None:
            await producer.send_and_wait(self._earlier_topic, repeated, key=key, headers=earlier.HEADERS)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            for topic in filter(None, (self._topic, self._earlier_topic)):
                await ensure_topic(bootstrap_of(self._url), topic, self._tls)
            self._producer = await start_producer(self._url, self._tls, linger_ms=2)
            self._fence(self._producer)
        return self._producer

    def _check(self) -> None:
        if not self._may_send():
            raise NotLeading

    def _fence(self, producer: AIOKafkaProducer) -> None:
        """Ask before every request too: the client sends what it has buffered, and what was not acknowledged, by
        itself, also after the process was stopped for a while."""
        client = producer.client
        send = client.send

        async def fenced_send(node_id: int, request: Any, **options: Any) -> Any:
            if isinstance(request, ProduceRequest):
                # Connecting may take time: after it, nothing is between the question and the sending.
                await client.ready(node_id, **options)
                self._check()
            return await send(node_id, request, **options)

        client.send = fenced_send

    async def close(self) -> None:
        """Stop the producer, if there is one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_client(producer)


def waves(rows: Iterable[OutboxRecord]) -> list[list[OutboxRecord]]:
    """The rows in waves that may be sent at once: the n-th row of every aggregate is in the n-th wave.

    If a send fails, no later event of the same aggregate has been sent, so none overtakes it.
    """
    found: list[list[OutboxRecord]] = []
    counts: dict[str, int] = {}
    for row in rows:
        index = counts.get(row.aggregate_id, 0)
        counts[row.aggregate_id] = index + 1
        if index == len(found):
            found.append([])
        found[index].append(row)
    return found


class KafkaReader:
    """Reads the whole topic without a consumer group, so that every process gets every event.

    `is_reading` is set while it reads.
    """

    def __init__(self, url: str, topic: str, hub: Hub, tls: SSLContext | None = None) -> None:
        self._url = url
        self._topic = topic
        self._hub = hub
        self._tls = tls
        self.is_reading = asyncio.Event()
        self._outage = Outage(
            "billing.kafka", down="reader_failed", back="reader_back", effect="subscriptions wait, no event is lost"
        )

    async def run(self) -> None:
        """Read until cancelled; after any failure start again a second later."""
        await forever(self._read, failed=self._failed, pause_seconds=RETRY_SECONDS)

    def _failed(self, error: BaseException) -> None:
        self.is_reading.clear()
        self._outage.failed(error)

    async def _read(self) -> None:
        newest = running_consumer(self._url, self._topic, self._tls, group_id=None, auto_offset_reset="latest")
        async with newest as consumer:
            # "latest" becomes a fixed offset here. Only then is the log read: an event published in between is read
            # from both and delivered once; in the other order it would be in neither.
            await asyncio.gather(*[consumer.position(partition) for partition in consumer.assignment()])
            await self._hub.catch_up()
            self.is_reading.set()
            self._outage.succeeded()
            while True:
                batches = await consumer.getmany(timeout_ms=IDLE_MILLISECONDS)
                if not batches:
                    # A broker that lost its data counts offsets from 0 again, while the consumer waits for a higher
                    # one: silence may mean that events were missed, and the event log has them.
                    await self._hub.catch_up()
                await self._deliver(message for batch in batches.values() for message in batch)

    async def _deliver(self, messages: Iterable[Any]) -> None:
        for message in messages:
            event = _event_of_message(message.value)
            if event is not None:
                await self._hub.deliver(event)


def _event_of_message(value: bytes | None) -> StreamEvent | None:
    """The event of a message body; None, with a log line, for a message that the gateway did not publish."""
    try:
        event = orjson.loads(value or b"")
        data = event["data"]
        return StreamEvent(
            position=int(event["position"]),
            event_id=event["id"],
            name=event["eventname"],
            aggregate_id=event["subject"],
            provider=data["provider"],
            payer=data["payer"],
            recorded_at=datetime.fromisoformat(event["time"]),
            data=data,
        )
    except (ValueError, KeyError, TypeError):
        _log.warning("foreign_message", effect="skipped")
        return None
