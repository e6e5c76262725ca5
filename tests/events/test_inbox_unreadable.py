"""A message that cannot be decoded, or takes too long, is put aside by its place, and the others are posted."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiokafka.codec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from sqlalchemy import select

from app.db import dead_statements as dead_statements_db
from app.db.dead_statements import DeadStatementRecord, Place
from app.db.engine import Database
from app.db.tables import claims
from app.runtime.settings import Settings
from app.web import health
from tests.commands import billing
from tests.events import raw_batches
from tests.events.inbox_post import Post, done, post_of, redelivered, results, statement, until
from tests.events.test_parking import metrics
from tests.factories import World, new_world
from tests.faults.stage import prepare
from tests.faults.waiting import until_true
from tests.gateway import Gateway, running_gateway, server_settings
from tests.graphql.test_remittances import line, money
from tests.services import Services

ATTEMPT_SECONDS = 1.5
LAG = 'billing_consumer_lag{consumer="inbox"}'


async def _events(world: World, count: int) -> tuple[list[Any], list[bytes]]:
    """So many claims, and a statement that pays each of them."""
    submitted = [await world.submitted_claim() for _ in range(count)]
    return submitted, [json.dumps(statement(world, line(claim, "100.00"))).encode() for claim in submitted]


async def _paid(world: World, submitted: list[Any]) -> list[str]:
    return [(await money(world, claim))["paidAmount"] for claim in submitted]


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _dead_at(database: Database, place: Place) -> tuple[DeadStatementRecord, bytes | None]:
    async with database.reading() as connection:
        (found,) = [each for each in await dead_statements_db.open_ones(connection) if each.place == place]
        return found, await dead_statements_db.raw_of(connection, place)


def _command(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    own = {"BILLING_VAR_DIR": str(settings.var_dir), "BILLING_DATABASE_URL": settings.database_url}
    ran = billing("dead-statements", *arguments, **own)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_compressed_statement_is_posted(
    server_world: World, server_gateway: Gateway, services: Services, codec: str
) -> None:
    submitted, (body,) = await _events(server_world, 1)
    before = await results(server_gateway)
    producer = AIOKafkaProducer(bootstrap_servers=services.kafka.url, compression_type=codec)
    await producer.start()
    try:
        await producer.send_and_wait(server_gateway.settings.remittances_topic, body, partition=1)
    finally:
        await producer.stop()
    await done(before, server_gateway, posted=1)
    assert await _paid(server_world, submitted) == ["100.00"]


async def test_one_message_with_a_broken_header_is_put_aside_and_those_around_it_are_posted(
    server_world: World, post: Post
) -> None:
    world, gateway = server_world, server_world.gateway
    submitted, bodies = await _events(world, 3)
    data = raw_batches.batch(bodies, headers={1: [("name", b"1")]}, timestamp=_now())
    before = await results(gateway)
    topic = gateway.settings.remittances_topic
    first = await raw_batches.send(
        post.producer, TopicPartition(topic, 2), raw_batches.with_header_name(data, b"\xff\xfeme")
    )
    await done(before, gateway, posted=2, dead=1)
    assert await _paid(world, submitted) == ["100.00", "0.00", "100.00"]
    found, raw = await _dead_at(gateway.database, Place(topic, 2, first + 1))
    assert (found.last_offset, found.code, found.reason) == (
        first + 1,
        "UNREADABLE",
        "the name of a header is not UTF-8",
    )
    assert raw is not None
    assert bodies[1] in raw
    await until_true(lambda: _has_lag(gateway, 0), seconds=10)


async def _has_lag(gateway: Gateway, waiting: int) -> bool:
    return (await metrics(gateway))[LAG] == waiting


async def test_a_batch_that_cannot_be_decompressed_is_put_aside_as_one_and_can_be_looked_at(
    server_world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, gateway = server_world, server_world.gateway
    submitted, bodies = await _events(world, 3)
    data = raw_batches.batch(bodies[:2], codec=4, timestamp=_now())
    topic = gateway.settings.remittances_topic
    before = await results(gateway)
    # The gateway as it is without the library, which the broker has.
    monkeypatch.setattr(aiokafka.codec, "cramjam", None)
    first = await raw_batches.send(post.producer, TopicPartition(topic, 3), data)
    await post.send(bodies[2], partition=3)
    await done(before, gateway, posted=1, dead=1)
    assert await _paid(world, submitted) == ["0.00", "0.00", "100.00"]
    place = Place(topic, 3, first)
    found, raw = await _dead_at(gateway.database, place)
    reason = "it cannot be decoded: NotImplementedError"
    assert (found.last_offset, found.code, found.reason) == (first + 1, "UNREADABLE", reason)
    # The broker writes the base offset and the leader's epoch into what it stores.
    assert (raw or b"")[16:] == data[16:]
    code, listed, _ = await asyncio.to_thread(_command, gateway.settings)
    shown = f"{place} to {first + 1}  UNREADABLE since {found.dead_at:%Y-%m-%d %H:%M}: {reason}"
    assert (code, listed.splitlines().count(shown)) == (0, 1)
    assert await asyncio.to_thread(_command, gateway.settings, "--dismiss", str(place)) == (
        0,
        "",
        "1 statements dismissed\n",
    )
    assert await asyncio.to_thread(_command, gateway.settings, "--dismiss", str(place)) == (
        1,
        "",
        "billing: 1 of these are not on the list: see `billing dead-statements`\n",
    )


async def test_a_statement_that_takes_too_long_is_put_aside_after_three_attempts(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await server_settings(tmp_path, services)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway, post_of(gateway) as post:
        # Of another provider: what the server still does for the first statement locks rows of its own.
        world, other = await new_world(gateway), await new_world(gateway)
        (slow,), (slow_body,) = await _events(world, 1)
        (quick,), (quick_body,) = await _events(other, 1)
        monkeypatch.setattr(health, "STALLED_SECONDS_MAX", 0.1)
        monkeypatch.setattr(gateway.database, "timeout_seconds", ATTEMPT_SECONDS)
        before = await results(gateway)
        async with gateway.database.engine.connect() as holder:
            await holder.execute(select(claims.c.id).where(claims.c.id == slow["id"]).with_for_update())
            place = await post.send(slow_body)
            await post.send(quick_body)
            await until(lambda: _is_stalled(gateway))
            letter = await post.dead_letter()
            await done(before, gateway, posted=1, dead=1)
            await holder.rollback()
        reason = "it was not handled in time in 3 attempts, while the database was up"
        assert letter.headers == [("dead-code", "TIMEOUT"), ("dead-reason", reason), ("dead-place", place)]
        assert (await results(gateway))["retried"] - before["retried"] == 2
        assert await _paid(world, [slow]) + await _paid(other, [quick]) == ["0.00", "100.00"]
        assert (await metrics(gateway))["billing_dead_statements"] == 1
        assert await redelivered(settings) == (0, "1 messages put back\n")
        await done(before, gateway, posted=2, dead=1)
        assert await _paid(world, [slow]) + await _paid(other, [quick]) == ["100.00", "100.00"]
        assert (await metrics(gateway))["billing_dead_statements"] == 0


async def _is_stalled(gateway: Gateway) -> bool:
    """Whether both statements wait, and readiness says so."""
    scraped = await metrics(gateway)
    ready = (await gateway.client.get("/health/ready")).json()
    state = (scraped[LAG], scraped["billing_inbox_stalled_seconds"] > 0, ready["status"], ready["checks"]["events"])
    return state == (2, True, "degraded", "down")
