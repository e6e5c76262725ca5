"""Reads the bytes of a partition as the broker stores them, without decoding them."""

from ssl import SSLContext
from typing import Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest

from app.events.kafka_clients import bootstrap_of, tls_options

BYTES_MAX: Final = 1024 * 1024
"""The broker's answer is longer if the first batch is."""
WAIT_MILLISECONDS: Final = 500
REQUEST_MILLISECONDS: Final = 5_000


async def read(url: str, place: TopicPartition, offset: int, tls: SSLContext | None = None) -> bytes:
    """What is stored from the offset on, beginning with the batch that contains it; empty if nothing is.

    KafkaError or OSError if the broker is down or refuses.
    """
    client = AIOKafkaClient(
        bootstrap_servers=bootstrap_of(url), request_timeout_ms=REQUEST_MILLISECONDS, **tls_options(tls)
    )
    try:
        await client.bootstrap()
        await client.set_topics([place.topic])
        leader = client.cluster.leader_for_partition(place)
        if leader is None or leader < 0:
            raise LeaderNotAvailableError(place)
        asked = [(place.topic, [(place.partition, offset, BYTES_MAX)])]
        answer = await client.send(leader, FetchRequest(WAIT_MILLISECONDS, 1, BYTES_MAX, 0, asked))
    finally:
        await client.close()
    ((_topic, ((_partition, error, *_rest, data),)),) = answer.topics
    if error:
        raise for_code(error)(place)
    return bytes(data or b"")
