"""The sweep: what has to happen because time passes, not because somebody asks."""

from collections.abc import Callable
from datetime import datetime

import structlog

from app.db import reconciliation as reconciliation_db
from app.db.engine import Database
from app.db.reconciliation import Books
from app.domain.data_scope import EVERYTHING
from app.services import denials
from app.telemetry.metrics import Metrics

_log = structlog.get_logger("billing")


async def sweep(
    database: Database, *, metrics: Metrics, on_commit: Callable[[], None], now: Callable[[], datetime]
) -> int:
    """One round: expire the open denials whose last day of appeal has passed, and measure the ledger totals.

    Any number of processes may sweep at once: each claim is expired under its own lock, so a denial expires once.
    Returns how many denials expired; calls `on_commit` if there were any. Errors of the database are raised.
    """
    expired = await denials.sweep(database, now=now)
    if expired:
        _log.info("denials_expired", count=expired)
        on_commit()
    await measure_totals(database, metrics)
    return expired


async def measure_totals(database: Database, metrics: Metrics) -> None:
    """Export where all billed money is as metrics; log an error if some of it is unexplained."""
    # One snapshot: the sums of several statements only match if they all see the same commits.
    async with database.snapshot() as connection:
        totals = await reconciliation_db.reconcile(connection, EVERYTHING, Books())
    metrics.show_totals(totals)
    if totals.unexplained_cents:
        _log.error("books_do_not_balance", unexplained_cents=totals.unexplained_cents)
