"""A thousand subscribers: what an event costs the gateway for each of them, and when the last one has it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final, cast

from benchmarks.contenders import GATEWAY
from benchmarks.data import SEEN
from benchmarks.load import ask, request_bytes
from benchmarks.markdown import table
from benchmarks.measure import SETTLE_SECONDS, Run
from benchmarks.processes import cpu_seconds, memory_bytes

CLIENTS: Final = 1_000
EVENTS: Final = 10
CHANGE: Final = "Q3"
_CLAIM: Final = "claim { id status claimedAmount providerClaimNumber }"
_DOCUMENT: Final = f"subscription {{ claimStatusChanged {{ cursor previousStatus status {_CLAIM} }} }}"
_NEXT: Final = b"event: next\n"
_SECONDS_MAX: Final = 30.0
_ELSEWHERE: Final = 3_000_000
"""Providers that nobody has, so that each caller's data scope is another one."""


@dataclass(frozen=True)
class Heard:
    """What some subscribers cost: CPU in seconds per client and event, the seconds until the last client had an event
    (median of the events), and the memory of the gateway in bytes."""

    clients: int
    cpu: float
    last: float
    memory: int


class _Audience:
    """Counts the messages of all clients, and says when a number is reached."""

    def __init__(self) -> None:
        self._messages = 0
        self._reached: tuple[int, asyncio.Future[None]] | None = None

    async def reach(self, messages: int) -> None:
        """Wait until so many messages have come; TimeoutError, ConnectionError."""
        future = asyncio.get_running_loop().create_future()
        self._reached = messages, future
        self.add(0)
        async with asyncio.timeout(_SECONDS_MAX):
            await future

    def add(self, messages: int) -> None:
        """So many more came."""
        self._messages += messages
        if self._reached is not None and self._messages >= self._reached[0] and not self._reached[1].done():
            self._reached[1].set_result(None)

    def lose(self) -> None:
        """A stream ended."""
        if self._reached is not None and not self._reached[1].done():
            self._reached[1].set_exception(ConnectionResetError("the gateway ended a stream"))


class _Client(asyncio.Protocol):
    def __init__(self, audience: _Audience, request: bytes) -> None:
        self._audience, self._request = audience, request
        self._tail = b""
        self._closing = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        found = self._tail + data
        # A part of the mark may come with the next data; the whole mark is not counted again.
        self._tail = found[1 - len(_NEXT) :]
        self._audience.add(found.count(_NEXT))

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self._closing:
            self._audience.lose()

    def close(self) -> None:
        """End it."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()


@contextlib.asynccontextmanager
async def _listening(port: int, tokens: Sequence[str]) -> AsyncIterator[_Audience]:
    """A client for each token, all of which have had their first message."""
    audience = _Audience()
    loop = asyncio.get_running_loop()
    clients: list[_Client] = []
    body = json.dumps({"query": _DOCUMENT}).encode()
    try:
        for token in tokens:
            headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
            request = request_bytes("POST", "/graphql", body, headers)
            _, client = await loop.create_connection(partial(_Client, audience, request), "127.0.0.1", port)
            clients.append(client)
        await audience.reach(len(tokens))
        yield audience
    finally:
        for client in clients:
            client.close()


async def measure(run: Run, clients: int = CLIENTS) -> dict[str, list[Heard]]:
    """Equal subscribers and as many with a data scope each, in rounds."""
    scopes = [run.stage.token("biller", (SEEN[0], f"{_ELSEWHERE + number}")) for number in range(clients)]
    groups = {"equal": [run.stage.caller] * clients, "a data scope each": scopes}
    found: dict[str, list[Heard]] = {name: [] for name in groups}
    for _ in range(run.plan.rounds):
        alone = await _cpu_of_changes(run)
        for name, tokens in groups.items():
            found[name].append(await _heard(run, tokens, alone))
    run.say("the subscribers are done")
    return found


async def _heard(run: Run, tokens: Sequence[str], alone: float) -> Heard:
    """What these subscribers cost; `alone` is the CPU of the changes themselves."""
    pid, clients = run.gateway.pid, len(tokens)
    async with _listening(run.gateway.port, tokens) as audience:
        memory, spent = memory_bytes(pid), _meter(run)
        lasts = [await _until_heard(run, audience, number * clients) for number in range(2, EVENTS + 2)]
        await asyncio.sleep(SETTLE_SECONDS)
        cpu = spent() - alone
    return Heard(clients, cpu / (clients * EVENTS), median(lasts), memory)


async def _cpu_of_changes(run: Run) -> float:
    """CPU in seconds of the same changes without a subscriber."""
    spent = _meter(run)
    for _ in range(EVENTS):
        await ask(run.gateway.port, run.requests_of(CHANGE)())
    await asyncio.sleep(SETTLE_SECONDS)
    return spent()


def _meter(run: Run) -> Callable[[], float]:
    """Says how many seconds of CPU the gateway has used from now on, without what it costs when idle."""
    before, began = cpu_seconds(run.gateway.pid), time.monotonic()
    return lambda: cpu_seconds(run.gateway.pid) - before - run.idle[GATEWAY] * (time.monotonic() - began)


async def _until_heard(run: Run, audience: _Audience, messages: int) -> float:
    """Seconds from the change to the last client's message."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ask(run.gateway.port, run.requests_of(CHANGE)()))
        tasks.create_task(audience.reach(messages))
    return time.perf_counter() - began


def section(found: Mapping[str, Sequence[Heard]]) -> str:
    """The part of the results page: medians of the rounds."""
    heads = ["", "CPU per client and event, ms", "last client after, ms", "memory of the gateway, MiB"]
    rows = [[f"{rounds[0].clients} subscribers, {name}", *_cells(rounds)] for name, rounds in found.items()]
    return f"## Subscribers of the gateway, one event\n\n{table(heads, rows)}"


def _cells(rounds: Sequence[Heard]) -> list[str]:
    cpu, last = median(each.cpu for each in rounds), median(each.last for each in rounds)
    return [f"{cpu * 1e3:.4f}", f"{last * 1e3:.0f}", f"{median(each.memory for each in rounds) / 2**20:.0f}"]
