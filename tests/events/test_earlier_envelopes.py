"""The earlier service's two events on a topic of their own: each once, with ids and no person."""

import asyncio
import json
from collections import defaultdict
from typing import Any

from aiokafka import AIOKafkaConsumer
from sqlalchemy import select

from app.db.tables import outbox
from tests.factories import new_world
from tests.gateway import Gateway


async def _sent(gateway: Gateway, wanted: set[str]) -> dict[str, list[tuple[bytes | None, Any]]]:
    """The messages of the topic by their key, read from its start until every wanted event has come."""
    consumer = AIOKafkaConsumer(
        gateway.settings.earlier_events_topic,
        bootstrap_servers=gateway.settings.events_url.removeprefix("kafka://").partition("?")[0],
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found: dict[str, list[tuple[bytes | None, Any]]] = defaultdict(list)
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            while not wanted <= {each["event_id"] for one in found.values() for _, each in one}:
                for messages in (await consumer.getmany(timeout_ms=1_000)).values():
                    for message in messages:
                        found[message.key.decode()].append((message.value, json.loads(message.value)))
    finally:
        await consumer.stop()
    return found


async def test_each_of_the_two_events_is_sent_once(server_gateway: Gateway) -> None:
    world = await new_world(server_gateway)
    claim = await world.submitted_claim()
    invoice = await world.issued_invoice("1.00")
    for amount in ("0.40", "0.60"):
        await world.settle(invoice["id"], amount)
    async with server_gateway.database.reading() as connection:
        columns = (outbox.c.name, outbox.c.event_id)
        query = select(*columns).where(outbox.c.aggregate_id.in_([claim["id"], invoice["id"]]))
        ids = {row.name: row.event_id for row in (await connection.execute(query)).all()}
    found = await _sent(server_gateway, {ids["ClaimSubmitted"], ids["InvoiceSettled"]})
    parties = {"provider_id": world.provider, "payer_id": world.payer}
    told = [{**each, "timestamp": None} for name in (claim["id"], invoice["id"]) for _, each in found[name]]
    assert told == [
        {
            "event_id": ids["ClaimSubmitted"],
            "event_type": "ClaimSubmitted",
            "timestamp": None,
            "payload": {"claim_id": claim["id"], "amount": "100.00", **parties, "status": "SUBMITTED"},
        },
        {
            "event_id": ids["InvoiceSettled"],
            "event_type": "InvoiceSettled",
            "timestamp": None,
            "payload": {"invoice_id": invoice["id"], "amount": "1.00", **parties, "status": "SETTLED"},
        },
    ]
    everything = b"".join(value or b"" for one in found.values() for value, _ in one).decode()
    assert [secret for secret in ("Segredo", world.card, world.patient) if secret in everything] == []
