"""Each dependency that fails, in each of its ways, is the one whose gauge says so, and readiness follows."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import redis.asyncio

from tests.faults.proxy import Proxy
from tests.faults.stage import prepare
from tests.faults.waiting import until_true
from tests.figures import Figures
from tests.gateway import Gateway, running_gateway, server_settings
from tests.servers.base import Server
from tests.services import Services, start

NAMES = ("database", "kafka", "redis")
UP = dict.fromkeys(NAMES, 1.0)
NOTICED_SECONDS = 10.0


@dataclass
class Stage:
    """A gateway, and its dependencies to break."""

    gateway: Gateway
    mysql: Proxy
    broker: Server
    cache: Server

    async def gauges(self) -> dict[str, float]:
        """Each dependency's gauge, as Prometheus reads it."""
        lines = (await self.gateway.client.get("/metrics")).text.splitlines()
        found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
        return {name: found[f'billing_dependency_up{{dependency="{name}"}}'] for name in NAMES}

    async def readiness(self) -> tuple[int, str]:
        """Status code, and ready, degraded or unready."""
        answer = await self.gateway.client.get("/health/ready")
        return answer.status_code, answer.json()["status"]

    async def redis(self, *command: Any) -> None:
        """Tell the cache's server."""
        connected: Any = redis.asyncio.Redis.from_url(self.cache.url)
        async with connected as client:
            await client.execute_command(*command)


@pytest.fixture(scope="module")
async def stage(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Broker and cache of its own, and the shared database behind a proxy."""
    directory = tmp_path_factory.mktemp("dependencies")
    broker, cache = await asyncio.gather(asyncio.to_thread(start, "kafka"), asyncio.to_thread(start, "redis"))
    own = Services({**services.servers, "kafka": broker, "redis": cache})
    settings = await server_settings(directory, own)
    await prepare(settings)
    async with AsyncExitStack() as stack:
        stack.callback(broker.discard)
        stack.callback(cache.discard)
        port = int(services.mysql.url.rstrip("/").rpartition(":")[2])
        mysql = await stack.enter_async_context(Proxy(port))
        through = {"database_url": settings.database_url.replace(f":{port}/", f":{mysql.port}/")}
        assert through["database_url"] != settings.database_url
        gateway = await stack.enter_async_context(
            running_gateway(settings.model_copy(update=through), is_prepared=True)
        )
        yield Stage(gateway, mysql, broker, cache)


Fault = Callable[[Stage], Awaitable[None]]


def _signal(number: signal.Signals) -> Fault:
    async def send(stage: Stage) -> None:
        assert stage.broker.pid is not None
        os.kill(stage.broker.pid, number)

    return send


async def _stop_broker(stage: Stage) -> None:
    await asyncio.to_thread(stage.broker.stop)


async def _restart_broker(stage: Stage) -> None:
    await asyncio.to_thread(stage.broker.restart)


async def _refuse_database(stage: Stage) -> None:
    stage.mysql.refuse()


async def _accept_database(stage: Stage) -> None:
    stage.mysql.accept()


async def _stop_redis(stage: Stage) -> None:
    await asyncio.to_thread(stage.cache.stop)


async def _restart_redis(stage: Stage) -> None:
    await asyncio.to_thread(stage.cache.restart)


def _redis(*command: Any) -> Fault:
    return lambda stage: stage.redis(*command)


FAULTS: dict[str, tuple[str, Fault, Fault, tuple[int, str]]] = {
    "Kafka hangs": ("kafka", _signal(signal.SIGSTOP), _signal(signal.SIGCONT), (200, "degraded")),
    "Kafka is stopped": ("kafka", _stop_broker, _restart_broker, (200, "degraded")),
    "MySQL is stopped": ("database", _refuse_database, _accept_database, (503, "unready")),
    "Redis is full": (
        "redis",
        _redis("CONFIG", "SET", "maxmemory", "1"),
        _redis("CONFIG", "SET", "maxmemory", "0"),
        (200, "degraded"),
    ),
    "Redis is read-only": (
        "redis",
        _redis("REPLICAOF", "127.0.0.1", "1"),
        _redis("REPLICAOF", "NO", "ONE"),
        (200, "degraded"),
    ),
    "Redis is stopped": ("redis", _stop_redis, _restart_redis, (200, "degraded")),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_gauge_of_what_failed_is_0_and_all_others_stay_1(stage: Stage, figures: Figures, fault: str) -> None:
    name, break_it, mend_it, readiness = FAULTS[fault]

    async def shows(expected: dict[str, float], state: tuple[int, str]) -> bool:
        return (await stage.gauges(), await stage.readiness()) == (expected, state)

    await until_true(lambda: shows(UP, (200, "ready")))
    began = time.monotonic()
    await break_it(stage)
    try:
        await until_true(lambda: shows({**UP, name: 0.0}, readiness), seconds=NOTICED_SECONDS)
        noticed = time.monotonic() - began
        await asyncio.sleep(1)
        assert await stage.gauges() == {**UP, name: 0.0}
    finally:
        await mend_it(stage)
    await until_true(lambda: shows(UP, (200, "ready")))
    figures(noticed_after_seconds=noticed, wrongly_blamed=0)
