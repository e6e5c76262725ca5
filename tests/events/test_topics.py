"""Topics are created with the broker's own number of replicas, and a refused topic is an error."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import InvalidReplicationFactorError

from app.events.kafka_clients import PARTITIONS, ensure_topic
from tests.factories import key
from tests.servers import kafka
from tests.services import Services


async def test_a_topic_that_exists_is_left_as_it_is(services: Services) -> None:
    name = f"topic-{key()}"
    for _ in range(2):
        await ensure_topic(services.kafka.url, name)
    admin = AIOKafkaAdminClient(bootstrap_servers=services.kafka.url)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([name])
    finally:
        await admin.close()
    assert len(found["partitions"]) == PARTITIONS


async def test_a_new_topic_has_the_replicas_that_the_broker_has_by_default() -> None:
    """A broker whose default is three replicas, and which has no others to put them on, refuses the topic."""
    broker = await asyncio.to_thread(lambda: kafka.apache(more={"default.replication.factor": "3"}))
    try:
        with pytest.raises(InvalidReplicationFactorError):
            await ensure_topic(broker.url, "topic")
    finally:
        broker.discard()
