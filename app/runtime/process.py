"""What one process holds: built from the settings, started and stopped around serving."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from app.access_log.writer import AccessLogWriter
from app.auth.tokens import Verifier
from app.db import outbox as outbox_db
from app.db import reconciliation as books_db
from app.db.engine import Database, DatabaseUnavailable
from app.db.outbox import OutboxRecord
from app.db.reconciliation import Books
from app.domain.data_scope import EVERYTHING
from app.events.hub import Hub, StreamEvent
from app.events.inbox import Inbox
from app.events.kafka import KafkaReader, KafkaTransport
from app.events.memory import MemoryTransport
from app.events.relay import Relay
from app.redis import cache as caching
from app.redis.cache import Cache
from app.redis.rate_limit import RateLimit
from app.runtime.build import access_log_key_of, database_of, now, retention_rules, secret_of, verifier_of
from app.runtime.settings import Settings
from app.runtime.tls import client_context, unprotected
from app.services import denials, retention
from app.services import inbox as inbox_service
from app.telemetry.metrics import Metrics
from app.unit_of_work.keyed_locks import KeyedLocks

OPERATION_NAMES: Final = frozenset(
    {"Claims", "Claim", "Invoices", "Invoice", "Settlements", "CreateClaim", "SubmitClaims", "AdjudicateClaim"}
    | {"ReplaceClaim", "ExportBatch", "Preflight", "Denials", "AcceptDenial", "AppealDenial", "AnswerAppeal"}
    | {"ImportRemittance", "PostRemittance", "UnmatchedLines", "Reconciliation", "Indicators", "AdjustInvoice"}
    | {"CreateInvoice", "IssueInvoice", "SettleInvoice", "ReverseSettlement", "CheckEligibility", "SearchTerms", "Me"}
    | {"WatchSettlements", "WatchClaims", "IntrospectionQuery", "MyAccessLog", "OpenEmergencyAccess"}
)
STOP_SECONDS: Final = 1.0
_log = structlog.get_logger("billing")


@dataclass
class Process:
    """What one process holds: built at start, shared by all requests."""

    settings: Settings
    database: Database
    cache: Cache
    hub: Hub
    relay: Relay
    transport: KafkaTransport | MemoryTransport
    reader: KafkaReader | None
    inbox: Inbox | None
    verifier: Verifier
    metrics: Metrics
    turns: KeyedLocks
    trail: AccessLogWriter
    rate: RateLimit
    now: Callable[[], datetime]
    is_draining: bool = False


def _redis_files(settings: Settings) -> dict[str, str]:
    """The files of TLS towards Redis, under its client's own names; each was looked into before."""
    if client_context(settings, "redis") is None:
        return {}
    files = {
        "ssl_ca_certs": settings.redis_ca_file,
        "ssl_certfile": settings.redis_certificate_file,
        "ssl_keyfile": settings.redis_key_file,
    }
    return {name: str(path) for name, path in files.items() if path is not None}


def build(settings: Settings, *, clock: Callable[[], datetime] = now) -> Process:
    """Put the parts together; nothing is connected yet. `clock` is asked wherever the time counts."""
    metrics = Metrics(OPERATION_NAMES | frozenset(settings.registered_operations.replace(",", " ").split()))
    database = database_of(settings)

    async def missing(after: int, before: int | None, limit: int) -> list[OutboxRecord]:
        async with database.reading() as connection:
            return await outbox_db.numbered_after(connection, after, limit, before)

    def delivered(event: StreamEvent) -> None:
        metrics.delivery_seconds.observe(max((clock() - event.recorded_at).total_seconds(), 0.0))

    async def receive(event: Mapping[str, Any]) -> bool:
        data = inbox_service.read(event)
        source, event_id = event["source"], event["id"]
        written = await database.transact(
            lambda connection: inbox_service.receive(
                connection, source=source, event_id=event_id, data=data, now=clock()
            )
        )
        relay.wake()
        if not written.replayed:
            metrics.settled_cents.inc(written.value.settled_cents)
        return written.value.is_new and not written.replayed

    hub = Hub(missing, on_delivery=delivered, on_lag=metrics.lagged.inc)
    transport: KafkaTransport | MemoryTransport = MemoryTransport(hub)
    reader, inbox = None, None
    if settings.events_url.startswith("kafka://"):
        tls = client_context(settings, "kafka")
        transport = KafkaTransport(settings.events_url, settings.events_topic, tls)
        reader = KafkaReader(settings.events_url, settings.events_topic, hub, tls)
        inbox = Inbox(settings.events_url, settings.remittances_topic, receive, results=metrics.inbox, tls=tls)
    relay = Relay(
        database, transport, metrics=metrics, now=clock, retention=timedelta(days=settings.event_retention_days)
    )
    redis = caching.connect(settings.redis_url, **_redis_files(settings))
    cache = Cache(redis, secret=secret_of(settings, "cache_secret"))
    return Process(
        settings=settings,
        database=database,
        cache=cache,
        rate=RateLimit(
            cache,
            secret=secret_of(settings, "cache_secret"),
            per_second=settings.rate_per_second,
            burst=settings.rate_burst,
        ),
        hub=hub,
        relay=relay,
        transport=transport,
        reader=reader,
        inbox=inbox,
        verifier=verifier_of(settings),
        metrics=metrics,
        turns=KeyedLocks(),
        trail=AccessLogWriter(database, access_log_key_of(settings), now=clock, metrics=metrics),
        now=clock,
    )


@contextlib.asynccontextmanager
async def running(parts: Process) -> AsyncIterator[None]:
    """Run relay and reader; at the end close the subscriptions, finish the batch under way, give back the lock."""
    await _find_beginning(parts)
    tasks = [asyncio.create_task(each.run()) for each in (parts.relay, parts.trail)]
    tasks.append(asyncio.create_task(_watch_deadlines(parts)))
    tasks += [asyncio.create_task(each.run()) for each in (parts.reader, parts.inbox) if each is not None]
    if not parts.settings.is_development:
        for server, remedy in unprotected(parts.settings):
            _log.warning("plain_connection", to=server, effect="what passes can be read on the way", remedy=remedy)
    _log.info("started", env=parts.settings.env, database=parts.database.engine.dialect.name)
    try:
        yield
    finally:
        await _stop(parts, tasks)


async def _watch_deadlines(parts: Process) -> None:
    """Let overdue denials expire and look at the books, again and again."""
    while True:
        try:
            await sweep(parts)
        except Exception as error:  # noqa: BLE001 - whatever fails, the next round tries again
            _log.warning("deadlines_failed", error=type(error).__name__, effect="tried again later")
        await asyncio.sleep(parts.settings.sweep_interval_seconds)


async def sweep(parts: Process) -> int:
    """One round: denials whose last appeal day has passed expire, and the books are summed up for the metrics.

    How many denials expired.
    """
    expired = await denials.sweep(parts.database, now=parts.now)
    async with parts.database.snapshot() as connection:
        books = await books_db.reconcile(connection, EVERYTHING, Books())
    parts.metrics.show_books(books)
    if books.unexplained_cents:
        _log.error("books_do_not_balance", unexplained_cents=books.unexplained_cents)
    if expired:
        _log.info("denials_expired", count=expired)
        parts.relay.wake()
    await _purge(parts)
    return expired


async def _purge(parts: Process) -> None:
    """Delete a part of what has been stored for long enough; the access log is left to `billing purge --archive`."""
    for gone in await retention.purge(parts.database, retention_rules(parts.settings), slices_max=retention.SLICES_MAX):
        if gone.rows:
            _log.info("purged", table=gone.table, rows=gone.rows, days=gone.days)


async def _find_beginning(parts: Process) -> None:
    """Where the event log stands now; a database that is away does not keep the process from starting, unready."""
    try:
        async with parts.database.reading() as connection:
            parts.hub.last_position = (await outbox_db.kept(connection)).last
    except DatabaseUnavailable:
        _log.warning("database_down", effect="started unready")


async def _stop(parts: Process, tasks: list[asyncio.Task[None]]) -> None:
    parts.hub.close()
    parts.relay.stop()
    parts.trail.stop()
    for task in tasks[2:]:
        task.cancel()
    # The batch under way may end; what is not published by then is published by the next leader.
    await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await parts.transport.close()
            await parts.cache.close()
            await parts.database.dispose()
    _log.info("stopped")
