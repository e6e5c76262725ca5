"""The inbox: a consumer group passes the messages of payers to a handler, one at a time.

Retries while a dependency is down; messages that can never succeed go to the dead-letter topic with the reason; none is
dropped. After a crash a message may be handled again, so the handler must be idempotent.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ssl import SSLContext
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from prometheus_client import Counter, Histogram

from app.db.engine import DatabaseUnavailable
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.events.forever import forever
from app.events.kafka_clients import (
    IDLE_MILLISECONDS,
    bootstrap_of,
    ensure_topic,
    running_consumer,
    start_producer,
    stop_client,
)
from app.telemetry.outages import Outage

BATCH_SIZE: Final = 50
RESTART_SECONDS: Final = 1.0
ATTEMPTS_MAX: Final = 4
"""Attempts for one message unless the database is down: with pauses of 0.2, 0.4 and 0.8 s a race is over by then."""
PAUSE_SECONDS: Final = 0.2
PAUSE_SECONDS_MAX: Final = 30.0
"""The pause doubles up to this while the database is down."""
TEXT_LENGTH_MAX: Final = 80
REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024
"""The client's limit for what is sent to the dead-letter topic; the broker's own limit, usually 1 MiB, is what counts.

A message came in below that limit, but compressed: uncompressed and with more headers it may be above the client's
default of 1 MiB, and the client would refuse what the broker accepts.
"""
_log = structlog.get_logger("billing.inbox")

Handler = Callable[[Mapping[str, Any]], Awaitable[bool]]


def group_of(topic: str) -> str:
    """The consumer group of the gateways that read `topic`."""
    return f"{topic}.gateway"


def dead_letter_topic_of(topic: str) -> str:
    """The topic for the messages of `topic` that can never succeed."""
    return f"{topic}.dead"


class Inbox:
    """Reads `topic` as a member of the consumer group that all processes share.

    `handle` gets one CloudEvent and returns whether it was new. It raises DatabaseUnavailable to be called again until
    the database is back, BillingError if the message cannot be handled; any other error counts as a bug of ours.
    """

    def __init__(
        self,
        url: str,
        topic: str,
        handle: Handler,
        *,
        results: Counter,
        posting_seconds: Histogram,
        tls: SSLContext | None = None,
    ) -> None:
        self._url = url
        self._tls = tls
        self._topic = topic
        self._handle = handle
        self._results = results
        self._posting_seconds = posting_seconds
        self._outage = Outage(
            "billing.inbox", down="inbox_failed", back="inbox_back", effect="statements wait in the topic, none is lost"
        )

    async def run(self) -> None:
        """Read until cancelled; after any failure start again a second later."""
        await forever(self._read, failed=self._outage.failed, pause_seconds=RESTART_SECONDS)

    async def _read(self) -> None:
        await ensure_topic(bootstrap_of(self._url), dead_letter_topic_of(self._topic), self._tls)
        async with (
            _member(self._url, self._topic, group_of(self._topic), self._tls) as consumer,
            _producer(self._url, self._tls) as producer,
        ):
            while True:
                await self._handle_batch(consumer, producer)
                self._outage.succeeded()

    async def _handle_batch(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        """Handle up to 50 messages, and commit the offset of a partition when all of its messages are done.

        A crash in between repeats a partition's messages of this batch, which the handler recognizes by their ids.
        """
        batches = await consumer.getmany(timeout_ms=IDLE_MILLISECONDS, max_records=BATCH_SIZE)
        for partition, messages in batches.items():
            for message in messages:
                await self._finish(message, producer)
            await consumer.commit({partition: messages[-1].offset + 1})

    async def _finish(self, message: ConsumerRecord, producer: AIOKafkaProducer) -> None:
        """Handle the message, however long that takes, or send it to the dead-letter topic."""
        pause = PAUSE_SECONDS
        for attempt in itertools.count(1):
            error = await self._attempt(message)
            if error is None:
                return
            is_outage = isinstance(error, DatabaseUnavailable)
            if not is_outage and (attempt >= ATTEMPTS_MAX or not _is_worth_retrying(error)):
                await self._give_up(message, error, producer)
                return
            self._results.labels("retried").inc()
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    async def _attempt(self, message: ConsumerRecord) -> Exception | None:
        try:
            is_new = await self._handle(read_event(message))
        except Exception as error:  # noqa: BLE001 - the caller decides between another attempt and giving up
            return error
        self._results.labels("posted" if is_new else "repeated").inc()
        if is_new:
            self._posting_seconds.observe(max(time.time() - message.timestamp / 1000, 0.0))
        return None

    async def _give_up(self, message: ConsumerRecord, error: Exception, producer: AIOKafkaProducer) -> None:
        """Send the message to the dead-letter topic, with the headers `dead-code`, `dead-reason` and `dead-place`.

        `dead-place` is topic/partition/offset of the message. If the broker refuses it as too large with these headers,
        a message without a body is sent; the header `dead-body` then says where the body is.
        """
        code, reason = "INTERNAL", type(error).__name__
        if isinstance(error, BillingError):
            code, reason = error.code, "; ".join(_described(each) for each in error.failures)
        place = f"{message.topic}/{message.partition}/{message.offset}"
        added = {"dead-code": code, "dead-reason": reason, "dead-place": place}
        headers = [*message.headers, *[(name, text.encode()) for name, text in added.items()]]
        body = message.value
        if body is None and message.key is None:
            body = b""  # the client refuses to send a message that has neither a key nor a body
        topic = dead_letter_topic_of(self._topic)
        try:
            await producer.send_and_wait(topic, body, key=message.key, headers=headers)
        except MessageSizeTooLargeError:
            headers.append(("dead-body", f"{len(body or b'')} bytes, see dead-place".encode()))
            await producer.send_and_wait(topic, b"", key=message.key, headers=headers)
        self._results.labels("dead").inc()
        _log.error("message_dead", code=code, place=place, exc_info=None if code != "INTERNAL" else error)


def _described(failure: Failure) -> str:
    return f"{failure.field}: {failure.message}" if failure.field else failure.message


def _is_worth_retrying(error: Exception) -> bool:
    """Whether the same message may succeed in a moment: after a race with another change, or after a bug of ours."""
    return not isinstance(error, BillingError) or error.code == ErrorCode.CONFLICT


def read_event(message: ConsumerRecord) -> Mapping[str, Any]:
    """The CloudEvent of a Kafka message, in structured or binary content mode, with valid `id`, `source` and `type`.

    BillingError INVALID_INPUT, with the name of the attribute, for anything else.
    """
    headers = {name.lower(): value.decode(errors="replace") for name, value in message.headers}
    body = _json(message.value)
    if "ce_id" in headers:
        # Binary mode: the attributes are headers, and the body is the data alone.
        attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
        body = {**attributes, "data": body}
    if not isinstance(body, dict):
        raise refuse(ErrorCode.INVALID_INPUT, "send a CloudEvent, in structured or binary mode")
    for name in ("id", "source", "type"):
        if not _is_short_ascii(body.get(name)):
            raise refuse(ErrorCode.INVALID_INPUT, f"must be an ASCII text of 1 to {TEXT_LENGTH_MAX} characters", name)
    return body


def _is_short_ascii(value: object) -> bool:
    is_ascii = isinstance(value, str) and value.isascii() and value.isprintable()
    return is_ascii and 0 < len(str(value)) <= TEXT_LENGTH_MAX


def _json(value: bytes | None) -> Any:
    try:
        return orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        raise refuse(ErrorCode.INVALID_INPUT, "the message is not JSON") from None


async def redeliver(url: str, topic: str, tls: SSLContext | None = None) -> int:
    """Move the messages of the dead-letter topic back into `topic`, except for those moved before; returns how many.

    A message that has been handled in the meantime changes nothing, one that still cannot be handled comes back.
    KafkaError, OSError or TimeoutError if the broker is down.
    """
    moved = 0
    dead = _member(url, dead_letter_topic_of(topic), f"{topic}.redelivery", tls)
    async with dead as consumer, _producer(url, tls) as producer:
        ends = await consumer.end_offsets(consumer.assignment())
        while await _is_behind(consumer, ends):
            for partition, messages in (await consumer.getmany(timeout_ms=IDLE_MILLISECONDS)).items():
                # A message that fails again meanwhile comes after `ends`, and is left for the next call: without this
                # limit a message that never succeeds would be moved back and forth for ever.
                selected = [message for message in messages if message.offset < ends[partition]]
                await _send_again(producer, topic, selected)
                await consumer.commit({partition: min(messages[-1].offset + 1, ends[partition])})
                moved += len(selected)
    return moved


async def _is_behind(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


async def _send_again(producer: AIOKafkaProducer, topic: str, messages: Sequence[ConsumerRecord]) -> None:
    for message in messages:
        headers = [(name, value) for name, value in message.headers if not name.startswith("dead-")]
        await producer.send_and_wait(topic, message.value, key=message.key, headers=headers)


def _member(url: str, topic: str, group: str, tls: SSLContext | None) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
    """A member of the group, which continues where the group stopped, the first time at the oldest message."""
    return running_consumer(
        url,
        topic,
        tls,
        group_id=group,
        auto_offset_reset="earliest",
        # Offsets are committed when messages are done, not when they are read.
        enable_auto_commit=False,
        # A member that dies is replaced after ten seconds.
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
    )


@asynccontextmanager
async def _producer(url: str, tls: SSLContext | None) -> AsyncIterator[AIOKafkaProducer]:
    producer = await start_producer(url, tls, max_request_size=REQUEST_BYTES_MAX)
    try:
        yield producer
    finally:
        await stop_client(producer)
