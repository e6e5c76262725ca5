"""Payers' statements for tests: sent to a gateway's inbox, and what became of them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import func, select

from app.db.tables import outbox
from app.events.dead_letters import dead_letter_topic_of
from app.events.kafka_clients import bootstrap_of, ensure_topic
from app.runtime.settings import Settings
from tests.commands import billing
from tests.factories import World, flat, key, today
from tests.gateway import Gateway, counted
from tests.graphql.test_remittances import books, money

TYPE = "br.billing.remittance.issued.v1"
CONTRACT = json.loads((Path(__file__).parents[2] / "events" / f"{TYPE}.json").read_text())
KEPT = "id source status statementNumber paidOn method bankReference paidAmount deniedAmount"
ENDS = ("posted", "repeated", "dead")
RESULTS = (*ENDS, "retried")


def statement(world: World, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A payer's event as its contract wants it."""
    data = {
        "provider": world.provider,
        "payer": world.payer,
        "statementNumber": f"E{key()[:16]}",
        "paidOn": today().isoformat(),
        "lines": list(lines),
        **changes,
    }
    event = {"specversion": "1.0", "id": key(), "source": f"/payer/{data['payer']}", "type": TYPE, "data": data}
    jsonschema.validate(event, CONTRACT, jsonschema.Draft202012Validator)
    return event


@dataclass
class Dead:
    """A dead letter."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str]]


@dataclass
class Post:
    """Sends to a gateway's inbox, and reads its dead-letter topic."""

    gateway: Gateway
    producer: AIOKafkaProducer
    dead: AIOKafkaConsumer

    async def send(self, event: Any, *, partition: int = 0, headers: Any = None, key: bytes = b"payer") -> str:
        """Put the event (or these bytes) on the topic; its place there."""
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        topic = self.gateway.settings.remittances_topic
        async with asyncio.timeout(10):
            sent = await self.producer.send_and_wait(topic, value, key=key, headers=headers, partition=partition)
        return f"{topic}/{partition}/{sent.offset}"

    async def dead_letter(self) -> Dead:
        """The next dead letter."""
        async with asyncio.timeout(10):
            found = await self.dead.getone()
        return Dead(found.key, found.value, [(name, value.decode()) for name, value in found.headers])


@contextlib.asynccontextmanager
async def post_of(gateway: Gateway) -> AsyncIterator[Post]:
    bootstrap = bootstrap_of(gateway.settings.events_url)
    dead_letters = dead_letter_topic_of(gateway.settings.remittances_topic)
    await ensure_topic(bootstrap, dead_letters)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    dead = AIOKafkaConsumer(dead_letters, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="latest")
    await producer.start()
    await dead.start()
    for partition in dead.assignment():
        await dead.position(partition)
    try:
        yield Post(gateway, producer, dead)
    finally:
        await producer.stop()
        await dead.stop()


async def results(*gateways: Gateway) -> dict[str, int]:
    """How many messages these gateways made what of."""
    found = [counted(gateway.parts.metrics.inbox, "result") for gateway in gateways]
    return {result: sum(one[result] for one in found) for result in RESULTS}


async def until(is_true: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await is_true():  # noqa: ASYNC110 - no signal to wait for
            await asyncio.sleep(0.03)


async def handled(before: dict[str, int], gateway: Gateway, number: int) -> bool:
    found = await results(gateway)
    return sum(found[each] - before[each] for each in ENDS) >= number


async def done(before: dict[str, int], *gateways: Gateway, **expected: int) -> None:
    """Wait until that many messages more were handled; then nothing but what is expected has become of them."""
    wanted = {each: before[each] + expected.get(each, 0) for each in ENDS}
    found: dict[str, int] = {}

    async def is_true() -> bool:
        found.update(await results(*gateways))
        return sum(found[each] for each in ENDS) >= sum(wanted.values())

    await until(is_true)
    assert {each: found[each] for each in ENDS} == wanted


async def confirmed(world: World) -> int:
    """How many payments of this world's payer were published."""
    async with world.gateway.database.reading() as connection:
        query = select(func.count()).where(outbox.c.name == "SettlementConfirmed", outbox.c.payer_ans == world.payer)
        return int((await connection.execute(query)).scalar_one())


async def kept(world: World) -> list[dict[str, Any]]:
    """The statements that this world's finance sees."""
    query = f"{{ remittances {{ nodes {{ {KEPT} lines(first: 100) {{ nodes {{ status problem }} }} }} }} }}"
    found: list[dict[str, Any]] = flat(await world.call("finance", query))["remittances"]
    return found


async def everything(world: World, claim: Any) -> Any:
    """All that a statement could change."""
    return await money(world, claim), await kept(world), await books(world), await confirmed(world)


async def redelivered(settings: Settings) -> tuple[int, str]:
    """The exit code of `billing redeliver` and what it says."""
    own = {
        "BILLING_VAR_DIR": str(settings.var_dir),
        "BILLING_DATABASE_URL": settings.database_url,
        "BILLING_EVENTS_URL": settings.events_url,
        "BILLING_REMITTANCES_TOPIC": settings.remittances_topic,
    }
    ran = await asyncio.to_thread(billing, "redeliver", **own)
    return ran.returncode, ran.stderr


async def has(world: World, payments: int) -> bool:
    """Whether so many payments of this world's payer were published."""
    return await confirmed(world) >= payments
