"""Two gateways behind a balancer are restarted in turn: no request and no stream is refused."""

import asyncio
import contextlib
import json
import os
import time
from collections import Counter
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.faults.balancer import balanced
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.gateway import embedded_settings

IS_FULL = os.environ.get("BILLING_TEST_ROLLING") == "full"
REQUESTS_PER_SECOND, STREAMS, LAME_DUCK_SECONDS = (200, 500, 5.0) if IS_FULL else (40, 20, 1.0)
SUBSCRIPTION = {"id": "1", "type": "subscribe", "payload": {"query": "subscription { settlementRecorded { cursor } }"}}
QUERY = {"query": "{ claims(first: 1) { totalCount } }"}


class Load:
    """What clients saw, until they are told to end."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._ended = asyncio.Event()
        self.answers: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()

    async def request_for_ever(self) -> None:
        """Send requests at a steady rate, whether or not the last ones are answered."""
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=2)
        async with (
            httpx.AsyncClient(base_url=self._url, limits=limits, timeout=20) as client,
            asyncio.TaskGroup() as group,
        ):
            while not self._ended.is_set():
                group.create_task(self._request(client))
                await asyncio.sleep(1 / REQUESTS_PER_SECOND)

    async def _request(self, client: httpx.AsyncClient) -> None:
        headers = {"authorization": f"Bearer {self._token}", "accept": "application/graphql-response+json"}
        try:
            answer = await client.post("/graphql", json=QUERY, headers=headers)
            self.answers["ok" if answer.json().get("data") else f"{answer.status_code} {answer.text[:200]}"] += 1
        except httpx.TransportError as error:
            self.answers[repr(error)] += 1

    async def watch_for_ever(self) -> None:
        """Open a stream, and another one whenever it is closed."""
        while not self._ended.is_set():
            try:
                code = await self._watch()
                if not self._ended.is_set():
                    self.closes[code] += 1
            except OSError as error:
                self.answers[f"stream {error!r}"] += 1

    async def _watch(self) -> int:
        address = self._url.replace("http://", "ws://") + "/graphql"
        async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], open_timeout=20) as socket:
            init = {"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}}
            with contextlib.suppress(ConnectionClosed):
                await socket.send(json.dumps(init))
                await socket.recv()
                await socket.send(json.dumps(SUBSCRIPTION))
                await self._closed_or_ended(socket)
            return socket.close_code or 0

    async def _closed_or_ended(self, socket: ClientConnection) -> None:
        receiving = asyncio.create_task(socket.wait_closed())
        ending = asyncio.create_task(self._ended.wait())
        await asyncio.wait({receiving, ending}, return_when=asyncio.FIRST_COMPLETED)
        for each in (receiving, ending):
            each.cancel()
        await asyncio.gather(receiving, ending, return_exceptions=True)

    def end(self) -> None:
        """End every client."""
        self._ended.set()


async def _restart(gateway: GatewayProcess) -> float:
    """Stop it and start it again on its port; how long the stop took."""
    began = time.monotonic()
    assert await gateway.terminate(30) == 0
    seconds = time.monotonic() - began
    await gateway.start()
    return seconds


async def test_a_rolling_restart_refuses_nothing(tmp_path: Path, figures: Figures) -> None:
    settings = embedded_settings(tmp_path, lame_duck_seconds=LAME_DUCK_SECONDS, trusted_proxies="127.0.0.1",
                                 streams_per_subject=2 * STREAMS, drain_seconds=1.0)  # fmt: skip
    await prepare(settings)
    gateways = [GatewayProcess(settings), GatewayProcess(settings)]
    async with running_fleet(settings, gateways) as fleet, balanced(gateways) as balancer:
        load = Load(balancer.url, fleet.token("finance"))
        clients = [asyncio.create_task(load.watch_for_ever()) for _ in range(STREAMS)]
        clients.append(asyncio.create_task(load.request_for_ever()))
        stops = []
        for gateway in gateways:
            await asyncio.sleep(1)
            stops.append(await _restart(gateway))
            async with asyncio.timeout(10):
                while not balancer.is_ready(gateway):  # noqa: ASYNC110 - there is no signal
                    await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        load.end()
        await asyncio.gather(*clients)
    figures(requests=load.answers["ok"], refused=load.answers.total() - load.answers["ok"], streams=STREAMS,
            reconnections=load.closes[1012], longest_stop_seconds=max(stops))  # fmt: skip
    assert set(load.answers) == {"ok"}
    assert set(load.closes) == {1012}
    assert load.closes[1012] >= STREAMS
    assert _are_orderly(fleet)
    assert min(stops) > LAME_DUCK_SECONDS


def _are_orderly(fleet: Fleet) -> bool:
    """Whether no gateway logged a failure."""
    return not any("Traceback" in each.log.read_text() for each in fleet.processes)
