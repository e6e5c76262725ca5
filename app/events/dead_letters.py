"""The dead-letter topic: payers' messages that can never succeed, with the reason, until they are put back."""

from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from app.events.batches import Message
from app.events.kafka_clients import IDLE_MILLISECONDS, group_member, running_producer

PREFIX: Final = "dead-"
PLACE: Final = "dead-place"


def dead_letter_topic_of(topic: str) -> str:
    """The topic for the messages of `topic` that can never succeed."""
    return f"{topic}.dead"


async def send(producer: AIOKafkaProducer, message: Message, *, code: str, reason: str) -> None:
    """Send the message to the dead-letter topic, with the headers `dead-code`, `dead-reason` and `dead-place`.

    `dead-place` is topic/partition/offset of the message. If the broker refuses it as too large with these headers,
    a message without a body is sent; the header `dead-body` then says where the body is.
    """
    place = f"{message.topic}/{message.partition}/{message.offset}"
    added = {"dead-code": code, "dead-reason": reason, PLACE: place}
    headers = [*message.headers, *[(name, text.encode()) for name, text in added.items()]]
    body = message.value
    if body is None and message.key is None:
        body = b""  # the client refuses to send a message that has neither a key nor a body
    topic = dead_letter_topic_of(message.topic)
    try:
        await producer.send_and_wait(topic, body, key=message.key, headers=headers)
    except MessageSizeTooLargeError:
        headers.append(("dead-body", f"{len(body or b'')} bytes, see dead-place".encode()))
        await producer.send_and_wait(topic, b"", key=message.key, headers=headers)


async def redeliver(url: str, topic: str, tls: SSLContext | None = None) -> list[str]:
    """Move the messages of the dead-letter topic back into `topic`, except for those moved before; their `dead-place`s.

    A message that has been handled in the meantime changes nothing, one that still cannot be handled comes back.
    KafkaError, OSError or TimeoutError if the broker is down.
    """
    moved: list[str] = []
    dead = group_member(url, dead_letter_topic_of(topic), f"{topic}.redelivery", tls)
    async with dead as consumer, running_producer(url, tls) as producer:
        ends = await consumer.end_offsets(consumer.assignment())
        while await _is_behind(consumer, ends):
            for partition, messages in (await consumer.getmany(timeout_ms=IDLE_MILLISECONDS)).items():
                # A message that fails again meanwhile comes after `ends`, and is left for the next call: without this
                # limit a message that never succeeds would be moved back and forth for ever.
                selected = [message for message in messages if message.offset < ends[partition]]
                moved += await _send_again(producer, topic, selected)
                await consumer.commit({partition: min(messages[-1].offset + 1, ends[partition])})
    return moved


async def _is_behind(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


async def _send_again(producer: AIOKafkaProducer, topic: str, messages: Sequence[ConsumerRecord]) -> list[str]:
    places = []
    for message in messages:
        headers = [(name, value) for name, value in message.headers if not name.startswith(PREFIX)]
        await producer.send_and_wait(topic, message.value, key=message.key, headers=headers)
        places.append((dict(message.headers).get(PLACE) or b"").decode(errors="replace"))
    return places
