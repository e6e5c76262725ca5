"""What a service gets for one change: the connection, the actor, the time, and a place for events and history."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.appeal_batches import AppealBatchStep
from app.db.batches import BatchStep
from app.db.history import ClaimStep, InvoiceStep
from app.db.line_history import LineStepRecord
from app.db.party_history import PartyStep
from app.db.server_errors import may_retry
from app.domain.access_log import DataClass
from app.domain.actor import Actor
from app.domain.calendar import business_day
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError
from app.events.contracts import Event
from app.tiss.child_processes import ChildProcesses


class Counted(StrEnum):
    """Totals that a change increases after its commit; each is a counter of the metrics."""

    SETTLED_CENTS = "settled_cents"
    REVERSED_CENTS = "reversed_cents"
    EMERGENCIES = "emergencies"


@dataclass(slots=True)
class UnitOfWork:
    """One attempt at a change. A service writes rows through `connection` and adds everything else here; the runner
    stores it in the same commit. A retry starts with a new unit, so that nothing of a failed attempt remains.
    Long computations run in `children`.
    """

    connection: AsyncConnection
    actor: Actor
    now: datetime
    children: ChildProcesses
    events: list[Event] = field(default_factory=list)
    claim_steps: list[ClaimStep] = field(default_factory=list)
    invoice_steps: list[InvoiceStep] = field(default_factory=list)
    batch_steps: list[BatchStep] = field(default_factory=list)
    appeal_batch_steps: list[AppealBatchStep] = field(default_factory=list)
    party_steps: list[PartyStep] = field(default_factory=list)
    line_steps: list[LineStepRecord] = field(default_factory=list)
    changes: dict[tuple[str, str | None], None] = field(default_factory=dict)
    disclosed: frozenset[DataClass] = frozenset()
    counts: dict[Counted, int] = field(default_factory=dict)
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_card_unknown: bool = False
    """Whether the change named a card that did not exist."""
    has_queued: bool = False
    """Whether the change queued a job, which a worker of this process may begin at once."""

    @property
    def scope(self) -> DataScope:
        """The actor's data scope, a required argument of every query."""
        return self.actor.data_scope

    @property
    def subject(self) -> str:
        """The name of the actor in rows and history."""
        return self.actor.subject

    @property
    def today(self) -> date:
        """The day in Brasília."""
        return business_day(self.now)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A part of the change that a refusal undoes alone: its rows, events, steps and entries of the access log."""
        of_claims: tuple[list[Any], ...] = (
            *(self.claim_steps, self.invoice_steps),
            *(self.batch_steps, self.appeal_batch_steps),
        )
        added: tuple[list[Any], ...] = (self.events, *of_claims, self.party_steps, self.line_steps, self.notices)
        kept = [len(each) for each in added]
        changes, disclosed, counts = dict(self.changes), self.disclosed, dict(self.counts)
        part = await self.connection.begin_nested()
        try:
            yield
            await part.commit()
        except Exception as error:
            if may_retry(error):
                # The whole unit runs again. After a deadlock the server has no savepoint any more, and its refusal to
                # go back to it would hide that.
                raise
            await part.rollback()
            if isinstance(error, BillingError):
                for each, count in zip(added, kept, strict=True):
                    del each[count:]
                self.changes, self.disclosed, self.counts = changes, disclosed, counts
            raise

    def emit(self, *events: Event) -> None:
        """Record events; the relay publishes them after the commit, in this order."""
        self.events += events

    def step(self, *steps: ClaimStep | InvoiceStep | BatchStep | AppealBatchStep | PartyStep | LineStepRecord) -> None:
        """Add steps to the history of claims, invoices, batches, parties and lines of statements."""
        for each in steps:
            if isinstance(each, ClaimStep):
                self.claim_steps.append(each)
            elif isinstance(each, PartyStep):
                self.party_steps.append(each)
            elif isinstance(each, LineStepRecord):
                self.line_steps.append(each)
            elif isinstance(each, InvoiceStep):
                self.invoice_steps.append(each)
            elif isinstance(each, AppealBatchStep):
                self.appeal_batch_steps.append(each)
            else:
                self.batch_steps.append(each)

    def changed(self, object_id: str, patient: str | None = None) -> None:
        """Add a changed object, and the patient it belongs to, to the entry of the access log."""
        self.changes[object_id, patient] = None

    def disclose(self, *classes: DataClass) -> None:
        """Record that the result shows these classes of data of all patients whose objects are named as changed."""
        self.disclosed |= frozenset(classes)

    def count(self, counted: Counted, amount: int = 1) -> None:
        """Add to a counter of the metrics after the commit."""
        self.counts[counted] = self.counts.get(counted, 0) + amount

    def warn(self, event: str, **details: Any) -> None:
        """Write a warning to the process log after the commit."""
        self.notices.append((event, details))
