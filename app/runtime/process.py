"""Everything that one serving process shares: built from the settings, started and stopped around serving."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.writer import AccessLogWriter
from app.auth.tokens import Verifier
from app.db import claims as claims_db
from app.db import identity
from app.db import outbox as outbox_db
from app.db.clock import DatabaseClock
from app.db.engine import Database, DatabaseUnavailable
from app.db.outbox import OutboxRecord
from app.domain.cursor_key import CursorKey
from app.domain.data_scope import EVERYTHING
from app.events.batches import Message, Unreadable
from app.events.contracts import aggregate_of
from app.events.cursors import StreamCursors
from app.events.hub import Hub
from app.events.inbox import Inbox, group_of
from app.events.kafka import KafkaReader, KafkaTransport
from app.events.kafka_watch import KafkaWatch
from app.events.lead import Lead
from app.events.listeners import StreamEvent
from app.events.memory import MemoryTransport
from app.events.relay import Relay
from app.redis import cache as caching
from app.redis.cache import Cache
from app.redis.commit_notices import CommitNotices
from app.redis.rate_limit import RateLimit
from app.redis.unknown_cards import UnknownCards
from app.runtime.build import access_log_key_of, database_of, retention_rules, secret_of, verifier_of
from app.runtime.certificates import Certificates, certificates_of
from app.runtime.jobs import Jobs, jobs_of
from app.runtime.settings import Settings
from app.runtime.surroundings import surroundings
from app.runtime.sweep import sweep
from app.runtime.tls import plain_connections
from app.services import dead_statements, emergency
from app.services import inbox as inbox_service
from app.services.inbox import RECEIVE, StatementSources
from app.services.tuss_search import TussSearch
from app.tasks.ending import ended
from app.telemetry.metrics import Metrics
from app.telemetry.outages import Outage
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.run import Changes

REQUEST_ID_LENGTH_MAX: Final = 64
STOP_SECONDS: Final = 1.0
IDENTITY_SECONDS: Final = 60.0
"""How long a process that checks no claim and that nobody probes may go by older TUSS terms than the database has."""
_log = structlog.get_logger("billing")


def _database_outage() -> Outage:
    effect = "not ready, requests are answered with UNAVAILABLE"
    return Outage("billing", down="database_down", back="database_back", effect=effect)


@dataclass
class Process:
    """The objects that all requests of one process share, built at start."""

    settings: Settings
    database: Database
    probe_database: Database
    cache: Cache
    hub: Hub
    relay: Relay
    notices: CommitNotices | None
    transport: KafkaTransport | MemoryTransport
    reader: KafkaReader | None
    inbox: Inbox | None
    kafka: KafkaWatch | None
    verifier: Verifier
    certificates: Certificates
    metrics: Metrics
    changes: Changes
    children: ChildProcesses
    jobs: Jobs
    tuss: TussSearch
    access_log: AccessLogWriter
    rate: RateLimit
    cursor_key: CursorKey
    stream_cursors: StreamCursors
    unknown_cards: UnknownCards
    refusals: RateLimit
    clock: DatabaseClock
    database_outage: Outage = field(default_factory=_database_outage)
    is_draining: bool = False

    def now(self) -> datetime:
        """The database's time, in UTC."""
        return self.clock.now()


def build(
    settings: Settings, *, clock: Callable[[], datetime] | None = None, operation_types: Mapping[str, str] | None = None
) -> Process:
    """Build the process; nothing is connected yet. `clock` replaces that of the database.

    Metrics show the operations of `operation_types` and of the settings by name, and all others as `other`.
    """
    registered = dict.fromkeys(settings.registered_operations.replace(",", " ").split())
    metrics = Metrics(registered | dict(operation_types or {}))
    metrics.expect(emergency.OPEN.name, "CONFLICT", "EMERGENCY_LIMIT", "INVALID_INPUT")
    certificates = certificates_of(settings)
    database, time = database_of(settings, certificates.database), DatabaseClock(clock)

    async def missing(after: int, before: int | None, limit: int) -> list[OutboxRecord]:
        async with database.reading() as connection:
            return await outbox_db.numbered_after(connection, after, limit, before)

    async def patients(claim_ids: Sequence[str]) -> dict[str, str]:
        async with database.reading() as connection:
            return await claims_db.patients_of(connection, EVERYTHING, claim_ids)

    def delivered(event: StreamEvent) -> None:
        seconds = max((time.now() - event.recorded_at).total_seconds(), 0.0)
        metrics.delivery_seconds.labels(aggregate_of(event.name)).observe(seconds)

    async def receive(event: Mapping[str, Any]) -> bool:
        statement, source = await asyncio.to_thread(inbox_service.read, event), event["source"]
        sources.check(source, statement)
        actor = inbox_service.actor_of(statement, request_id=event["id"][:REQUEST_ID_LENGTH_MAX])
        owner = inbox_service.key_owner(source)
        done = await changes.run(RECEIVE, actor, {"statement": statement}, key=event["id"], key_owner=owner)
        return done.value.is_new and not done.replayed

    async def put_aside(found: Message | Unreadable, code: str, reason: str) -> None:
        await dead_statements.put(database, found, code=code, reason=reason)

    sources = StatementSources(settings.statement_sources)
    hub = Hub(missing, patients, on_delivery=delivered, on_lag=metrics.lagged.inc)
    lead = Lead()
    transport: KafkaTransport | MemoryTransport = MemoryTransport(hub)
    reader, inbox, kafka = None, None, None
    if settings.events_url.startswith("kafka://"):
        tls = certificates.kafka
        transport = KafkaTransport(
            settings.events_url,
            settings.events_topic,
            tls,
            may_send=lead.may_send,
            earlier_topic=settings.earlier_events_topic,
        )
        reader = KafkaReader(settings.events_url, settings.events_topic, hub, tls)
        inbox = Inbox(
            settings.events_url,
            settings.remittances_topic,
            receive,
            put_aside=put_aside,
            is_database_up=database.is_up,
            results=metrics.inbox,
            posting_seconds=metrics.posting_seconds,
            tls=tls,
        )
        topic = settings.remittances_topic
        kafka = KafkaWatch(settings.events_url, topic=topic, group=group_of(topic), tls=tls)
    redis = caching.connect(settings.redis_url, certificates.redis)
    notices = _notices(settings, redis, database)
    relay = Relay(
        database,
        transport,
        metrics=metrics,
        now=time.now,
        lead=lead,
        notices=notices,
        retention=timedelta(days=settings.event_retention_days),
    )
    access_log = AccessLogWriter(database, access_log_key_of(settings), now=time.now, metrics=metrics)
    children = ChildProcesses(settings.tiss_processes)

    def queued() -> None:
        jobs.queued()

    def submitted(claim_ids: list[str]) -> None:
        jobs.submitted(claim_ids)

    changes = Changes(
        database,
        access_log,
        clock=time,
        counters=metrics,
        children=children,
        on_commit=partial(_committed, relay, notices),
        on_queued=queued,
        on_submitted=submitted,
    )
    cache = Cache(redis, secret=secret_of(settings, "cache_secret"))
    cursor_key = CursorKey(secret_of(settings, "cache_secret"))
    unknown_cards = UnknownCards(
        cache, secret=secret_of(settings, "cache_secret"), per_hour=settings.unknown_cards_per_hour
    )
    jobs = jobs_of(database, changes, children, clock=time, on_unknown_card=unknown_cards.count)
    return Process(
        settings=settings,
        database=database,
        # Probes must not wait for requests, nor requests for probes.
        probe_database=database_of(settings.model_copy(update={"database_pool_size": 1}), certificates.database),
        cache=cache,
        rate=RateLimit(
            cache,
            secret=secret_of(settings, "cache_secret"),
            per_second=settings.rate_per_second,
            burst=settings.rate_burst,
        ),
        refusals=RateLimit(
            cache,
            secret=secret_of(settings, "cache_secret"),
            per_second=settings.refused_tokens_per_second,
            burst=settings.refused_tokens_burst,
        ),
        hub=hub,
        relay=relay,
        notices=notices,
        transport=transport,
        reader=reader,
        inbox=inbox,
        kafka=kafka,
        verifier=verifier_of(settings, certificates),
        certificates=certificates,
        metrics=metrics,
        changes=changes,
        children=children,
        jobs=jobs,
        tuss=TussSearch(database),
        access_log=access_log,
        cursor_key=cursor_key,
        stream_cursors=StreamCursors(cursor_key, database),
        unknown_cards=unknown_cards,
        clock=time,
    )


def _notices(settings: Settings, redis: Redis, database: Database) -> CommitNotices | None:
    if settings.redis_url.startswith("memory://"):
        return None  # a Redis within this process has nobody else to tell
    outage = Outage(
        "billing.relay",
        down="commit_notices_down",
        back="commit_notices_back",
        effect="events of processes that do not lead are published up to two seconds later",
    )
    return CommitNotices(redis, lambda: database.incarnation, failed=outage.failed, succeeded=outage.succeeded)


def _committed(relay: Relay, notices: CommitNotices | None) -> None:
    relay.wake()
    if notices is not None and not relay.leads:
        notices.committed()


@contextlib.asynccontextmanager
async def running(process: Process) -> AsyncIterator[None]:
    """Run the background loops while serving; then end subscriptions, finish the relay's batch, release its lock."""
    await _start_at_end_of_log(process)
    tasks = [asyncio.create_task(each.run()) for each in (process.relay, process.access_log)]
    tasks += [asyncio.create_task(watch(process)) for watch in (_watch_deadlines, _watch_identity)]
    tasks += [asyncio.create_task(each.run()) for each in process.jobs.workers]
    tasks += [asyncio.create_task(each.run()) for each in _kafka_loops(process)]
    if process.notices is not None:
        tasks.append(asyncio.create_task(process.notices.run()))
    if not process.settings.is_development:
        if process.reader is None:
            effect = "events reach nobody but the subscribers of this process"
            _log.warning("events_are_not_published", effect=effect, remedy="set BILLING_EVENTS_URL to kafka://...")
        for server, remedy in plain_connections(process.settings):
            _log.warning("plain_connection", to=server, effect="the traffic can be read on the way", remedy=remedy)
    _log.info("started", env=process.settings.env, **surroundings(process.settings))
    try:
        yield
    finally:
        await _stop(process, tasks)


def _kafka_loops(process: Process) -> list[KafkaReader | Inbox | KafkaWatch]:
    return [each for each in (process.reader, process.inbox, process.kafka) if each is not None]


async def _watch_deadlines(process: Process) -> None:
    """Sweep for ever, five minutes apart unless the settings say otherwise; a failure is logged."""
    outage = Outage("billing", down="deadlines_failed", back="deadlines_back", effect="tried again later")
    while True:
        try:
            await sweep(
                process.database,
                process.changes,
                metrics=process.metrics,
                retention_rules=retention_rules(process.settings),
                clock=process.clock,
            )
        except Exception as error:  # noqa: BLE001 - whatever fails, the next round tries again
            outage.failed(error)
        else:
            outage.succeeded()
        await asyncio.sleep(process.settings.sweep_interval_seconds)


async def _start_at_end_of_log(process: Process) -> None:
    """Let the hub begin after the last event in the log.

    With a database that is down the process starts all the same, unready, and the hub begins when it is back.
    """
    try:
        async with process.database.reading() as connection:
            await look_at_identity(process, connection)
            await process.clock.synchronize(connection)
    except DatabaseUnavailable as error:
        process.database_outage.failed(error)


async def look_at_identity(process: Process, connection: AsyncConnection) -> None:
    """Go by the database as it is now: by its TUSS terms, and by its event log, which is another one after a restore;
    NoIdentity."""
    incarnation = process.database.incarnation = (await identity.read(connection)).incarnation
    if not process.hub.has_begun(incarnation):
        await process.hub.begin_after(await outbox_db.end_of_log(connection), incarnation)


async def _watch_identity(process: Process) -> None:
    """Look at it for ever, since a probe may reach only one of several workers; whether the database is back, a probe
    says."""
    while True:
        await asyncio.sleep(IDENTITY_SECONDS)
        try:
            async with process.database.reading() as connection:
                await look_at_identity(process, connection)
        except Exception as error:  # noqa: BLE001 - whatever fails, the next round tries again
            process.database_outage.failed(error)


async def _stop(process: Process, tasks: list[asyncio.Task[None]]) -> None:
    process.hub.close()
    process.relay.stop()
    process.access_log.stop()
    for task in tasks[2:]:
        task.cancel()
    # The relay may finish its batch within a second; what is not published then, the next leader publishes.
    await asyncio.wait(tasks, timeout=STOP_SECONDS)
    await ended(tasks)
    await process.children.stop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await process.transport.close()
            await process.cache.close()
            await process.database.dispose()
            await process.probe_database.dispose()
    _log.info("stopped")
