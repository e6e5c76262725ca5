"""Kafka: the producer behind the relay, and the reader that feeds this process's hub."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    CorruptRecordException,
    InvalidMessageError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
    TopicAlreadyExistsError,
)

from app.db.outbox import OutboxRecord
from app.events.contracts import cloud_event
from app.events.forever import forever
from app.events.hub import Hub, StreamEvent
from app.events.relay import EventRefused

PARTITIONS: Final = 6
RETRY_SECONDS: Final = 1.0
START_SECONDS: Final = 20.0
IDLE_MILLISECONDS: Final = 1_000
_log = structlog.get_logger("billing.kafka")
REFUSALS: Final = (
    *(CorruptRecordException, InvalidMessageError, InvalidTimestampError, PolicyViolationError),
    *(MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError),
)
"""What a broker says of the event itself: to send it again changes nothing."""
CONTENT_TYPE: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def bootstrap_of(url: str) -> str:
    """host:port[,host:port] of kafka://host:port[,host:port][?idempotent=false]."""
    return urlsplit(url).netloc


def is_idempotent(url: str) -> bool:
    """Whether the producer asks the broker to drop repeated sends; false only for brokers that cannot."""
    return parse_qs(urlsplit(url).query).get("idempotent", ["true"])[0] != "false"


def secured(tls: SSLContext | None) -> dict[str, Any]:
    """The arguments that let a client speak TLS; none where it speaks plainly."""
    return {} if tls is None else {"security_protocol": "SSL", "ssl_context": tls}


async def ensure_topic(bootstrap: str, topic: str, tls: SSLContext | None = None) -> None:
    """Create the topic if the broker does not have it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000, **secured(tls))
    try:
        await admin.start()
        if topic not in await admin.list_topics():
            await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    except TopicAlreadyExistsError:
        pass
    finally:
        await admin.close()


class KafkaTransport:
    """Publishes rows as CloudEvents, keyed by aggregate; after any failure the next call builds a new producer, since
    an idempotent producer does not recover when the broker has lost its state."""

    def __init__(self, url: str, topic: str, tls: SSLContext | None = None) -> None:
        self._tls = tls
        self._bootstrap = bootstrap_of(url)
        self._is_idempotent = is_idempotent(url)
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Return when the broker has acknowledged every row; KafkaError otherwise, EventRefused for good.

        Rows of one aggregate are sent one after the other: if one fails, none behind it has overtaken it.
        """
        producer = await self._ready()
        try:
            for wave in waves(rows):
                await asyncio.gather(*[self._send(producer, row) for row in wave])
        except REFUSALS as error:
            await self.close()
            raise EventRefused(f"the broker says {type(error).__name__}") from error
        except BaseException:
            await self.close()
            raise

    async def _send(self, producer: AIOKafkaProducer, row: OutboxRecord) -> None:
        body = orjson.dumps(cloud_event(row))
        await producer.send_and_wait(self._topic, body, key=row.aggregate_id.encode(), headers=CONTENT_TYPE)

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is None:
            await ensure_topic(self._bootstrap, self._topic, self._tls)
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                enable_idempotence=self._is_idempotent,
                request_timeout_ms=8_000,
                linger_ms=2,
                **secured(self._tls),
            )
            try:
                await producer.start()
            except BaseException:
                await quietly_stop(producer)
                raise
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        """Stop the producer, if there is one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await quietly_stop(producer)


async def quietly_stop(client: Any) -> None:
    """Stop a producer or consumer whose broker may be gone."""
    try:
        async with asyncio.timeout(3):
            await client.stop()
    except (KafkaError, OSError, TimeoutError):
        _log.debug("client_stop_failed")


def waves(rows: Iterable[OutboxRecord]) -> list[list[OutboxRecord]]:
    """The rows in rounds: the n-th event of every aggregate stands in the n-th round."""
    rounds: list[list[OutboxRecord]] = []
    seen: dict[str, int] = {}
    for row in rows:
        place = seen.get(row.aggregate_id, 0)
        seen[row.aggregate_id] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(row)
    return rounds


class KafkaReader:
    """Reads the whole topic with a consumer of its own, without a group: every process hears every event."""

    def __init__(self, url: str, topic: str, hub: Hub, tls: SSLContext | None = None) -> None:
        self._tls = tls
        self._bootstrap = bootstrap_of(url)
        self._topic = topic
        self._hub = hub
        self.is_reading = asyncio.Event()

    async def run(self) -> None:
        """Read for ever; whatever fails is tried again every second. Ends by cancellation."""
        await forever(self._read, failed=self._failed, pause_seconds=RETRY_SECONDS)

    def _failed(self, error: BaseException) -> None:
        self.is_reading.clear()
        _log.warning("reader_failed", error=type(error).__name__, effect="subscriptions wait, nothing is lost")

    async def _read(self) -> None:
        await ensure_topic(self._bootstrap, self._topic, self._tls)
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._bootstrap,
            group_id=None,
            auto_offset_reset="latest",
            **secured(self._tls),
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await consumer.start()
            # Where "latest" is becomes fixed here; what was published before it comes from the event log.
            await asyncio.gather(*[consumer.position(partition) for partition in consumer.assignment()])
            await self._hub.catch_up()
            self.is_reading.set()
            while True:
                batches = await consumer.getmany(timeout_ms=IDLE_MILLISECONDS)
                if not batches:
                    # A broker that lost its data starts counting anew: whatever was missed is in the event log.
                    await self._hub.catch_up()
                await self._deliver(message for batch in batches.values() for message in batch)
        finally:
            await quietly_stop(consumer)

    async def _deliver(self, messages: Iterable[Any]) -> None:
        for message in messages:
            event = _heard(message.value)
            if event is not None:
                await self._hub.deliver(event)


def _heard(value: bytes | None) -> StreamEvent | None:
    """The message as an event; None (with a log line) for anything that is not one of ours."""
    try:
        event = orjson.loads(value or b"")
        data = event["data"]
        return StreamEvent(
            position=int(event["position"]),
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
