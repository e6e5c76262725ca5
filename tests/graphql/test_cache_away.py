"""Redis goes away under a running gateway: right answers, one warning, bounded delay."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.factories import World, new_world
from tests.figures import assert_within
from tests.gateway import Gateway, running_gateway, server_settings
from tests.servers.base import Server
from tests.services import Services, start

TERM = '{ tussTerm(codeSystem: "22", code: "10101012") { code term } }'


@pytest.fixture(scope="module")
def redis() -> Any:
    """A Redis of this module's own, which may be stopped."""
    found = start("redis")
    yield found
    found.discard()


@pytest.fixture(scope="module")
async def frugal(services: Services, redis: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway on that Redis."""
    directory: Path = tmp_path_factory.mktemp("frugal")
    settings = await server_settings(directory, services, redis_url=redis.url, events_url="memory://")
    async with running_gateway(settings) as gateway:
        yield gateway


async def _eligibility(world: World) -> tuple[str, str]:
    found = (await world.check_eligibility())["eligibility"]
    return found["outcome"], found["source"]


async def test_answers_stay_right_and_quick_while_redis_is_away(frugal: Gateway, redis: Server) -> None:
    world = await new_world(frugal)
    assert [await _eligibility(world), await _eligibility(world)] == [("ELIGIBLE", "PAYER"), ("ELIGIBLE", "CACHE")]
    redis.kill()
    with structlog.testing.capture_logs() as log:
        began = time.monotonic()
        assert await _eligibility(world) == ("ELIGIBLE", "PAYER")
        assert (await world.call("biller", TERM))["tussTerm"]["code"] == "10101012"
        first = time.monotonic() - began
        began = time.monotonic()
        assert await _eligibility(world) == ("ELIGIBLE", "PAYER")
        later = time.monotonic() - began
    assert [entry["event"] for entry in log if entry["event"].startswith("cache")] == ["cache_down"]
    assert_within(1.5, first=first)
    assert_within(0.5, later=later)
    ready = await frugal.client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"], ready.json()["checks"]["redis"]) == (200, "degraded", "down")


async def test_the_cache_is_used_again_when_redis_is_back(frugal: Gateway, redis: Server) -> None:
    redis.restart()
    # The breaker stays open for five seconds after the last failure.
    frugal.parts.cache._open_until = 0.0
    world = await new_world(frugal)
    assert [await _eligibility(world), await _eligibility(world)] == [("ELIGIBLE", "PAYER"), ("ELIGIBLE", "CACHE")]
    assert (await frugal.client.get("/health/ready")).json()["status"] == "ready"
