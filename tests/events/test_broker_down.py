"""Kafka goes down under a running gateway: mutations succeed, and events are published later, in order, each once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer

from tests.factories import World, new_world
from tests.gateway import Gateway, running_gateway, server_settings
from tests.servers.base import Server
from tests.services import Services, start

SUBSCRIPTION = "subscription { settlementRecorded { cursor settlement { id amount } } }"


@pytest.fixture(scope="module")
def broker() -> Any:
    """A broker of this module's own, which may be stopped."""
    found = start("kafka")
    yield found
    found.discard()


@pytest.fixture(scope="module")
async def lonely(
    services: Services, broker: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway on that broker."""
    settings = await server_settings(tmp_path_factory.mktemp("lonely"), services)
    query = settings.events_url.partition("?")[2]
    url = f"kafka://{broker.url}" + (f"?{query}" if query else "")
    async with running_gateway(settings.model_copy(update={"events_url": url})) as gateway:
        yield gateway


async def _metric(gateway: Gateway, name: str) -> float:
    text = (await gateway.client.get("/metrics")).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " "))


async def _drained(gateway: Gateway) -> None:
    async with asyncio.timeout(60):
        while await _metric(gateway, "billing_outbox_pending") > 0:  # noqa: ASYNC110 - the metric gives no signal
            await asyncio.sleep(0.2)


async def _topic(gateway: Gateway, broker: Server) -> list[dict[str, Any]]:
    """Every event on the topic, in the order of its partitions."""
    consumer = AIOKafkaConsumer(
        gateway.settings.events_topic, bootstrap_servers=broker.url, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while len(found) < sum(ends.values()):
                for messages in (await consumer.getmany(timeout_ms=500)).values():
                    found += [{**orjson.loads(each.value), "key": each.key.decode()} for each in messages]
        return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("comes_back_empty", [False, True])
async def test_mutations_go_on_and_events_leave_later_in_order(
    lonely: Gateway, broker: Server, comes_back_empty: bool
) -> None:
    world = await new_world(lonely)
    async with lonely.subscribed(SUBSCRIPTION, world.token("finance")) as stream:
        invoice = await world.issued_invoice("100.00")
        await world.settle(invoice["id"], "10.00")
        assert (await stream.next(20))["settlementRecorded"]["settlement"]["amount"] == "10.00"
        await asyncio.to_thread(broker.stop)
        amounts = ["20.00", "30.00", "40.00"]
        for amount in amounts:
            async with asyncio.timeout(2):
                assert (await world.settle(invoice["id"], amount))["errors"] == []
        # Three settlements; the second of all made the invoice partially settled already, the last one settles it.
        assert await _metric(lonely, "billing_outbox_pending") == 4
        assert await _metric(lonely, "billing_outbox_oldest_age_seconds") > 0
        await asyncio.to_thread(lambda: broker.restart(empty=comes_back_empty))
        await _drained(lonely)
        received = [(await stream.next(30))["settlementRecorded"]["settlement"]["amount"] for _ in amounts]
        assert received == amounts
        assert await stream.is_silent()
    await _check_topic(lonely, broker, world, invoice["id"], comes_back_empty)


async def _check_topic(gateway: Gateway, broker: Server, world: World, invoice_id: str, comes_back_empty: bool) -> None:
    events = await _topic(gateway, broker)
    mine = [event for event in events if event["subject"] == invoice_id]
    once = list({event["id"]: event for event in mine}.values())
    recorded = await world.events(invoice_id)
    expected = recorded[-len(once) :] if comes_back_empty else recorded
    assert [event["eventname"] for event in once] == expected
    assert [event["position"] for event in once] == sorted(event["position"] for event in once)
    assert {event["key"] for event in mine} == {invoice_id}
    assert len(once) >= 3


async def test_an_event_is_a_cloud_event_without_personal_data(lonely: Gateway, broker: Server) -> None:
    world = await new_world(lonely)
    claim = await world.submitted_claim(clinicalIndication="segredo", diagnosisCodes=["A09"])
    await _drained(lonely)
    event = next(
        each
        for each in await _topic(lonely, broker)
        if each["eventname"] == "ClaimSubmitted" and each["subject"] == claim["id"]
    )
    del event["id"], event["time"], event["position"]
    assert event == {
        "specversion": "1.0",
        "source": "/billing-gateway",
        "type": "br.billing.claim.submitted.v1",
        "subject": claim["id"],
        "datacontenttype": "application/json",
        "eventname": "ClaimSubmitted",
        "key": claim["id"],
        "data": {
            "claimId": claim["id"],
            "providerClaimNumber": claim["providerClaimNumber"],
            "provider": world.provider,
            "payer": world.payer,
            "previousStatus": "DRAFT",
            "status": "SUBMITTED",
            "claimedAmount": "100.00",
            "approvedAmount": None,
            "deniedAmount": None,
            "patientAmount": None,
            "replaces": None,
            "version": 2,
        },
    }
