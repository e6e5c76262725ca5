"""Metrics: every one that the gateway exports."""

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, product
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric

OTHER: Final = "other"
"""The label of everything that has no label of its own."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DELIVERY_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_POSTING_SECONDS: Final = (0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 900, 3_600)
KINDS: Final = {
    "query": ("point", "list"),
    "mutation": ("mutation",),
    "subscription": ("subscription",),
    "none": ("none",),
}
"""Of what kind an operation of each type is."""
OUTCOMES: Final = ("ok", "refused", "denied", "unavailable", "internal")
EXECUTORS: Final = ("plan", "core", "fallback", "payload_plan", "payload_core", "payload_fallback")
PUBLISH_ERRORS: Final = (
    *("KafkaConnectionError", "KafkaTimeoutError", "NodeNotReadyError", "RequestTimedOutError", "TimeoutError"),
    *("NotEnoughReplicasError", "NotEnoughReplicasAfterAppendError", "TopicAuthorizationFailedError"),
    *("NotLeading", "OperationalError"),
)
AGGREGATES: Final = (
    *("claim", "denial", "invoice", "settlement", "remittance", "credit", "batch", "appeal_batch", "import", "bank"),
    *("payer", "provider", "patient", "coverage", "practitioner"),
)
PURGED: Final = ("idempotency_keys", "eligibility_checks", "dead_statements", "documents")
"""The tables whose old rows the sweep deletes."""


class LedgerTotals(Protocol):
    """Where billed money is, in cents."""

    @property
    def billed_cents(self) -> int: ...
    @property
    def paid_cents(self) -> int: ...
    @property
    def in_dispute_cents(self) -> int: ...
    @property
    def lost_cents(self) -> int: ...
    @property
    def awaiting_cents(self) -> int: ...
    @property
    def withheld_cents(self) -> int: ...
    @property
    def patient_cents(self) -> int: ...
    @property
    def unexplained_cents(self) -> int: ...


class UnknownGauge(Gauge):
    """A gauge that has no value until one is set: 0 would say something that nobody has looked at."""

    _is_known = False

    def set(self, value: float) -> None:
        """Show this value from now on."""
        super().set(value)
        self._is_known = True

    def follow(self, value: Callable[[], float]) -> None:
        """Show what the function returns at each scrape from now on."""
        self.set_function(value)
        self._is_known = True

    def forget(self) -> None:
        """Show no value until the next one is set."""
        self._is_known = False

    def collect(self) -> Iterable[Metric]:
        """The sample, if there is one."""
        return super().collect() if self._is_known else ()


def worker_metrics(registry: CollectorRegistry) -> tuple[Gauge, Gauge, Counter]:
    """How many worker processes there should be, how many of them answer, and how many were started again."""
    return (
        Gauge("billing_workers", "Worker processes that there should be; 1 without `--workers`.", registry=registry),
        Gauge(
            "billing_workers_answering",
            "Those of them that answered this scrape within four seconds.",
            registry=registry,
        ),
        Counter(
            "billing_worker_restarts_total",
            "Processes of `--workers` that were started again because they died or hung.",
            registry=registry,
        ),
    )


class Metrics:
    """Every metric of one process, in a registry of its own.

    Labels are short fixed sets, never a path, a client's own text or a person: each new value is a new time series.
    `operations` are the GraphQL operation names that get a label of their own, and the type that each usually has.
    """

    def __init__(self, operations: Mapping[str, str | None] | None = None) -> None:
        self.registry = CollectorRegistry()
        self._operations = operations or {}
        self._add_requests()
        self._add_business()
        self._add_outbox()
        self._add_delivery()
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Give counters and histograms their label values now: Prometheus sees no increase in a series that is born
        with its first one. What no operation of a name is has no series, of which each scrape would carry thousands."""
        for name, usual in (*self._operations.items(), (OTHER, None)):
            types = KINDS if usual is None else (usual,)
            for type, outcome in product(types, OUTCOMES):
                self.graphql_requests.labels(name, type, outcome)
            for kind in chain.from_iterable(KINDS[type] for type in types):
                self.graphql_seconds.labels(name, kind)
        # The process that asks several workers knows more (app/web/combined_admin.py).
        self.workers.set(1)
        self.workers_answering.set(1)
        for executor in EXECUTORS:
            self.graphql_executions.labels(executor)
        for outcome, source in product(("ELIGIBLE", "NOT_ELIGIBLE", "UNDETERMINED"), ("PAYER", "CACHE")):
            self.eligibility.labels(outcome, source)
        for error in (*PUBLISH_ERRORS, OTHER):
            self.publish_errors.labels(error)
        for aggregate in AGGREGATES:
            self.delivery_seconds.labels(aggregate)
        for table in PURGED:
            self.purged.labels(table)
        for result in ("posted", "repeated", "retried", "dead"):
            self.inbox.labels(result)

    def _add_requests(self) -> None:
        self.http_requests = self._counter("billing_http_requests_total", "HTTP requests.", "route", "method", "status")
        self.http_seconds = self._seconds(
            "billing_http_request_duration_seconds", "Time to answer an HTTP request.", "route"
        )
        self.graphql_requests = self._counter(
            "billing_graphql_requests_total", "GraphQL operations by registered name.", "operation", "type", "outcome"
        )
        self.graphql_seconds = self._seconds(
            "billing_graphql_request_duration_seconds", "Time to execute a GraphQL operation.", "operation", "kind"
        )
        self.graphql_executions = self._counter(
            "billing_graphql_executions_total",
            "Queries by what executed them, and objects of mutations and events (payload_…); a plan that does not "
            "cover an object or a failure falls back.",
            "executor",
        )
        self.subscribers = self._gauge("billing_subscribers", "Live subscriptions.")
        self.workers, self.workers_answering, self.worker_restarts = worker_metrics(self.registry)
        self.dependency_up = self._gauge("billing_dependency_up", "Whether a dependency answers.", "dependency")
        self.clock_skew = self._gauge(
            "billing_clock_skew_seconds", "How far this process's clock is ahead of the server's.", "server"
        )

    def _add_business(self) -> None:
        self.mutations = self._counter(
            "billing_mutations_total",
            "Business mutations by result (done, replayed or the first error code).",
            "mutation",
            "result",
        )
        self.eligibility = self._counter(
            "billing_eligibility_answers_total", "Eligibility answers.", "outcome", "source"
        )
        self.settled_cents = self._counter("billing_settled_cents_total", "Confirmed settlements, in cents.")
        self.reversed_cents = self._counter("billing_reversed_cents_total", "Reversed settlements, in cents.")
        self.audit_lost = self._counter(
            "billing_audit_lost_total", "Access log entries dropped because the database was down for too long."
        )
        self.emergencies = self._counter(
            "billing_emergency_accesses_total", "Emergency accesses to health data opened."
        )
        self.books = self._gauge(
            "billing_books_cents",
            "Where billed money is, in cents, as last added up: billed, paid, withheld, in_dispute, lost, awaiting, "
            "patient (owed by patients).",
            "part",
        )
        self.unexplained = self._unknown(
            "billing_unexplained_cents",
            "Billed minus all parts, as last added up; anything but 0 is a wrong row. No value "
            "before every month has been added up once.",
        )
        self.proof_age = self._unknown(
            "billing_books_proof_age_seconds",
            "Time since the month that was added up longest ago was. No value before every month has been once.",
        )

    def _add_outbox(self) -> None:
        self.outbox_pending = self._unknown("billing_outbox_pending", "Events recorded and not yet published.")
        self.outbox_age = self._unknown("billing_outbox_oldest_age_seconds", "Age of the oldest unpublished event.")
        self.published = self._counter("billing_outbox_published_total", "Events published.")
        self.publish_errors = self._counter(
            "billing_outbox_publish_errors_total", "Failed attempts to publish.", "error"
        )
        self.is_leader = self._gauge("billing_relay_is_leader", "Whether this process publishes the outbox.")
        self.batch_seconds = self._seconds(
            "billing_relay_batch_seconds", "Time to number, publish and mark one batch of events."
        )
        self.parked = self._unknown(
            "billing_outbox_parked",
            "Events that cannot be published, and those waiting for them: see `billing parked`.",
        )

        self.unknown_events = self._unknown(
            "billing_outbox_unknown",
            "Events of a newer release, whose names this process does not know, and those waiting for them.",
        )

    def publish_failed(self, error: BaseException) -> None:
        """Count a failed attempt to publish."""
        name = type(error).__name__
        self.publish_errors.labels(name if name in PUBLISH_ERRORS else OTHER).inc()

    def _add_delivery(self) -> None:
        self.consumer_lag = self._gauge(
            "billing_consumer_lag",
            "Events not yet read by the hub of this process, and messages from payers not yet handled by any process; "
            "NaN while Kafka does not say.",
            "consumer",
        )
        self.inbox_stalled = self._gauge(
            "billing_inbox_stalled_seconds",
            "For how long messages from payers have been waiting without any being handled.",
        )
        self.delivery_seconds = self._seconds(
            "billing_event_delivery_seconds",
            "Time from recording an event to delivering it to this process's subscribers.",
            "aggregate",
            buckets=_DELIVERY_SECONDS,
        )
        self.lagged = self._counter("billing_subscribers_lagged_total", "Subscriptions ended because they fell behind.")
        self.posting_seconds = self._seconds(
            "billing_statement_posting_seconds",
            "Time from a statement's arrival at the broker to the end of its import.",
            buckets=_POSTING_SECONDS,
        )
        self.inbox = self._counter(
            "billing_inbox_messages_total",
            "Messages from payers by result: posted, repeated, dead; also each retried attempt.",
            "result",
        )

        self.dead_statements = self._unknown(
            "billing_dead_statements", "Payers' statements that could not be handled: see `billing dead-statements`."
        )

        self.purged = self._counter(
            "billing_purged_rows_total", "Rows that the sweep has deleted because of their age.", "table"
        )
        self.jobs = self._gauge(
            "billing_background_jobs",
            "Imports and postings that no process has taken yet, that run, and imports that failed within a day.",
            "task",
            "state",
        )
        self.jobs_age = self._gauge(
            "billing_background_jobs_oldest_seconds", "Time since the oldest of them was started.", "task", "state"
        )

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self.registry)

    def _gauge(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(name, description, labels, registry=self.registry)

    def _unknown(self, name: str, description: str) -> UnknownGauge:
        return UnknownGauge(name, description, registry=self.registry)

    def _seconds(self, name: str, description: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, description, labels, buckets=buckets, registry=self.registry)

    def forget_backlog(self) -> None:
        """Show no backlog until it is read again: old numbers would look like present ones."""
        for gauge in (self.outbox_pending, self.outbox_age, self.parked, self.unknown_events, self.dead_statements):
            gauge.forget()
        self.jobs.clear()
        self.jobs_age.clear()

    def change(self, action: str, outcome: str) -> None:
        """Count a call of an action with `done`, `replayed` or the code of its refusal."""
        self.mutations.labels(action, outcome).inc()

    def expect(self, action: str, *outcomes: str) -> None:
        """Show these outcomes of an action from 0 on: an alert watches their first increase, which a counter that is
        born with it would not show."""
        for outcome in outcomes:
            self.mutations.labels(action, outcome)

    def add(self, counted: str, amount: int) -> None:
        """Add to one of the totals: `settled_cents`, `reversed_cents` or `emergencies`."""
        totals = {
            "settled_cents": self.settled_cents,
            "reversed_cents": self.reversed_cents,
            "emergencies": self.emergencies,
        }
        totals[counted].inc(amount)

    def show_totals(self, totals: LedgerTotals, *, age_seconds: float) -> None:
        """Set the gauges of where billed money is, which was added up so long ago."""
        parts = {
            "billed": totals.billed_cents,
            "paid": totals.paid_cents,
            "in_dispute": totals.in_dispute_cents,
            "lost": totals.lost_cents,
            "awaiting": totals.awaiting_cents,
            "withheld": totals.withheld_cents,
            "patient": totals.patient_cents,
        }
        for name, cents in parts.items():
            self.books.labels(name).set(cents)
        self.unexplained.set(totals.unexplained_cents)
        proved = time.monotonic() - age_seconds
        self.proof_age.follow(lambda: time.monotonic() - proved)

    def operation(self, name: str | None) -> str:
        """The label for an operation name: the name if it is registered, else `other`, since clients choose names."""
        return name if name is not None and name in self._operations else OTHER
