"""Clients that never give up: payers of invoices, readers of the topic, subscribers with a cursor."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from app.domain.calendar import business_day
from app.domain.money import format_money
from app.events.forever import forever
from tests.cursors import position_of
from tests.factories import key as fresh_key
from tests.faults.history import Operation, Outcome, Seen, Told
from tests.faults.processes import Fleet

SETTLE = """mutation SettleInvoice($input: SettleInvoiceInput!) { settleInvoice(input: $input) {
  settlement { id amount invoice { id } } errors { code } replayed } }"""
UNKNOWN_CODES = frozenset({"UNAVAILABLE", "TIMEOUT", "INTERNAL"})
PATIENCE_SECONDS = 90.0
WATCH = """subscription WatchSettlements($after: String) {
  settlementRecorded(after: $after) { cursor settlement { id %s } } }"""


@dataclass
class Payer:
    """Pays invoices bit by bit, each payment under a key of its own that is repeated until its outcome is known."""

    fleet: Fleet
    history: list[Operation] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)
    replays: int = 0

    def __post_init__(self) -> None:
        self.token = self.fleet.token("finance")

    async def pay(self, invoice: str, cents: int, key: str) -> Operation:
        """Try until the outcome is known; AssertionError after a minute and a half."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            began = time.monotonic()
            one = await self._attempt(invoice, cents, key)
            self.seconds.append(time.monotonic() - began)
            self.history.append(one)
            if one.outcome is not Outcome.UNKNOWN:
                self.answered_at.append(time.monotonic())
                return one
            assert time.monotonic() < give_up_at, f"no outcome of {key}"
            await asyncio.sleep(random.uniform(0.02, 0.1))

    async def _attempt(self, invoice: str, cents: int, key: str) -> Operation:
        values = {
            "invoiceId": invoice,
            "amount": format_money(cents),
            "paidOn": business_day(datetime.now(UTC)).isoformat(),
            "idempotencyKey": key,
        }
        try:
            answer = await self.fleet.gql(SETTLE, {"input": values}, token=self.token)
        except (httpx.HTTPError, ValueError):
            return Operation(key, invoice, cents, Outcome.UNKNOWN)
        if answer.codes:
            assert set(answer.codes) <= UNKNOWN_CODES, answer.codes
            return Operation(key, invoice, cents, Outcome.UNKNOWN)
        payload = answer.data["settleInvoice"]
        if payload["errors"]:
            return Operation(key, invoice, cents, Outcome.REFUSED)
        self.replays += payload["replayed"]
        return Operation(key, invoice, cents, Outcome.OK, payload["settlement"]["id"])

    async def pay_until(self, ended: asyncio.Event, invoices: Sequence[str]) -> None:
        """One payment after the other until the event is set."""
        while not ended.is_set():
            await self.pay(random.choice(invoices), random.randint(1, 50), fresh_key())


@contextlib.asynccontextmanager
async def paying(payer: Payer, invoices: Sequence[Any], writers: int) -> AsyncIterator[None]:
    """Writers that pay while the block runs; when it ends each of them finishes what it has begun."""
    ended = asyncio.Event()
    names = [invoice["id"] for invoice in invoices]
    tasks = [asyncio.create_task(payer.pay_until(ended, names)) for _ in range(writers)]
    try:
        yield
        ended.set()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Watcher(Protocol):
    """Runs until it is cancelled."""

    async def run(self) -> None: ...


@contextlib.asynccontextmanager
async def watched_by(*watchers: Watcher) -> AsyncIterator[None]:
    """Let them run beside the block; what any of them raised fails the test."""
    tasks = [asyncio.create_task(each.run()) for each in watchers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


class TopicReader:
    """Reads the topic from its beginning, and again when the broker comes back without its data."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.seen: list[Seen] = []
        self._bootstrap, self._topic = bootstrap, topic

    async def run(self) -> None:
        """Read until cancelled."""
        await forever(self._read, failed=lambda _: None, pause_seconds=0.3)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic, bootstrap_servers=self._bootstrap, group_id=None, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            # ActiveSubscription anew from time to time: a broker that lost its data counts offsets anew without a word.
            for _ in range(20):
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    self.seen += [_seen(message.value) for message in messages]
        finally:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await consumer.stop()


def _seen(value: bytes) -> Seen:
    event = orjson.loads(value)
    return Seen(event["id"], event["position"], event["subject"])


@dataclass
class Subscriber:
    """Watches all settlements over one socket after the other, going on behind its cursor."""

    fleet: Fleet
    token: str
    more: str = ""
    told: list[Told] = field(default_factory=list)
    cursor: str | None = None
    sockets: int = 0
    socket: ClientConnection | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            with contextlib.suppress(WebSocketException, OSError, TimeoutError, EOFError):
                await self._watch()
            self.socket = None
            await asyncio.sleep(random.uniform(0.05, 0.3))

    async def _watch(self) -> None:
        async with opened(self.fleet.next_url(), self.token) as socket:
            self.socket, self.sockets = socket, self.sockets + 1
            self.cursor = self.cursor or await self.fleet.stream_cursor(0)
            await subscribe(socket, WATCH % self.more, self.cursor)
            async for frame in socket:
                message = json.loads(frame)
                if message["type"] != "next":
                    return
                assert "errors" not in message["payload"], message
                self._hear(message["payload"]["data"]["settlementRecorded"])

    def _hear(self, event: Any) -> None:
        self.cursor = event["cursor"]
        if event["settlement"] is None:
            return
        self.told.append(Told(position_of(event["cursor"]), event["settlement"]["id"]))


@contextlib.asynccontextmanager
async def opened(url: str, token: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """An acknowledged socket."""
    address = url.replace("http://", "ws://") + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(address, subprotocols=protocols, open_timeout=10, close_timeout=1, **options) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        async with asyncio.timeout(10):
            assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


async def watching(socket: ClientConnection, query: str, after: str | None) -> str:
    """Begin the subscription `1` to settlements; the cursor of its first message."""
    await subscribe(socket, query, after)
    async with asyncio.timeout(10):
        first = json.loads(await socket.recv())["payload"]["data"]["settlementRecorded"]
    assert first["settlement"] is None
    cursor: str = first["cursor"]
    return cursor


async def subscribe(socket: ClientConnection, query: str, after: str | None) -> None:
    """Begin the subscription `1`."""
    payload = {"query": query, "variables": {"after": after}}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
