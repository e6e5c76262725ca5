"""Runs every change, whether GraphQL, the inbox, the sweep or the command line asks for it, in these steps:

lock of the key -> turn at the aggregate -> BEGIN -> key -> service -> history, outbox, access log -> answer -> COMMIT
-> relay, counters
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.writer import AccessLogWriter
from app.db import appeal_batches as appeal_batches_db
from app.db import batches as batches_db
from app.db import history as history_db
from app.db import line_history as line_history_db
from app.db import outbox as outbox_db
from app.db import party_history as party_history_db
from app.db.clock import DatabaseClock
from app.db.engine import Database
from app.domain.actor import Actor
from app.domain.claims import ClaimAction
from app.domain.errors import BillingError
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work import idempotency
from app.unit_of_work.action import Action
from app.unit_of_work.aggregate_turns import AggregateTurns
from app.unit_of_work.idempotency import Key, Written
from app.unit_of_work.keyed_locks import KeyedLocks
from app.unit_of_work.unit import Counted, UnitOfWork

Result = TypeVar("Result")
_log = structlog.get_logger("billing.changes")


class ChangeCounters(Protocol):
    """Counters of finished changes."""

    def change(self, action: str, outcome: str) -> None:
        """Count one call of an action: `done`, `replayed` or the code of its refusal."""

    def add(self, counted: Counted, amount: int) -> None:
        """Add to one of the totals."""


class Changes:
    """Runs actions. `on_commit` is called after a commit with events, `on_queued` after one with a queued job,
    `on_submitted` with the claims that one has submitted."""

    def __init__(
        self,
        database: Database,
        access_log: AccessLogWriter,
        *,
        clock: DatabaseClock,
        counters: ChangeCounters,
        children: ChildProcesses | None = None,
        on_commit: Callable[[], None] = lambda: None,
        on_queued: Callable[[], None] = lambda: None,
        on_submitted: Callable[[list[str]], None] = lambda _ids: None,
    ) -> None:
        self._database = database
        self._access_log = access_log
        self._clock = clock
        self._counters = counters
        self._children = children or ChildProcesses()
        self._on_commit = on_commit
        self._on_queued = on_queued
        self._on_submitted = on_submitted
        self._locks = KeyedLocks()
        self._turns = AggregateTurns(database.timeout_seconds)

    async def run(
        self,
        action: Action[Result],
        actor: Actor,
        arguments: Mapping[str, Any],
        *,
        key: str | None = None,
        key_owner: str | None = None,
    ) -> Written[Result]:
        """Run the action in one transaction, at most once per `key` of its owner (by default the actor).

        It runs again after deadlocks, lock timeouts and lost connections. BillingError means that nothing has changed,
        DatabaseUnavailable too, unless the commit was interrupted: repeating the call with its key is safe.
        """
        try:
            written, unit = await self._run(action, actor, arguments, key, key_owner or actor.subject)
        except BillingError as error:
            self.refused(action, error)
            raise
        self._finish(action, written, unit)
        return replace(written, is_card_unknown=unit.is_card_unknown)

    @property
    def children(self) -> ChildProcesses:
        """What runs long computations."""
        return self._children

    def refused(self, action: Action[Any], error: BillingError) -> None:
        """Count a refusal of the action."""
        self._counters.change(action.name, error.code)

    async def _run(
        self, action: Action[Result], actor: Actor, arguments: Mapping[str, Any], key: str | None, owner: str
    ) -> tuple[Written[Result], UnitOfWork]:
        # The data scope is part of the request: a stored result is never given to a caller with another data scope.
        once_key = None
        if key is not None:
            once_key = Key(owner, key, await idempotency.fingerprint([actor.data_scope, arguments]))
        prepared = arguments if action.prepare is None else await action.prepare(self._children, **arguments)

        async def attempt(connection: AsyncConnection) -> tuple[Written[Result], UnitOfWork]:
            unit = UnitOfWork(connection, actor, await self._clock.at(connection), self._children)
            if once_key is None:
                written = Written(await action.run(unit, **prepared))
            else:
                written = await idempotency.run_once(unit, action, prepared, once_key)
            await self._store(action, unit, is_replayed=written.replayed)
            if once_key is not None and not written.replayed:
                await idempotency.store(unit, action, once_key, written.value)
            return written, unit

        async with AsyncExitStack() as stack:
            if once_key is not None:
                await stack.enter_async_context(self._locks.held(owner, action.name, once_key.text))
            await stack.enter_async_context(self._turns.taken(action.aggregates(prepared)))
            return await self._database.transact(attempt, is_repeatable=once_key is not None, seconds=action.seconds)

    async def _store(self, action: Action[Any], unit: UnitOfWork, *, is_replayed: bool) -> None:
        """Write history, events and the access log entry in the transaction of the change."""
        connection = unit.connection
        await history_db.insert_claim_steps(connection, unit.claim_steps)
        await history_db.insert_invoice_steps(connection, unit.invoice_steps)
        await batches_db.insert_steps(connection, unit.batch_steps)
        await appeal_batches_db.insert_steps(connection, unit.appeal_batch_steps)
        await party_history_db.insert_party_steps(connection, unit.party_steps)
        await line_history_db.insert_steps(connection, unit.line_steps)
        await outbox_db.insert_events(connection, [event.row() for event in unit.events])
        detail = "replayed" if is_replayed else None
        await self._access_log.record(
            connection,
            unit.actor,
            operation=action.name,
            changed=list(unit.changes),
            disclosed=unit.disclosed,
            detail=detail,
        )

    def _finish(self, action: Action[Any], written: Written[Any], unit: UnitOfWork) -> None:
        if unit.events:
            self._on_commit()
        if unit.has_queued:
            self._on_queued()
        if submitted := [step.claim_id for step in unit.claim_steps if step.action is ClaimAction.SUBMIT]:
            self._on_submitted(submitted)
        self._counters.change(action.name, "replayed" if written.replayed else "done")
        for counted, amount in unit.counts.items():
            self._counters.add(counted, amount)
        for event, details in unit.notices:
            _log.warning(event, **details)
