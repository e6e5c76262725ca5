"""What orchestrators and monitoring ask: is the process alive, is it ready, and its metrics."""

import asyncio
import math
import os
import time
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.db import background_jobs as background_jobs_db
from app.db import dead_statements as dead_statements_db
from app.db import outbox as outbox_db
from app.db.clock import SKEW_SECONDS_MAX
from app.db.engine import DatabaseUnavailable
from app.db.identity import NoIdentity
from app.db.migrate import is_current
from app.events.contracts import CONTRACTS
from app.events.kafka_watch import KafkaWatch
from app.runtime.process import Process, look_at_identity
from app.web.shared_look import SharedLook

CHECK_SECONDS: Final = 2.0
OF_DATABASE: Final = ("database", "migrations", "database_identity")
NEEDED: Final = (*OF_DATABASE, "clock", "keys")
"""The checks without which the gateway is not ready."""
STALLED_SECONDS_MAX: Final = 60.0
"""Statements that wait longer without any being handled are a fault: the longest pause between two attempts is 30 s."""


class Health:
    """Answers probes and monitoring; however many ask, the process looks once in `health_seconds`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        seconds = process.settings.health_seconds
        self._checks = SharedLook(lambda: _checks(process), seconds)
        self._page = SharedLook(self._measured, seconds)

    def routes(self, *, has_metrics: bool = True) -> list[BaseRoute]:
        """The routes of this file; metrics may be served by another listener."""
        probes = [Route("/health", self._ready), Route("/health/live", _live), Route("/health/ready", self._ready)]
        return [*probes, Route("/metrics", self._metrics)] if has_metrics else list(probes)

    async def _ready(self, _request: Request) -> Response:
        """Ready while the database answers, its migrations are current, it has its identity, its clock and this
        process's agree, and the signing keys are known. Without Redis or Kafka the gateway still serves: it is
        degraded."""
        checks = await self._checks.get()
        is_ready = all(checks[name] for name in NEEDED) and not self._process.is_draining
        is_complete = is_ready and all(checks.values())
        status = "ready" if is_complete else "degraded" if is_ready else "unready"
        states = {name: "up" if is_up else "down" for name, is_up in checks.items()}
        return JSONResponse({"status": status, "checks": states}, 200 if is_ready else 503)

    async def _metrics(self, _request: Request) -> Response:
        # One of several workers is asked by their parent, which must know when there is a new one.
        return Response(await self._page.get(), media_type=CONTENT_TYPE_LATEST, headers={"X-Process": str(os.getpid())})

    async def _measured(self) -> bytes:
        await self._checks.get()
        await _measure_backlog(self._process)
        _measure_inbox(self._process)
        return generate_latest(self._process.metrics.registry)


async def _live(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _checks(process: Process) -> dict[str, bool]:
    """Check name -> whether it passes; also sets the metric of each dependency."""
    of_database = await _database_checks(process)
    redis = await process.cache.ping()
    redis_time = await process.cache.server_time() if redis else None
    kafka = process.kafka is None or await _kafka_answers(process.kafka)
    keys = bool((await process.verifier.keys.current()).keys)
    for name, is_up in (("database", of_database[0]), ("redis", redis), ("kafka", kafka)):
        process.metrics.dependency_up.labels(dependency=name).set(is_up)
    clock, redis_clock = _clock_checks(process, redis_time)
    return {
        **dict(zip(OF_DATABASE, of_database, strict=True)),
        "clock": clock,
        "keys": keys,
        "redis": redis,
        "redis_clock": redis_clock,
        "events": kafka and _are_events_read(process),
    }


def _clock_checks(process: Process, redis_time: float | None) -> tuple[bool, bool]:
    """Whether the clock of this process agrees with that of the database, and with that of Redis; sets the metric."""
    of_redis = 0.0 if redis_time is None else time.time() - redis_time
    for server, skew in (("database", process.clock.skew_seconds), ("redis", of_redis)):
        process.metrics.clock_skew.labels(server=server).set(skew)
    return process.clock.is_agreed, abs(of_redis) <= SKEW_SECONDS_MAX


async def _kafka_answers(watch: KafkaWatch) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await watch.has_answered()
    except TimeoutError:
        return False


def _are_events_read(process: Process) -> bool:
    """Whether this process reads the events, and the processes together read the statements."""
    is_reading = process.reader is None or process.reader.is_reading.is_set()
    return is_reading and (process.kafka is None or process.kafka.inbox.stalled_seconds() < STALLED_SECONDS_MAX)


async def _database_checks(process: Process) -> tuple[bool, bool, bool]:
    """Whether the database answers, its migrations are current, and it has its identity; what is not seen has not."""
    try:
        async with asyncio.timeout(CHECK_SECONDS), process.probe_database.reading() as connection:
            has_tables = await is_current(connection)
            await process.clock.synchronize(connection)
            if has_tables:
                await process.probe_database.check_writable(connection)
                await look_at_identity(process, connection)
    except NoIdentity as error:
        process.database_outage.failed(error)
        return True, True, False
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the database is not ready
        await process.database.leave_server_without_writes(error)
        process.database_outage.failed(error)
        return False, False, False
    process.database_outage.succeeded()
    return True, has_tables, has_tables


async def _measure_backlog(process: Process) -> None:
    """Read the size of the outbox at every scrape: the relay cannot report it while it waits for a broker."""
    try:
        async with asyncio.timeout(CHECK_SECONDS), process.probe_database.reading() as connection:
            waiting = await outbox_db.backlog(connection, CONTRACTS)
            unknown = await outbox_db.unknown_count(connection, CONTRACTS)
            dead = await dead_statements_db.count_open(connection)
            jobs = await background_jobs_db.counts(connection, process.now())
            parked, log = await outbox_db.parked_count(connection), await outbox_db.log_range(connection)
    except (DatabaseUnavailable, TimeoutError):
        process.metrics.forget_backlog()
        return
    age = (process.now() - waiting.oldest).total_seconds() if waiting.oldest else 0.0
    process.metrics.outbox_pending.set(waiting.pending)
    process.metrics.outbox_age.set(max(age, 0.0))
    process.metrics.parked.set(parked)
    process.metrics.unknown_events.set(unknown)
    process.metrics.dead_statements.set(dead)
    for each in jobs:
        since = (process.now() - each.oldest).total_seconds() if each.oldest else 0.0
        process.metrics.jobs.labels(each.task, each.state).set(each.count)
        process.metrics.jobs_age.labels(each.task, each.state).set(max(since, 0.0))
    process.metrics.consumer_lag.labels("hub").set(max(log.last - (process.hub.last_position or 0), 0))


def _measure_inbox(process: Process) -> None:
    if process.kafka is not None:
        waiting = process.kafka.inbox.waiting
        process.metrics.consumer_lag.labels("inbox").set(math.nan if waiting is None else waiting)
        process.metrics.inbox_stalled.set(process.kafka.inbox.stalled_seconds())
