"""The inbox: a consumer group passes the messages of payers to a handler, one at a time.

Retries while a dependency is down; a message that can never succeed is put aside with the reason, and the next one is
read; none is dropped. After a crash a message may be handled again, so the handler must be idempotent.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from ssl import SSLContext
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from prometheus_client import Counter, Histogram

from app.db.engine import DatabaseUnavailable
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.events import dead_letters, raw_log
from app.events.batches import Batch, Message, Unreadable, read_batch
from app.events.dead_letters import dead_letter_topic_of
from app.events.forever import forever
from app.events.kafka_clients import (
    IDLE_MILLISECONDS,
    START_SECONDS,
    bootstrap_of,
    ensure_topic,
    group_member,
    running_producer,
)
from app.telemetry.outages import Outage

RESTART_SECONDS: Final = 1.0
ATTEMPTS_MAX: Final = 4
"""Attempts for one message unless the database is down: with pauses of 0.2, 0.4 and 0.8 s a race is over by then."""
TIMEOUTS_MAX: Final = 3
"""Attempts for a message that takes too long while the database answers others."""
HANDLE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.2
PAUSE_SECONDS_MAX: Final = 30.0
"""The pause doubles up to this while the database is down."""
TEXT_LENGTH_MAX: Final = 80
_log = structlog.get_logger("billing.inbox")

Handler = Callable[[Mapping[str, Any]], Awaitable[bool]]
PutAside = Callable[[Message | Unreadable, str, str], Awaitable[None]]
"""Stores a message with a code and a reason."""


def group_of(topic: str) -> str:
    """The consumer group of the gateways that read `topic`."""
    return f"{topic}.gateway"


class Inbox:
    """Reads `topic` as a member of the consumer group that all processes share.

    `handle` gets one CloudEvent and returns whether it was new. It raises DatabaseUnavailable to be called again until
    the database is back, BillingError if the message cannot be handled; any other error counts as a bug of ours.
    `is_database_up` distinguishes an outage from one message that takes too long.
    """

    def __init__(
        self,
        url: str,
        topic: str,
        handle: Handler,
        *,
        put_aside: PutAside,
        is_database_up: Callable[[], Awaitable[bool]],
        results: Counter,
        posting_seconds: Histogram,
        tls: SSLContext | None = None,
    ) -> None:
        self._url = url
        self._tls = tls
        self._topic = topic
        self._handle = handle
        self._put_aside = put_aside
        self._is_database_up = is_database_up
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
            group_member(self._url, self._topic, group_of(self._topic), self._tls) as consumer,
            running_producer(self._url, self._tls) as producer,
        ):
            while True:
                await self._handle_next(consumer, producer)
                self._outage.succeeded()

    async def _handle_next(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        """Handle the next message and commit its offset.

        Only one at a time: what the client has decoded before an error of a later message would be lost.
        """
        try:
            found = await consumer.getmany(timeout_ms=IDLE_MILLISECONDS, max_records=1)
        except Exception:
            if not await self._handle_undecoded(consumer, producer):
                raise
            return
        for partition, (record, *_none) in found.items():
            message = _message(record)
            await self._finish(message, producer)
            await consumer.commit({partition: record.offset + 1})

    async def _handle_undecoded(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> bool:
        """Handle the next batch of each partition from its bytes, since the client cannot decode one of them; whether
        there was any. An error of the broker is raised here too, and then nothing was changed."""
        has_read = False
        for partition in sorted(consumer.assignment()):
            async with asyncio.timeout(START_SECONDS):
                batch = await self._next_batch(consumer, partition)
            if batch is None:
                continue
            for one in batch.found:
                await (self._give_up_unread(one) if isinstance(one, Unreadable) else self._finish(one, producer))
            consumer.seek(partition, batch.next_offset)
            await consumer.commit({partition: batch.next_offset})
            has_read = True
        return has_read

    async def _next_batch(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> Batch | None:
        start = await consumer.position(partition)
        return read_batch(partition, await raw_log.read(self._url, partition, start, self._tls), start)

    async def _finish(self, message: Message, producer: AIOKafkaProducer) -> None:
        """Handle the message, however long that takes, or put it aside."""
        pause, attempts = PAUSE_SECONDS, 0
        while (error := await self._attempt(message)) is not None:
            if await self._is_outage(error):
                self._outage.failed(error)
            else:
                attempts += 1
                if attempts >= _attempts_max(error):
                    await self._give_up(message, error, producer)
                    return
            self._results.labels("retried").inc()
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    async def _attempt(self, message: Message) -> Exception | None:
        try:
            async with asyncio.timeout(HANDLE_SECONDS):
                is_new = await self._handle(read_event(message))
        except Exception as error:  # noqa: BLE001 - the caller decides between another attempt and giving up
            return error
        self._results.labels("posted" if is_new else "repeated").inc()
        if is_new:
            self._posting_seconds.observe(max(time.time() - message.timestamp / 1000, 0.0))
        return None

    async def _is_outage(self, error: Exception) -> bool:
        return _is_too_slow(error) and not await self._is_database_up()

    async def _give_up(self, message: Message, error: Exception, producer: AIOKafkaProducer) -> None:
        code, reason = _cause(error)
        await self._store(message, code, reason)
        await dead_letters.send(producer, message, code=code, reason=reason)
        place = f"{message.topic}/{message.partition}/{message.offset}"
        self._results.labels("dead").inc()
        _log.error("message_dead", code=code, place=place, exc_info=None if code != "INTERNAL" else error)

    async def _give_up_unread(self, messages: Unreadable) -> None:
        """Messages that cannot be decoded cannot be sent again either: they are stored only."""
        await self._store(messages, "UNREADABLE", messages.reason)
        place = f"{messages.topic}/{messages.partition}/{messages.first_offset}"
        self._results.labels("dead").inc()
        _log.error("message_dead", code="UNREADABLE", place=place, last_offset=messages.last_offset)

    async def _store(self, messages: Message | Unreadable, code: str, reason: str) -> None:
        """Put aside, however long the database is down."""
        pause = PAUSE_SECONDS
        while True:
            try:
                await self._put_aside(messages, code, reason)
            except DatabaseUnavailable as error:
                self._outage.failed(error)
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)


def _message(record: ConsumerRecord) -> Message:
    place = record.topic, record.partition, record.offset
    return Message(*place, record.timestamp, record.key, record.value, tuple(record.headers))


def _is_too_slow(error: Exception) -> bool:
    """Whether the message took too long, or the database is down."""
    return isinstance(error, DatabaseUnavailable | TimeoutError)


def _attempts_max(error: Exception) -> int:
    if _is_too_slow(error):
        return TIMEOUTS_MAX
    # The same message may succeed in a moment: after a race with another change, or after a bug of ours.
    return ATTEMPTS_MAX if not isinstance(error, BillingError) or error.code == ErrorCode.CONFLICT else 1


def _cause(error: Exception) -> tuple[str, str]:
    """Code and reason, for the operator."""
    if isinstance(error, BillingError):
        return error.code, "; ".join(_described(each) for each in error.failures)
    if _is_too_slow(error):
        return "TIMEOUT", f"it was not handled in time in {TIMEOUTS_MAX} attempts, while the database was up"
    return "INTERNAL", type(error).__name__


def _described(failure: Failure) -> str:
    return f"{failure.field}: {failure.message}" if failure.field else failure.message


def read_event(message: Message) -> Mapping[str, Any]:
    """The CloudEvent of a Kafka message, in structured or binary content mode, with valid `id`, `source` and `type`.

    BillingError INVALID_INPUT, with the name of the attribute, for anything else.
    """
    headers = {name.lower(): (value or b"").decode(errors="replace") for name, value in message.headers}
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
