"""Kafka clients: addresses, topics, and producers and consumers that start within a time limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from app.events.decompression import limit_client
from app.values.addresses import hosts_of

PARTITIONS: Final = 6
BROKER_DEFAULT: Final = -1
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 3.0
REQUEST_MILLISECONDS: Final = 8_000
REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024
"""The client's limit for what is sent again; the broker's own limit, usually 1 MiB, is what counts.

A message came in below that limit, but compressed: uncompressed and with more headers it may be above the client's
default of 1 MiB, and the client would refuse what the broker accepts.
"""
IDLE_MILLISECONDS: Final = 2_000
"""How long a consumer waits for messages before its loop goes round, and the broker before it answers that there are
none; messages that come meanwhile are answered at once."""
_log = structlog.get_logger("billing.kafka")


def bootstrap_of(url: str) -> str:
    """host:port[,host:port] of kafka://host:port[,host:port][?idempotent=false]."""
    return hosts_of(url)


def is_idempotent(url: str) -> bool:
    """Whether the broker is asked to drop repeated sends; false only for brokers without that feature."""
    return parse_qs(url.partition("?")[2]).get("idempotent", ["true"])[0] != "false"


def tls_options(tls: SSLContext | None) -> dict[str, Any]:
    """The arguments of a client that speaks TLS; none for one that does not."""
    return {} if tls is None else {"security_protocol": "SSL", "ssl_context": tls}


async def ensure_topic(bootstrap: str, topic: str, tls: SSLContext | None = None) -> None:
    """Create the topic, with 6 partitions and as many replicas as the broker has by default, if it does not exist.

    KafkaError or OSError if the broker is down or refuses to create it.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000, **tls_options(tls))
    try:
        await admin.start()
        if topic not in await admin.list_topics():
            # The empty assignment says that the default is meant: without it the client refuses -1.
            new = NewTopic(topic, PARTITIONS, BROKER_DEFAULT, replica_assignments={})
            _check_created(await admin.create_topics([new]))
    finally:
        await admin.close()


def _check_created(answer: Any) -> None:
    """Raise the broker's error: the client does not."""
    for _topic, code, *_message in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)


async def start_producer(url: str, tls: SSLContext | None, **options: Any) -> AIOKafkaProducer:
    """A producer whose sends return after all in-sync replicas have the message; the caller stops it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_of(url),
        acks="all",
        enable_idempotence=is_idempotent(url),
        request_timeout_ms=REQUEST_MILLISECONDS,
        **options,
        **tls_options(tls),
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
    except BaseException:
        await stop_client(producer)
        raise
    return producer


@asynccontextmanager
async def running_consumer(
    url: str, topic: str, tls: SSLContext | None, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the topic, which is created if it does not exist."""
    limit_client()
    await ensure_topic(bootstrap_of(url), topic, tls)
    # `consumer_timeout_ms` is how often its loop goes round if nothing happens: by default five times a second.
    waiting = {"fetch_max_wait_ms": IDLE_MILLISECONDS, "consumer_timeout_ms": IDLE_MILLISECONDS}
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_of(url), **waiting, **options, **tls_options(tls))
    try:
        async with asyncio.timeout(START_SECONDS):
            await consumer.start()
        yield consumer
    finally:
        await stop_client(consumer)


async def stop_client(client: Any) -> None:
    """Stop a producer or consumer, for at most three seconds and without an error: its broker may be gone."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError):
        _log.debug("client_stop_failed")


def group_member(
    url: str, topic: str, group: str, tls: SSLContext | None
) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
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
async def running_producer(url: str, tls: SSLContext | None) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for messages that came in before, whatever their size."""
    producer = await start_producer(url, tls, max_request_size=REQUEST_BYTES_MAX)
    try:
        yield producer
    finally:
        await stop_client(producer)
