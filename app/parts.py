"""What one process holds: built from the settings, started and stopped around serving."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from app import cache as caching
from app.auth import DEVELOPMENT_ISSUER, DevelopmentKeys, RemoteKeys, Verifier
from app.cache import Cache
from app.db import outbox as outbox_db
from app.db.engine import Database, DatabaseUnavailable
from app.db.outbox import OutboxRecord
from app.events.hub import Hub
from app.events.kafka import KafkaReader, KafkaTransport
from app.events.memory import MemoryTransport
from app.events.relay import Relay
from app.settings import Settings
from app.telemetry import Metrics

OPERATION_NAMES: Final = frozenset(
    {"Claims", "Claim", "Invoices", "Invoice", "Settlements", "CreateClaim", "SubmitClaims", "AdjudicateClaim"}
    | {"CreateInvoice", "IssueInvoice", "SettleInvoice", "ReverseSettlement", "CheckEligibility", "SearchTerms", "Me"}
    | {"WatchSettlements", "IntrospectionQuery"}
)
_log = structlog.get_logger("billing")


@dataclass
class Parts:
    """What one process holds: built at start, shared by all requests."""

    settings: Settings
    database: Database
    cache: Cache
    hub: Hub
    relay: Relay
    transport: KafkaTransport | MemoryTransport
    reader: KafkaReader | None
    verifier: Verifier
    metrics: Metrics
    is_draining: bool = False


def development_keys(settings: Settings) -> DevelopmentKeys:
    """The key pair of the development mode, kept in var_dir; there is none in production."""
    return DevelopmentKeys(settings.var_dir)


def database_of(settings: Settings) -> Database:
    """The database of these settings."""
    if settings.database.startswith("sqlite"):
        settings.var_dir.mkdir(parents=True, exist_ok=True)
    return Database(
        settings.database,
        pool_size=settings.database_pool_size,
        timeout_seconds=settings.database_timeout_seconds,
    )


def now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


def _verifier(settings: Settings) -> Verifier:
    if settings.jwks_url and settings.oidc_issuer:
        return Verifier(RemoteKeys(settings.jwks_url), issuer=settings.oidc_issuer, audience=settings.oidc_audience)
    # The settings refuse to load without a key set outside development.
    return Verifier(development_keys(settings), issuer=DEVELOPMENT_ISSUER, audience=settings.oidc_audience)


def _cache_secret(settings: Settings) -> str:
    if settings.cache_secret is not None:
        return settings.cache_secret.get_secret_value()
    path = settings.var_dir / "cache-secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def build(settings: Settings) -> Parts:
    """Put the parts together; nothing is connected yet."""
    metrics = Metrics(OPERATION_NAMES | frozenset(settings.registered_operations.replace(",", " ").split()))
    database = database_of(settings)

    async def missing(after: int, before: int) -> list[OutboxRecord]:
        async with database.reading() as connection:
            return await outbox_db.numbered_between(connection, after, before)

    hub = Hub(missing)
    transport: KafkaTransport | MemoryTransport = MemoryTransport(hub)
    reader = None
    if settings.events_url.startswith("kafka://"):
        transport = KafkaTransport(settings.events_url, settings.events_topic)
        reader = KafkaReader(settings.events_url, settings.events_topic, hub)
    return Parts(
        settings=settings,
        database=database,
        cache=Cache(caching.connect(settings.redis_url), secret=_cache_secret(settings)),
        hub=hub,
        relay=Relay(database, transport, metrics=metrics, now=now),
        transport=transport,
        reader=reader,
        verifier=_verifier(settings),
        metrics=metrics,
    )


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Run relay and reader; at the end close the subscriptions, finish the batch under way, give back the lock."""
    await _find_beginning(parts)
    tasks = [asyncio.create_task(parts.relay.run())]
    if parts.reader is not None:
        tasks.append(asyncio.create_task(parts.reader.run()))
    _log.info("started", env=parts.settings.env, database=parts.database.engine.dialect.name)
    try:
        yield
    finally:
        await _stop(parts, tasks)


async def _find_beginning(parts: Parts) -> None:
    """Where the event log stands now; a database that is away does not keep the process from starting, unready."""
    try:
        async with parts.database.reading() as connection:
            parts.hub.last_position = await outbox_db.last_published(connection)
    except DatabaseUnavailable:
        _log.warning("database_down", effect="started unready")


async def _stop(parts: Parts, tasks: list[asyncio.Task[None]]) -> None:
    parts.hub.close()
    parts.relay.stop()
    for task in tasks[1:]:
        task.cancel()
    await asyncio.wait(tasks, timeout=3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await parts.transport.close()
    await parts.cache.close()
    await parts.database.dispose()
    _log.info("stopped")
