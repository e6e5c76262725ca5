"""Another process than the leader writes an event: a notice over Redis tells the leader, which looks at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from app.db import identity
from app.events import relay
from app.redis import commit_notices
from app.redis.commit_notices import CommitNotices
from app.runtime.settings import Settings
from tests.factories import new_world
from tests.faults.proxy import Proxy
from tests.faults.waiting import all_published, until, until_true
from tests.gateway import Gateway, running_gateway, server_settings
from tests.servers.base import Server
from tests.services import Services, start

NEVER = 3_600.0


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Server]:
    """A Redis of this module's own."""
    found = start("redis")
    yield found
    found.discard()


def _hears(gateway: Gateway) -> bool:
    notices = gateway.parts.notices
    return notices is not None and notices.is_heard


async def test_the_leader_publishes_at_once_what_another_process_has_written(
    services: Services, own_redis: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "IDLE_SECONDS", NEVER)
    monkeypatch.setattr(commit_notices, "RETRY_SECONDS", 0.1)
    settings = await server_settings(tmp_path, services, events_url="memory://", redis_url=own_redis.url)
    async with running_gateway(settings) as leader:
        await until(lambda: _hears(leader))
        async with running_gateway(settings) as other:
            world = await new_world(other)
            await world.create_claim()
            await all_published(leader.database)
            assert not _hears(other)
            # The connection ends: looking twice a second serves until the leader hears again.
            await _end_subscriptions(settings.redis_url, f"outbox:{leader.database.incarnation}")
            await world.create_claim()
            await all_published(leader.database)
            await until(lambda: _hears(leader))
            await world.create_claim()
            await all_published(leader.database)


async def test_the_leader_follows_its_database_to_another_channel(
    services: Services, own_redis: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_notices, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(commit_notices, "RETRY_SECONDS", 0.1)
    settings = await server_settings(tmp_path, services, events_url="memory://", redis_url=own_redis.url)
    async with running_gateway(settings) as leader:
        await until(lambda: _hears(leader))
        database = leader.database
        # As a probe finds it after `billing renew-identity`, and as it is until the database can be asked.
        for incarnation in (await database.transact(identity.renew), None, "another"):
            database.incarnation = incarnation
            assert not _hears(leader)
            await until(lambda: _hears(leader) == (database.incarnation is not None))
            expected = [] if incarnation is None else [f"outbox:{incarnation}".encode()]
            await until_true(lambda expected=expected: _has_channels(own_redis.url, expected))  # type: ignore[misc]


async def test_a_subscription_that_is_cut_off_in_the_network_does_not_count_as_heard(
    services: Services, own_redis: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_notices, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(commit_notices, "RETRY_SECONDS", 0.1)
    async with Proxy(int(own_redis.url.rpartition(":")[2].partition("/")[0])) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        settings = await server_settings(tmp_path, services, events_url="memory://", redis_url=url)
        async with running_gateway(settings) as leader:
            await until(lambda: _hears(leader))
            proxy.blackhole()
            await until(lambda: not _hears(leader))
            proxy.restore()
            await until(lambda: _hears(leader))


async def test_a_quiet_subscription_is_asked_for_signs_and_wakes_nobody(
    own_redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_notices, "LOOK_SECONDS", 0.05)
    failed: list[BaseException] = []
    woken: list[bool] = []
    async with redis.asyncio.Redis.from_url(own_redis.url) as client:
        before = await _pings(client)
        notices = CommitNotices(client, lambda: "quiet", failed=failed.append, succeeded=lambda: None)
        async with notices.heard(lambda: woken.append(notices.is_heard)):
            await until_true(lambda: _has_pinged(client, before + 5))
            assert (woken, failed) == ([True], [])
            await client.publish("outbox:quiet", b"")
            await until(lambda: len(woken) > 1)
    assert (woken, failed, notices.is_heard) == ([True, True], [], False)


async def _has_pinged(client: "redis.asyncio.Redis", times: int) -> bool:
    return await _pings(client) >= times


async def _pings(client: "redis.asyncio.Redis") -> int:
    found = await client.info("commandstats")
    return int(found.get("cmdstat_ping", {"calls": 0})["calls"])


async def _has_channels(url: str, expected: list[bytes]) -> bool:
    async with redis.asyncio.Redis.from_url(url) as client:
        return list(await client.pubsub_channels("outbox:*")) == expected


async def _end_subscriptions(url: str, channel: str) -> None:
    async with redis.asyncio.Redis.from_url(url) as client:
        assert await client.pubsub_numsub(channel) == [(channel.encode(), 1)]
        await client.client_kill_filter(_type="pubsub")


async def test_without_the_right_to_the_channel_events_are_published_and_the_log_says_so_once(
    services: Services,
    own_redis: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commit_notices, "RETRY_SECONDS", 0.05)
    async with redis.asyncio.Redis.from_url(own_redis.url) as client:
        await client.acl_setuser("keys", enabled=True, passwords=["+keys"], categories=["+@all"], keys=["*"])
    url = own_redis.url.replace("redis://", "redis://keys:keys@")
    settings = await server_settings(tmp_path, services, events_url="memory://", redis_url=url)
    with capture_logs() as log:
        await _write_from_another_process(settings)
    said = [each["error"] for each in log if each["event"] == "commit_notices_down"]
    # The leader did not hear, and the other one could not tell it; each tried again and again.
    assert said.count("NoPermissionError") == 2


async def _write_from_another_process(settings: Settings) -> None:
    async with running_gateway(settings) as leader:
        await until(lambda: leader.parts.relay.leads)
        async with running_gateway(settings) as other:
            world = await new_world(other)
            for _ in range(2):
                await world.create_claim()
                await all_published(leader.database)
