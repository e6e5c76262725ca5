"""What callers without a valid token can cost, beside a client that behaves well."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.gateway import embedded_settings
from tests.hostile.wire import cpu_seconds
from tests.length import IS_FULL

SECONDS = 5.0 if IS_FULL else 1.0
ME = json.dumps({"query": "{ me { subject } }"}).encode()
JSON = {"content-type": "application/json"}
SENDERS = 4
CPU_MILLISECONDS_MAX = 10


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    directory = tmp_path_factory.mktemp("anonymous")
    settings = embedded_settings(directory, refused_tokens_per_second=5, refused_tokens_burst=20)
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found


class Sender:
    """Sends requests, each different, one after the other."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._head = token.rpartition(".")[0]
        self.statuses: dict[int, int] = {}

    async def send(self, number: int, kind: str) -> None:
        """One request of this kind."""
        headers, body = dict(JSON), ME
        if kind == "forged tokens":
            headers["authorization"] = f"Bearer {self._head}.{number:086d}"
        elif kind == "new documents":
            body = json.dumps({"query": f"query Q{number} {{ __typename }}"}).encode()
        elif kind == "large bodies":
            body = json.dumps({"query": "{ __typename }", "variables": {"a": [number] * 18_000}}).encode()
        elif kind == "deep bodies":
            body = b'{"query":"{__typename}","variables":{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}}"
        else:
            headers["x-long"] = "x" * 8_000
        answer = await self._client.post("/graphql", content=body, headers=headers)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1


async def _times(client: httpx.AsyncClient, token: str, seconds: float) -> list[float]:
    """How many milliseconds each of a steady client's requests took."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        answer = await client.post("/graphql", content=ME, headers={**JSON, "authorization": f"Bearer {token}"})
        found.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == 200
        await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("new documents", {200}),
        ("large bodies", {200}),
        ("deep bodies", {400}),
        ("long headers", {401}),
        # The last one: it uses up what the address may have verified.
        ("forged tokens", {401, 429}),
    ],
)
async def test_a_steady_client_is_served_beside_them(
    fleet: Fleet, figures: Figures, kind: str, expected: set[int]
) -> None:
    (process,) = fleet.processes
    token = fleet.token("reviewer")
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as client:
        quiet = await _times(client, token, SECONDS)
        senders = [Sender(client, fleet.token("biller")) for _ in range(SENDERS)]
        tasks = [asyncio.create_task(_keep_sending(each, kind, index)) for index, each in enumerate(senders)]
        before = cpu_seconds(process)
        beside = await _times(client, token, SECONDS)
        used = 1000 * (cpu_seconds(process) - before)
        await _end(tasks)
    sent = sum(sum(each.statuses.values()) for each in senders)
    figures(
        kind=kind,
        requests=sent,
        quiet_median_milliseconds=statistics.median(quiet),
        beside_median_milliseconds=statistics.median(beside),
        processor_milliseconds_each=used / (sent + len(beside)),
    )
    statuses = {status for each in senders for status in each.statuses}
    assert statuses <= expected
    assert statuses
    assert used / (sent + len(beside)) < CPU_MILLISECONDS_MAX


async def _keep_sending(sender: Sender, kind: str, start: int) -> None:
    number = start
    while True:
        await sender.send(number, kind)
        number += SENDERS


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_refused_tokens_are_verified_as_often_as_the_settings_say(fleet: Fleet) -> None:
    """The bucket is empty after the test above, and gains 5 a second."""
    (process,) = fleet.processes
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as client:
        sender = Sender(client, fleet.token("finance"))
        began = time.monotonic()
        for number in range(100):
            await sender.send(number, "forged tokens")
        elapsed = time.monotonic() - began
    refused, limited = sender.statuses.get(401, 0), sender.statuses.get(429, 0)
    assert refused + limited == 100
    assert refused <= 20 + 5 * (elapsed + 1)
