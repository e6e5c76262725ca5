"""Batches of messages as bytes, to send or decode what no producer would make."""

import struct
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

TIME = 1_700_000_000_000
NAME = b"name"


def batch(
    values: Sequence[bytes],
    *,
    base_offset: int = 0,
    codec: int = 0,
    timestamp: int = TIME,
    headers: Mapping[int, Sequence[tuple[str, bytes | None]]] | None = None,
) -> bytes:
    """A batch with these messages, each with the key `k`; `headers` are those of a message by its index.

    `timestamp` is in milliseconds; a broker deletes messages that are older than a week.
    """
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for index, value in enumerate(values):
        given = list((headers or {}).get(index, ()))
        assert builder.append(index, timestamp=timestamp, key=b"k", value=value, headers=given) is not None
    return struct.pack(">q", base_offset) + bytes(builder.build())[8:]


def with_header_name(data: bytes, name: bytes) -> bytes:
    """The batch with the header `name` renamed to other four bytes."""
    assert len(name) == len(NAME)
    assert data.count(NAME) == 1
    return checked(data.replace(NAME, name))


def checked(data: bytes) -> bytes:
    """The batch with the length and the checksum that its bytes have."""
    length = struct.pack(">i", len(data) - 12)
    return data[:8] + length + data[12:17] + struct.pack(">I", calc_crc32c(data[21:])) + data[21:]


async def send(producer: AIOKafkaProducer, place: TopicPartition, data: bytes) -> int:
    """Send the bytes as they are; the offset of the first message."""
    client = producer.client
    await client._wait_on_metadata(place.topic)
    request = ProduceRequest(
        transactional_id=None, required_acks=-1, timeout=5_000, topics=[(place.topic, [(place.partition, data)])]
    )
    answer = await client.send(client.cluster.leader_for_partition(place), request)
    ((_topic, ((_partition, error, offset, *_rest),)),) = answer.topics
    if error:
        raise for_code(error)
    return int(offset)
