"""Logs without personal data, metrics, and the request id that ties them together."""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any, Final, Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from structlog.typing import EventDict

request_id: ContextVar[str] = ContextVar("request_id", default="-")
OTHER: Final = "other"
_DIGITS: Final = re.compile(r"\d{9,}")
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def _with_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event["request_id"] = request_id.get()
    return event


def _without_long_numbers(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Cards, CPFs and CNPJs are runs of nine digits and more: whatever slips into a message is starred out."""
    return {key: _DIGITS.sub("***", value) if isinstance(value, str) else value for key, value in event.items()}


def configure_logs(level: str) -> None:
    """One JSON object per line on standard error, for our own loggers and those of the libraries."""
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_request_id,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_long_numbers,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("aiokafka", "httpx", "httpcore", "aiosqlite", "asyncio", "alembic", "uvicorn"):
        logging.getLogger(name).setLevel("ERROR" if name == "aiokafka" else "WARNING")


class Books(Protocol):
    """The sums that the metrics show, in cents."""

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
    def unexplained_cents(self) -> int: ...


class Metrics:
    """Every metric of the gateway, in a registry of its own; labels are short fixed sets, never a path or a person."""

    def __init__(self, operations: frozenset[str] = frozenset()) -> None:
        self.registry = CollectorRegistry()
        self._operations = operations
        self.http_requests = Counter(
            "billing_http_requests_total", "HTTP requests.", ["route", "method", "status"], registry=self.registry
        )
        self.http_seconds = Histogram(
            "billing_http_request_duration_seconds",
            "Time to answer an HTTP request.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.graphql_requests = Counter(
            "billing_graphql_requests_total",
            "GraphQL operations by registered name.",
            ["operation", "type", "outcome"],
            registry=self.registry,
        )
        self.graphql_seconds = Histogram(
            "billing_graphql_request_duration_seconds",
            "Time to execute a GraphQL operation.",
            ["operation"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.subscribers = Gauge("billing_subscribers", "Live subscriptions.", registry=self.registry)
        self.mutations = Counter(
            "billing_mutations_total",
            "Business mutations by result (done, replayed or the first error code).",
            ["mutation", "result"],
            registry=self.registry,
        )
        self.eligibility = Counter(
            "billing_eligibility_answers_total",
            "Eligibility answers.",
            ["outcome", "source"],
            registry=self.registry,
        )
        self.settled_cents = Counter(
            "billing_settled_cents_total", "Confirmed settlements, in cents.", registry=self.registry
        )
        self.reversed_cents = Counter(
            "billing_reversed_cents_total", "Reversed settlements, in cents.", registry=self.registry
        )
        self.dependency_up = Gauge(
            "billing_dependency_up", "Whether a dependency answers.", ["dependency"], registry=self.registry
        )
        self.outbox_pending = Gauge(
            "billing_outbox_pending", "Events recorded and not yet published.", registry=self.registry
        )
        self.outbox_age = Gauge(
            "billing_outbox_oldest_age_seconds", "Age of the oldest unpublished event.", registry=self.registry
        )
        self.published = Counter("billing_outbox_published_total", "Events published.", registry=self.registry)
        self.publish_errors = Counter(
            "billing_outbox_publish_errors_total", "Failed attempts to publish.", ["error"], registry=self.registry
        )
        self.is_leader = Gauge(
            "billing_relay_is_leader", "Whether this process publishes the outbox.", registry=self.registry
        )
        self.batch_seconds = Histogram(
            "billing_relay_batch_seconds",
            "Time to number, publish and mark one batch of events.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.parked = Gauge(
            "billing_outbox_parked",
            "Events that cannot be published, and those that wait behind them: see `billing parked`.",
            registry=self.registry,
        )
        self.consumer_lag = Gauge(
            "billing_consumer_lag",
            "Events that are there and not yet read: by the hub of this process, or by its part of the inbox.",
            ["consumer"],
            registry=self.registry,
        )
        self.delivery_seconds = Histogram(
            "billing_event_delivery_seconds",
            "Time from an event's record to its delivery to the subscribers of this process.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.lagged = Counter(
            "billing_subscribers_lagged_total", "Subscriptions ended because they fell behind.", registry=self.registry
        )
        self.inbox = Counter(
            "billing_inbox_messages_total",
            "Messages of payers by what became of them: posted, repeated, dead, and each retried attempt.",
            ["result"],
            registry=self.registry,
        )
        self.audit_lost = Counter(
            "billing_audit_lost_total",
            "Entries of the access log that were dropped because the database was away for too long.",
            registry=self.registry,
        )
        self.emergencies = Counter(
            "billing_emergency_accesses_total",
            "Emergency accesses to health data that were opened.",
            registry=self.registry,
        )
        self.books = Gauge(
            "billing_books_cents",
            "Where billed money is, in cents, at the last sweep: billed, paid, in_dispute, lost, awaiting.",
            ["part"],
            registry=self.registry,
        )
        self.unexplained = Gauge(
            "billing_unexplained_cents",
            "Billed minus paid, in dispute, lost and awaiting, at the last sweep: anything but 0 is a wrong row.",
            registry=self.registry,
        )

    def change(self, action: str, outcome: str) -> None:
        """Count a call of an action with `done`, `replayed` or the code of its refusal."""
        self.mutations.labels(action, outcome).inc()

    def add(self, counted: str, amount: int) -> None:
        """Add to one of the totals: `settled_cents`, `reversed_cents` or `emergencies`."""
        totals = {
            "settled_cents": self.settled_cents,
            "reversed_cents": self.reversed_cents,
            "emergencies": self.emergencies,
        }
        totals[counted].inc(amount)

    def show_books(self, books: Books) -> None:
        """Tell where billed money is."""
        parts = {
            "billed": books.billed_cents,
            "paid": books.paid_cents,
            "in_dispute": books.in_dispute_cents,
            "lost": books.lost_cents,
            "awaiting": books.awaiting_cents,
        }
        for name, cents in parts.items():
            self.books.labels(name).set(cents)
        self.unexplained.set(books.unexplained_cents)

    def operation(self, name: str | None) -> str:
        """The label of an operation name: itself when registered, else `other`, since clients choose names freely."""
        return name if name in self._operations else OTHER
