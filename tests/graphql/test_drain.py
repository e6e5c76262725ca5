"""An orderly stop with many open sockets: spread out, told to connect again, requests answered to the end."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.faults.clients import WATCH, opened, subscribe
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import assert_within
from tests.gateway import embedded_settings

SOCKETS = 50
DRAIN_SECONDS = 2.0


async def _closed(socket: ClientConnection, began: float) -> tuple[int, float]:
    """The close code, and when it came."""
    try:
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0, time.monotonic() - began


async def _watching(fleet: Fleet, stack: contextlib.AsyncExitStack) -> ClientConnection:
    socket = await stack.enter_async_context(opened(fleet.processes[0].url, fleet.token("finance")))
    await subscribe(socket, WATCH % "", await fleet.stream_cursor(0))
    return socket


async def test_sockets_are_closed_one_after_the_other_while_requests_go_on(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path, drain_seconds=DRAIN_SECONDS)
    await prepare(settings)
    gateway = GatewayProcess(settings)
    async with running_fleet(settings, [gateway]) as fleet, contextlib.AsyncExitStack() as stack:
        sockets = [await _watching(fleet, stack) for _ in range(SOCKETS)]
        began = time.monotonic()
        stopping = asyncio.create_task(gateway.terminate())
        closing = asyncio.gather(*[_closed(socket, began) for socket in sockets])
        await asyncio.sleep(DRAIN_SECONDS / 4)
        ready = await fleet.client.get(f"{gateway.url}/health/ready")
        live = await fleet.client.get(f"{gateway.url}/health/live")
        assert (ready.status_code, live.status_code) == (503, 200)
        answer = await fleet.gql("{ me { subject } }", token=fleet.token("finance"))
        assert answer.data == {"me": {"subject": "dev-finance"}}
        with pytest.raises(ConnectionClosed) as late:
            async with opened(gateway.url, fleet.token("finance")) as socket:
                await socket.recv()
        assert late.value.rcvd is not None
        closes = await closing
        assert await stopping == 0
        seconds = time.monotonic() - began
        log = gateway.log.read_text()
    assert {code for code, _ in closes} | {late.value.rcvd.code} == {1012}
    first, last = min(at for _, at in closes), max(at for _, at in closes)
    assert last > DRAIN_SECONDS / 2
    assert_within(DRAIN_SECONDS / 2, first=first)
    assert_within(10, seconds=seconds)
    assert '"stopped"' in log.splitlines()[-1]
    assert "Traceback" not in log
