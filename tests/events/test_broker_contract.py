"""What the gateway relies on from the broker in use, asked of the real one through the client the gateway uses."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from tests.services import Services

PARTITIONS = 3
KEYS = tuple(f"convenio-{number}".encode() for number in range(8))
LIMIT_SECONDS = 30.0  # for one step; a broker that needs longer is broken


async def create(admin: AIOKafkaAdminClient, name: str, partitions: int) -> int:
    """Create a topic and return Kafka's error number for it, 0 when it worked: the client does not raise it."""
    answer = await admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    ((_, error, *_),) = answer.topic_errors
    return int(error)


@asynccontextmanager
async def new_topic(address: str, partitions: int = PARTITIONS) -> AsyncIterator[str]:
    """A topic of its own for one test, deleted after it."""
    name = f"contract-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        await admin.start()
        assert await create(admin, name, partitions) == 0
        yield name
        await admin.delete_topics([name])
    finally:
        await admin.close()


@asynccontextmanager
async def new_producer(address: str, *, idempotent: bool = False) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer that waits for all acknowledgements; stopped also when its start fails."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", enable_idempotence=idempotent)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def every_partition(address: str, topic: str, partitions: int = PARTITIONS) -> AsyncIterator[AIOKafkaConsumer]:
    """A group-less consumer of all partitions, placed at their ends.

    It is handed over only when its positions are known: a seek while the client still looks for the first ones is lost,
    as their late answer overwrites it.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=address, group_id=None, enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        await settle(consumer)
        yield consumer
    finally:
        await consumer.stop()


async def settle(consumer: AIOKafkaConsumer) -> None:
    """Wait until every partition has its position, which is when a seek to the end is done."""
    async with asyncio.timeout(LIMIT_SECONDS):
        for partition in consumer.assignment():
            await consumer.position(partition)


@asynccontextmanager
async def group_member(address: str, topic: str, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A member of `group` that commits only explicitly and starts at the beginning when nothing is committed."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=address, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def send(producer: AIOKafkaProducer, topic: str, key: bytes, value: str) -> tuple[int, int]:
    """Send one message and wait for its acknowledgement; (partition, offset)."""
    async with asyncio.timeout(LIMIT_SECONDS):
        place = await producer.send_and_wait(topic, value.encode(), key=key)
    return place.partition, place.offset


async def take(consumer: AIOKafkaConsumer, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    """The next `count` messages in the order of their arrival; TimeoutError when they do not come."""
    async with asyncio.timeout(LIMIT_SECONDS):
        return [await consumer.getone() for _ in range(count)]


async def test_a_topic_has_the_partitions_it_was_created_with(services: Services) -> None:
    async with new_topic(services.kafka.url) as topic, new_producer(services.kafka.url) as producer:
        assert await producer.partitions_for(topic) == {0, 1, 2}


async def test_a_topic_is_created_once(services: Services) -> None:
    async with new_topic(services.kafka.url) as topic:
        admin = AIOKafkaAdminClient(bootstrap_servers=services.kafka.url)
        await admin.start()
        try:
            assert await create(admin, topic, 1) == TopicAlreadyExistsError.errno
        finally:
            await admin.close()


async def test_a_key_has_one_partition_and_its_messages_keep_their_order(services: Services) -> None:
    address = services.kafka.url
    async with new_topic(address) as topic, new_producer(address) as producer:
        sent = [(key, f"{key.decode()}/{turn}") for turn in range(5) for key in KEYS]
        places = [await send(producer, topic, key, value) for key, value in sent]
        async with every_partition(address, topic) as consumer:
            await consumer.seek_to_beginning()
            messages = await take(consumer, len(sent))

    partitions: defaultdict[bytes, set[int]] = defaultdict(set)
    offsets: defaultdict[int, list[int]] = defaultdict(list)
    values: defaultdict[bytes, list[str]] = defaultdict(list)
    for message in messages:
        partitions[message.key].add(message.partition)
        offsets[message.partition].append(message.offset)
        values[message.key].append(message.value.decode())
    assert {key: len(found) for key, found in partitions.items()} == dict.fromkeys(KEYS, 1)
    assert set.union(*partitions.values()) == {0, 1, 2}  # the keys do spread
    assert values == {key: [f"{key.decode()}/{turn}" for turn in range(5)] for key in KEYS}
    assert offsets == {number: list(range(len(found))) for number, found in offsets.items()}
    assert sorted(places) == sorted((message.partition, message.offset) for message in messages)


async def test_headers_key_and_value_arrive_as_they_were_sent(services: Services) -> None:
    headers = [("event-id", b"7f0c"), ("traceparent", b"00-01-02-00"), ("binary", bytes(range(256))), ("empty", b"")]
    address = services.kafka.url
    async with new_topic(address, 1) as topic, new_producer(address) as producer:
        async with asyncio.timeout(LIMIT_SECONDS):
            await producer.send_and_wait(topic, b'{"total":"10.00"}', key=b"k\x00\xff", headers=headers)
        async with every_partition(address, topic, 1) as consumer:
            await consumer.seek_to_beginning()
            (message,) = await take(consumer, 1)
    assert list(message.headers) == headers
    assert (message.key, message.value) == (b"k\x00\xff", b'{"total":"10.00"}')


async def test_a_consumer_at_the_end_sees_later_messages_only(services: Services) -> None:
    address = services.kafka.url
    async with new_topic(address) as topic, new_producer(address) as producer:
        for key in KEYS:
            await send(producer, topic, key, "before")
        async with every_partition(address, topic) as consumer:
            await consumer.seek_to_end()
            await settle(consumer)
            for key in KEYS:
                await send(producer, topic, key, "after")
            messages = await take(consumer, len(KEYS))
    assert sorted(message.key for message in messages) == sorted(KEYS)
    assert {message.value for message in messages} == {b"after"}


async def test_every_group_less_consumer_sees_every_message(services: Services) -> None:
    address = services.kafka.url
    async with new_topic(address) as topic, new_producer(address) as producer:
        for key in KEYS:
            await send(producer, topic, key, "once")
        async with every_partition(address, topic) as one, every_partition(address, topic) as other:
            for consumer in (one, other):
                await consumer.seek_to_beginning()
                assert sorted(message.key for message in await take(consumer, len(KEYS))) == sorted(KEYS)


async def test_a_seek_to_the_beginning_replays(services: Services) -> None:
    address = services.kafka.url
    async with new_topic(address, 1) as topic, new_producer(address) as producer:
        for number in range(4):
            await send(producer, topic, b"key", str(number))
        async with every_partition(address, topic, 1) as consumer:
            await consumer.seek_to_beginning()
            first = await take(consumer, 4)
            await consumer.seek_to_beginning()
            second = await take(consumer, 4)
    assert [message.value for message in first] == [b"0", b"1", b"2", b"3"]
    assert [(m.offset, m.value) for m in second] == [(m.offset, m.value) for m in first]


async def test_a_group_resumes_after_its_commit(services: Services) -> None:
    address, group = services.kafka.url, f"group-{uuid.uuid4().hex}"
    async with new_topic(address, 1) as topic, new_producer(address) as producer:
        for number in range(5):
            await send(producer, topic, b"key", str(number))
        partition = TopicPartition(topic, 0)
        async with group_member(address, topic, group) as member:
            read = await take(member, 3)
            await member.commit({partition: 2})  # the third message was read and not done
        async with group_member(address, topic, group) as member:
            assert await member.committed(partition) == 2
            again = await take(member, 3)
    assert [message.value for message in read] == [b"0", b"1", b"2"]
    assert [(message.offset, message.value) for message in again] == [(2, b"2"), (3, b"3"), (4, b"4")]


async def test_two_groups_have_commits_of_their_own(services: Services) -> None:
    address, groups = services.kafka.url, [f"group-{uuid.uuid4().hex}" for _ in range(2)]
    async with new_topic(address, 1) as topic, new_producer(address) as producer:
        await send(producer, topic, b"key", "0")
        for group in groups:
            async with group_member(address, topic, group) as member:
                (message,) = await take(member, 1)
                await member.commit()
                assert message.value == b"0"
                assert await member.committed(TopicPartition(topic, 0)) == 1


async def test_idempotent_producing_works_on_apache_kafka_only(services: Services) -> None:
    """The other broker, tansu, answers InitProducerId with an error."""
    address = services.kafka.url
    async with new_topic(address, 1) as topic:
        try:
            async with asyncio.timeout(LIMIT_SECONDS), new_producer(address, idempotent=True) as producer:
                offsets = [(await send(producer, topic, b"key", str(number)))[1] for number in range(3)]
        except KafkaError:
            offsets = []
    assert offsets == {"apache": [0, 1, 2], "tansu": []}[services.kafka.flavor]
