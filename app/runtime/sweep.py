"""The sweep: what has to happen because time passes, not because somebody asks."""

import secrets
from typing import Final

import structlog

from app.db import denials as denials_db
from app.db.clock import DatabaseClock
from app.db.engine import Database
from app.domain.actor import Door, operator
from app.domain.calendar import business_day
from app.services import books, documents, retention
from app.services.denials import EXPIRE
from app.services.matching_runner import match_what_waits
from app.services.retention import Rule
from app.telemetry.metrics import Metrics
from app.unit_of_work.run import Changes

BATCH_SIZE: Final = 100
ACTOR: Final = "deadline"
_log = structlog.get_logger("billing")


async def sweep(
    database: Database,
    changes: Changes,
    *,
    metrics: Metrics,
    retention_rules: tuple[Rule, ...],
    clock: DatabaseClock,
) -> int:
    """One round: expire the open denials whose last day of appeal has passed, match lines whose claims have come,
    measure the books, delete what is old.

    Returns how many denials expired. DatabaseUnavailable is raised. While the clocks of this process and of the
    database differ, nothing expires and nothing is deleted.
    """
    async with database.reading() as connection:
        await clock.synchronize(connection)
    if not clock.is_agreed:
        await measure_totals(database, metrics, clock)
        return 0
    expired = await expire_denials(database, changes, clock=clock)
    if expired:
        _log.info("denials_expired", count=expired)
    await match_what_waits(database, changes)
    await measure_totals(database, metrics, clock)
    await purge(database, retention_rules, metrics)
    if abandoned := await documents.remove_abandoned(database):
        _log.info("abandoned_uploads_removed", count=abandoned)
    return expired


async def expire_denials(database: Database, changes: Changes, *, clock: DatabaseClock) -> int:
    """Expire every open denial whose last day of appeal has passed, claim by claim; how many there were.

    Any number of processes may sweep at once: each claim is expired under its own lock, so a denial expires once.
    """
    actor = operator(ACTOR, Door.SWEEP, request_id=f"sweep-{secrets.token_hex(8)}")
    total = 0
    while True:
        async with database.reading() as connection:
            claim_ids = await denials_db.overdue_claims(
                connection, business_day(await clock.at(connection)), BATCH_SIZE
            )
        for claim_id in claim_ids:
            total += (await changes.run(EXPIRE, actor, {"claim_id": claim_id})).value
        if len(claim_ids) < BATCH_SIZE:
            return total


async def measure_totals(database: Database, metrics: Metrics, clock: DatabaseClock) -> None:
    """Add up a part of the books, show in the metrics where all billed money is, and log an error if some of it is
    unexplained."""
    async with database.reading() as connection:
        now = await clock.at(connection)
    proof = await books.prove(database, now)
    if proof is None:
        return
    metrics.show_totals(proof.books, age_seconds=(now - proof.proven_at).total_seconds())
    if proof.books.unexplained_cents:
        _log.error("books_do_not_balance", unexplained_cents=proof.books.unexplained_cents)


async def purge(database: Database, rules: tuple[Rule, ...], metrics: Metrics) -> None:
    """Delete a part of what has been stored for long enough; the access log is left to `billing purge --archive`."""
    for gone in await retention.purge(database, rules, slices_max=retention.SLICES_MAX):
        metrics.purged.labels(gone.table).inc(gone.rows)
        if gone.rows:
            _log.info("purged", table=gone.table, rows=gone.rows, days=gone.days)
