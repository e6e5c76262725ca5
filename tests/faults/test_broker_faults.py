"""The broker is down, comes back empty, is cut off or swallows all: payments go on, the backlog leaves in order."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.clients import Payer, Subscriber, TopicReader, paying, watched_by
from tests.faults.history import Observers, Outcome, check, read_truth
from tests.faults.processes import Fleet
from tests.faults.proxy import Proxy
from tests.faults.stage import invoices, staged
from tests.faults.waiting import all_published, until
from tests.figures import Figures
from tests.gateway import server_settings
from tests.length import scaled
from tests.servers import kafka
from tests.servers.base import Server
from tests.servers.launch import free_port
from tests.services import Services

DOWN_SECONDS = scaled(full=30, short=4)
SWALLOWED_SECONDS = scaled(full=25, short=6)


@pytest.fixture(scope="module")
async def behind() -> AsyncIterator[tuple[Server, Proxy]]:
    """A broker that sends its clients through the proxy; each test has a topic of its own."""
    port = free_port()
    broker = await asyncio.to_thread(kafka.native, port)
    try:
        async with Proxy(int(broker.url.rpartition(":")[2]), port=port) as proxy:
            yield broker, proxy
    finally:
        broker.discard()


async def _down(broker: Server, _proxy: Proxy) -> None:
    await asyncio.to_thread(broker.stop)
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(broker.restart)


async def _empty(broker: Server, _proxy: Proxy) -> None:
    await asyncio.to_thread(broker.stop)
    await asyncio.to_thread(lambda: broker.restart(empty=True))


async def _cut(_broker: Server, proxy: Proxy) -> None:
    for _ in range(5):
        proxy.cut()
        await asyncio.sleep(0.3)


async def _swallowed(_broker: Server, proxy: Proxy) -> None:
    proxy.blackhole()
    await asyncio.sleep(SWALLOWED_SECONDS)
    proxy.restore()


FAULTS = {"down": _down, "back without its data": _empty, "cut": _cut, "swallowing": _swallowed}


async def _drained(fleet: Fleet, reader: TopicReader) -> None:
    """Wait until the topic's reader has seen every event: a broker that loses its data next cannot repeat them."""
    await all_published(fleet.database)
    truth = await read_truth(fleet.database)
    everything = {row.event_id for row in truth.log}
    await until(lambda: everything <= {event.event_id for event in reader.seen})


@pytest.mark.parametrize("fault", FAULTS)
async def test_payments_go_on_and_the_backlog_leaves_in_order(
    services: Services, behind: tuple[Server, Proxy], tmp_path: Path, figures: Figures, fault: str
) -> None:
    broker, proxy = behind
    bootstrap = f"127.0.0.1:{proxy.port}"
    query = "" if broker.flavor == "apache" else "?idempotent=false"
    settings = await server_settings(tmp_path, services, events_url=f"kafka://{bootstrap}{query}")
    async with staged(settings) as fleet:
        bills = await invoices(fleet, 4)
        payer, reader = Payer(fleet), TopicReader(bootstrap, settings.events_topic)
        subscriber = Subscriber(fleet, fleet.token("finance"))
        async with watched_by(reader, subscriber):
            async with paying(payer, bills, writers=2):
                await asyncio.sleep(1)
            await _drained(fleet, reader)
            async with paying(payer, bills, writers=2):
                await FAULTS[fault](broker, proxy)
                await asyncio.sleep(0.5)
            await _drained(fleet, reader)
            truth = await read_truth(fleet.database)
            await until(lambda: len(subscriber.told) >= len(truth.ledger))
    assert check(payer.history, truth, Observers([reader.seen], [subscriber.told])) == []
    assert {one.outcome for one in payer.history} == {Outcome.OK}
    figures(
        payments=len(truth.ledger),
        events=len(truth.log),
        slowest_payment_seconds=max(payer.seconds),
        lost=0,
        out_of_order=0,
    )
