"""Many subscribers over two gateways, half of them leaving and coming back, some of them stuck."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.factories import key
from tests.faults.clients import WATCH, Payer, Subscriber, opened, subscribe, watched_by
from tests.faults.history import Observers, check, read_truth
from tests.faults.processes import Fleet
from tests.faults.stage import invoices, staged
from tests.faults.waiting import SECONDS, all_published, until, until_true
from tests.figures import Figures
from tests.gateway import server_settings
from tests.length import scaled
from tests.services import Services

SUBSCRIBERS = scaled(full=180, short=24)
STALLED = scaled(full=20, short=4)
PAYMENTS = scaled(full=300, short=60)
GROWTH_MAX_BYTES = 200 * 1024 * 1024
# A stuck client has small buffers and asks for much, so that little fits between it and the gateway.
RECEIVE_BUFFER_BYTES = 4_096
NAME = "long" * 8
MUCH = " ".join(f"a{NAME}{each}: bankReference b{NAME}{each}: paidOn c{NAME}{each}: method" for each in range(100))


class Leaver:
    """Closes the socket of a subscriber now and then; it comes back with its cursor."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber

    async def run(self) -> None:
        """Leave until cancelled."""
        while True:
            await asyncio.sleep(random.uniform(0.3, 2))
            if self._subscriber.socket is not None:
                self._subscriber.socket.transport.abort()


def _small_socket(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    found.connect((host, int(port)))
    found.setblocking(False)
    return found


@contextlib.asynccontextmanager
async def _stuck(fleet: Fleet) -> AsyncIterator[ClientConnection]:
    """A client that subscribes and never reads."""
    url = fleet.next_url()
    async with contextlib.AsyncExitStack() as stack:
        stuck = await stack.enter_async_context(
            opened(url, fleet.token("finance"), sock=_small_socket(url), max_queue=1, ping_interval=None)
        )
        await subscribe(stuck, WATCH % MUCH, await fleet.stream_cursor(0))
        yield stuck
        stuck.transport.abort()


async def _is_closed(stuck: ClientConnection) -> bool:
    """Whether the gateway has given this client up; what still lies in its buffers is read away."""
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    async with asyncio.timeout(1):
                        await stuck.recv()
                except TimeoutError:
                    # The end of the connection may be lost with what lay before it; whoever writes learns of it.
                    await stuck.ping()
    except ConnectionClosed:
        return True
    except TimeoutError:
        return False


async def _nobody_watches(fleet: Fleet) -> bool:
    left = [await fleet.metric("billing_subscribers", process) for process in fleet.processes]
    return left == [0.0, 0.0]


async def test_every_live_subscriber_hears_every_settlement_once_and_in_order(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    settings = await server_settings(tmp_path, services, aliases_max=1_000)
    async with staged(settings, processes=2) as fleet, contextlib.AsyncExitStack() as stack:
        bills = [bill["id"] for bill in await invoices(fleet, 4)]
        token = fleet.token("finance")
        subscribers = [Subscriber(fleet, token) for _ in range(SUBSCRIBERS)]
        leavers = [Leaver(each) for each in subscribers[::2]]
        memory = [process.resident_bytes() for process in fleet.processes]
        stuck = [await stack.enter_async_context(_stuck(fleet)) for _ in range(STALLED)]
        payer = Payer(fleet)
        async with watched_by(*subscribers, *leavers):
            await until(lambda: all(each.sockets for each in subscribers))
            began = time.monotonic()
            for _ in range(PAYMENTS):
                await payer.pay(random.choice(bills), random.randint(1, 100), key())
            await all_published(fleet.database)
            paid_seconds = time.monotonic() - began
            truth = await read_truth(fleet.database)
            await until(lambda: all(len(each.told) >= PAYMENTS for each in subscribers))
            now = [process.resident_bytes() for process in fleet.processes]
            growth = [after - before for before, after in zip(memory, now, strict=True)]
        assert check(payer.history, truth, Observers([], [each.told for each in subscribers])) == []
        # A client that takes nothing for ten seconds is given up, while it still takes nothing.
        await until_true(lambda: _nobody_watches(fleet), seconds=20)
        given_up_seconds = time.monotonic() - began
        closed = await asyncio.gather(*[_is_closed(each) for each in stuck])
    assert closed == [True] * STALLED
    assert max(growth) < GROWTH_MAX_BYTES
    figures(
        subscribers=SUBSCRIBERS,
        reconnects=sum(each.sockets - 1 for each in subscribers),
        stalled_and_closed=sum(closed),
        closed_after_seconds=given_up_seconds,
        settlements=PAYMENTS,
        heard=sum(len(each.told) for each in subscribers),
        lost=0,
        repeated=0,
        out_of_order=0,
        settlements_per_second=PAYMENTS / paid_seconds,
        most_memory_growth_megabytes=max(growth) / 1024 / 1024,
    )
