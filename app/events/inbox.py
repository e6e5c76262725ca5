"""The inbox: messages of payers, handed one after the other to a handler by a consumer group.

What is away is waited for; what can never be done goes to the dead letters with its reason; nothing is dropped. A
message may be handed over again after a crash: the handler does it once.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from prometheus_client import Counter

from app.db.engine import DatabaseUnavailable
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.events.forever import forever
from app.events.kafka import START_SECONDS, bootstrap_of, ensure_topic, is_idempotent, quietly_stop, secured

BATCH_SIZE: Final = 50
IDLE_MILLISECONDS: Final = 1_000
RESTART_SECONDS: Final = 1.0
ATTEMPTS_MAX: Final = 4
PAUSE_SECONDS: Final = 0.2
PAUSE_SECONDS_MAX: Final = 30.0
TEXT_LENGTH_MAX: Final = 80
# What the broker took once it may take again, even unpacked and with headers of ours.
REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024
_log = structlog.get_logger("billing.inbox")

Handler = Callable[[Mapping[str, Any]], Awaitable[bool]]


def dead_letters_of(topic: str) -> str:
    """Where messages go that can never be handled."""
    return f"{topic}.dead"


class Inbox:
    """Reads `topic` as one of a consumer group; `handle` says whether the event was new to it."""

    def __init__(
        self, url: str, topic: str, handle: Handler, *, results: Counter, tls: SSLContext | None = None
    ) -> None:
        self._url = url
        self._tls = tls
        self._topic = topic
        self._handle = handle
        self._results = results
        self._consumer: AIOKafkaConsumer | None = None
        self._read_up_to: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Read for ever; whatever fails is tried again every second. Ends by cancellation."""
        await forever(self._read, failed=self._failed, pause_seconds=RESTART_SECONDS)

    def _failed(self, error: BaseException) -> None:
        _log.warning("inbox_failed", error=type(error).__name__, effect="statements wait, nothing is lost")

    def lag(self) -> int:
        """How many messages this process has been given to read and has not yet read."""
        consumer = self._consumer
        if consumer is None:
            return 0
        behind = [
            (consumer.highwater(place) or 0) - self._read_up_to.get(place, consumer.highwater(place) or 0)
            for place in consumer.assignment()
        ]
        return sum(behind)

    async def _read(self) -> None:
        await ensure_topic(bootstrap_of(self._url), dead_letters_of(self._topic), self._tls)
        async with (
            _reading(self._url, self._topic, group=f"{self._topic}.gateway", tls=self._tls) as consumer,
            _writing(self._url, self._tls) as dead_letters,
        ):
            self._consumer = consumer
            try:
                while True:
                    await self._round(consumer, dead_letters)
            finally:
                self._consumer = None

    async def _round(self, consumer: AIOKafkaConsumer, dead_letters: AIOKafkaProducer) -> None:
        batches = await consumer.getmany(timeout_ms=IDLE_MILLISECONDS, max_records=BATCH_SIZE)
        for place, messages in batches.items():
            for message in messages:
                self._read_up_to[place] = message.offset
                await self._settle(message, dead_letters)
            self._read_up_to[place] = messages[-1].offset + 1
            await consumer.commit({place: messages[-1].offset + 1})

    async def _settle(self, message: ConsumerRecord, dead_letters: AIOKafkaProducer) -> None:
        """Handle the message, however long that takes, or bury it."""
        pause = PAUSE_SECONDS
        for attempt in itertools.count(1):
            failure = await self._attempt(message)
            if failure is None:
                return
            if not isinstance(failure, DatabaseUnavailable) and (attempt >= ATTEMPTS_MAX or not _may_pass(failure)):
                await self._bury(message, failure, dead_letters)
                return
            self._results.labels("retried").inc()
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    async def _attempt(self, message: ConsumerRecord) -> Exception | None:
        try:
            is_new = await self._handle(read_event(message))
        except Exception as error:  # noqa: BLE001 - the caller tells apart what can be mended by waiting
            return error
        self._results.labels("posted" if is_new else "repeated").inc()
        return None

    async def _bury(self, message: ConsumerRecord, error: Exception, dead_letters: AIOKafkaProducer) -> None:
        code, reason = "INTERNAL", type(error).__name__
        if isinstance(error, BillingError):
            code, reason = error.code, "; ".join(_placed(each) for each in error.failures)
        place = f"{message.topic}/{message.partition}/{message.offset}"
        told = {"dead-code": code, "dead-reason": reason, "dead-place": place}
        headers = [*message.headers, *[(name, text.encode()) for name, text in told.items()]]
        body = message.value
        if body is None and message.key is None:
            body = b""  # the client refuses a message of nothing at all
        topic = dead_letters_of(self._topic)
        try:
            await dead_letters.send_and_wait(topic, body, key=message.key, headers=headers)
        except MessageSizeTooLargeError:
            headers.append(("dead-body", f"{len(body or b'')} bytes, left at dead-place".encode()))
            await dead_letters.send_and_wait(topic, b"", key=message.key, headers=headers)
        self._results.labels("dead").inc()
        _log.error("message_dead", code=code, place=place, exc_info=None if code != "INTERNAL" else error)


def _placed(failure: Failure) -> str:
    return f"{failure.field}: {failure.message}" if failure.field else failure.message


def _may_pass(error: Exception) -> bool:
    """Whether the same message may succeed in a moment: a race with somebody else, or a fault of our own."""
    return not isinstance(error, BillingError) or error.code == ErrorCode.CONFLICT


def read_event(message: ConsumerRecord) -> Mapping[str, Any]:
    """The CloudEvent of a Kafka message, structured or binary; INVALID_INPUT with the place for anything else."""
    headers = {name.lower(): value.decode(errors="replace") for name, value in message.headers}
    body = _json(message.value)
    if "ce_id" in headers:
        attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
        body = {**attributes, "data": body}
    if not isinstance(body, dict):
        raise refuse(ErrorCode.INVALID_INPUT, "a message is a CloudEvent, in structured or binary mode")
    for name in ("id", "source", "type"):
        value = body.get(name)
        if not (
            isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= TEXT_LENGTH_MAX
        ):
            raise refuse(ErrorCode.INVALID_INPUT, f"an ASCII text of 1 to {TEXT_LENGTH_MAX} characters is needed", name)
    return body


def _json(value: bytes | None) -> Any:
    try:
        return orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        raise refuse(ErrorCode.INVALID_INPUT, "the message is no JSON") from None


async def redeliver(url: str, topic: str, tls: SSLContext | None = None) -> int:
    """Put the dead letters that nobody has put back yet into the inbox again; how many.

    Those that were handled meanwhile change nothing; those that still cannot be handled come back.
    """
    moved = 0
    dead = _reading(url, dead_letters_of(topic), group=f"{topic}.redelivery", tls=tls)
    async with dead as consumer, _writing(url, tls) as producer:
        ends = await consumer.end_offsets(consumer.assignment())
        while await _is_behind(consumer, ends):
            for place, messages in (await consumer.getmany(timeout_ms=IDLE_MILLISECONDS)).items():
                # What dies again while this runs stands behind the end, and waits for the next time.
                fresh = [message for message in messages if message.offset < ends[place]]
                await _send_again(producer, topic, fresh)
                await consumer.commit({place: min(messages[-1].offset + 1, ends[place])})
                moved += len(fresh)
    return moved


async def _is_behind(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for place, end in ends.items():
        if await consumer.position(place) < end:
            return True
    return False


async def _send_again(producer: AIOKafkaProducer, topic: str, messages: Sequence[ConsumerRecord]) -> None:
    for message in messages:
        headers = [(name, value) for name, value in message.headers if not name.startswith("dead-")]
        await producer.send_and_wait(topic, message.value, key=message.key, headers=headers)


@asynccontextmanager
async def _reading(url: str, topic: str, *, group: str, tls: SSLContext | None) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the group that begins where the group left off, at the very beginning the first time."""
    bootstrap = bootstrap_of(url)
    await ensure_topic(bootstrap, topic, tls)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
        **secured(tls),
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            await consumer.start()
        yield consumer
    finally:
        await quietly_stop(consumer)


@asynccontextmanager
async def _writing(url: str, tls: SSLContext | None) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_of(url),
        acks="all",
        enable_idempotence=is_idempotent(url),
        request_timeout_ms=8_000,
        max_request_size=REQUEST_BYTES_MAX,
        **secured(tls),
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
        yield producer
    finally:
        await quietly_stop(producer)
