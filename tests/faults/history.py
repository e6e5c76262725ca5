"""What clients were told, what the database holds, what observers saw: and the one checker that compares them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import orjson
from sqlalchemy import select

from app.db.engine import Database
from app.db.tables import idempotency_keys, invoices, outbox, settlements
from app.events.stream_events import SETTLEMENT_EVENTS


class Outcome(StrEnum):
    """OK: acknowledged. REFUSED: surely not done. UNKNOWN: no answer, or one that says neither."""

    OK = "OK"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Operation:
    """One attempt of a keyed settlement; `settlement` is the row that an OK answer named."""

    key: str
    invoice: str
    cents: int
    outcome: Outcome
    settlement: str | None = None


class LedgerRow(NamedTuple):
    """A settlement as the database holds it."""

    id: str
    invoice: str
    cents: int
    event_id: str


class LogRow(NamedTuple):
    """An event as the log holds it."""

    event_id: str
    position: int | None
    aggregate: str
    name: str


class Seen(NamedTuple):
    """An event as somebody who reads the topic saw it, perhaps not for the first time."""

    event_id: str
    position: int
    aggregate: str


class Told(NamedTuple):
    """A settlement as a subscriber was told of it."""

    position: int
    settlement: str


@dataclass
class Truth:
    """The database at the end; `keys` is the settlement that each key's stored answer names, `totals` in cents."""

    ledger: list[LedgerRow]
    log: list[LogRow]
    keys: dict[str, str]
    totals: dict[str, int]


@dataclass
class Observers:
    """Who should have seen everything: readers of the topic, and subscribers to settlements."""

    topics: list[list[Seen]] = field(default_factory=list)
    subscribers: list[list[Told]] = field(default_factory=list)


class Violation(NamedTuple):
    """A promise that was broken."""

    kind: str
    text: str


def check(history: Sequence[Operation], truth: Truth, observers: Observers | None = None) -> list[Violation]:
    """Every broken promise; an empty list is what all is about."""
    seen = observers or Observers()
    found = [*_writes(history, truth), *_ledger(history, truth), *_log(truth)]
    for topic in seen.topics:
        found += _topic(truth, topic)
    for told in seen.subscribers:
        found += _subscriber(truth, told)
    return found


def _writes(history: Sequence[Operation], truth: Truth) -> Iterator[Violation]:
    """What was acknowledged is there, and every answer of a key names the one row."""
    ledger = {row.id for row in truth.ledger}
    answers: dict[str, set[str]] = defaultdict(set)
    for one in history:
        if one.outcome is not Outcome.OK:
            continue
        answers[one.key].add(str(one.settlement))
        if one.settlement not in ledger:
            yield Violation("LOST_WRITE", f"{one.key} was acknowledged with {one.settlement}, which is not there")
        elif truth.keys.get(one.key) != one.settlement:
            yield Violation("WRONG_ANSWER", f"{one.key} was answered {one.settlement}, its stored answer is another")
    for key, named in answers.items():
        if len(named) > 1:
            yield Violation("WRONG_ANSWER", f"{key} was answered with {len(named)} different settlements")
    for key, settlement in truth.keys.items():
        if settlement not in ledger:
            yield Violation("LOST_WRITE", f"{key} has a stored answer with {settlement}, which is not there")


def _ledger(history: Sequence[Operation], truth: Truth) -> Iterator[Violation]:
    """Every row is the work of one key that asked for it and was not refused at last."""
    owners: dict[str, list[str]] = defaultdict(list)
    for key, settlement in truth.keys.items():
        owners[settlement].append(key)
    asked = {one.key: (one.invoice, one.cents) for one in history}
    refused = _refused_at_last(history)
    for row in truth.ledger:
        keys = owners[row.id]
        if not keys:
            yield Violation("DOUBLED_WRITE", f"{row.id} belongs to no key: somebody's payment counts twice")
        elif len(keys) > 1:
            yield Violation("DOUBLED_WRITE", f"{row.id} belongs to {len(keys)} keys")
        elif keys[0] not in asked or keys[0] in refused:
            yield Violation("GHOST_WRITE", f"{row.id} is the work of {keys[0]}, which was refused or never asked")
        elif asked[keys[0]] != (row.invoice, row.cents):
            yield Violation("WRONG_ANSWER", f"{keys[0]} asked for {asked[keys[0]]}, {row.id} is another")
    yield from _paid(truth)


def _refused_at_last(history: Iterable[Operation]) -> set[str]:
    """The keys whose last definite outcome is a refusal; after an unknown one it tells that nothing had happened."""
    last = {one.key: one.outcome for one in history if one.outcome is not Outcome.UNKNOWN}
    return {key for key, outcome in last.items() if outcome is Outcome.REFUSED}


def _paid(truth: Truth) -> Iterator[Violation]:
    paid: Counter[str] = Counter()
    for row in truth.ledger:
        paid[row.invoice] += row.cents
    for invoice, cents in paid.items():
        if cents > truth.totals[invoice]:
            yield Violation("OVERPAID", f"{invoice} has {cents} paid of {truth.totals[invoice]}")


def _log(truth: Truth) -> Iterator[Violation]:
    """Every row has one event of its own, and every event of a settlement its row."""
    events = {event.event_id: event for event in truth.log}
    for row in truth.ledger:
        event = events.get(row.event_id)
        if event is None:
            yield Violation("LOST_EVENT", f"{row.id} has no event")
        elif event.aggregate != row.invoice or event.name not in SETTLEMENT_EVENTS:
            yield Violation("WRONG_EVENT", f"{row.id} of {row.invoice} is told as {event.name} of {event.aggregate}")
    effects = Counter(row.event_id for row in truth.ledger)
    for event_id, count in effects.items():
        if count > 1:
            yield Violation("LOST_EVENT", f"{count} settlements share the event {event_id}")
    for event_id, count in Counter(event.event_id for event in truth.log).items():
        if count > 1:
            yield Violation("DOUBLED_EVENT", f"{event_id} stands {count} times in the log")
    for event in truth.log:
        if event.name in SETTLEMENT_EVENTS and event.event_id not in effects:
            yield Violation("GHOST_EVENT", f"{event.event_id} tells of a settlement that is not there")
    yield from _positions(truth)


def _positions(truth: Truth) -> Iterator[Violation]:
    """1 to n without gaps, and within an aggregate in the order of the rows, which its lock makes that of commits."""
    numbered = [(event, event.position) for event in truth.log if event.position is not None]
    if len(numbered) != len(truth.log):
        yield Violation("GAP", f"{len(truth.log) - len(numbered)} events have no position")
    if sorted(position for _, position in numbered) != list(range(1, len(numbered) + 1)):
        yield Violation("GAP", "the positions have a gap or a double, or do not begin at 1")
    last: dict[str, int] = {}
    for event, position in numbered:
        if position < last.get(event.aggregate, 0):
            yield Violation("OUT_OF_ORDER", f"{position} of {event.aggregate} was written behind a later one")
        last[event.aggregate] = position


def _topic(truth: Truth, topic: Iterable[Seen]) -> Iterator[Violation]:
    """A reader drops repeats by id; what remains must be the log, each aggregate in order."""
    first: dict[str, Seen] = {}
    for seen in topic:
        earlier = first.setdefault(seen.event_id, seen)
        if earlier != seen:
            yield Violation("WRONG_EVENT", f"{seen.event_id} came as {earlier.position} and as {seen.position}")
    for row in truth.log:
        found = first.get(row.event_id)
        if found is None:
            yield Violation("LOST_EVENT", f"{row.event_id} at {row.position} never reached the topic")
        elif found != (row.event_id, row.position, row.aggregate):
            yield Violation("WRONG_EVENT", f"{row.event_id} at {row.position} reached the topic as {found}")
    for event_id in first.keys() - {row.event_id for row in truth.log}:
        yield Violation("GHOST_EVENT", f"{event_id} is on the topic and not in the log")
    last: dict[str, int] = {}
    for event in first.values():
        if event.position < last.get(event.aggregate, 0):
            yield Violation("OUT_OF_ORDER", f"{event.position} of {event.aggregate} came behind a later one")
        last[event.aggregate] = event.position


def _subscriber(truth: Truth, told: Sequence[Told]) -> Iterator[Violation]:
    """A subscriber is told of every settlement once, in the order of the log."""
    positions = [one.position for one in told]
    for what in (positions, [one.settlement for one in told]):
        if len(set(what)) < len(what):
            yield Violation("DOUBLED_EVENT", f"a subscriber was told {len(what) - len(set(what))} times again")
    if positions != sorted(positions):
        yield Violation("OUT_OF_ORDER", "a subscriber was told out of order")
    places = {row.event_id: row.position for row in truth.log}
    wanted = {(places.get(row.event_id), row.id) for row in truth.ledger}
    for position, settlement in wanted - set(told):
        yield Violation("LOST_EVENT", f"a subscriber was not told of {settlement} at {position}")
    for settlement in {one.settlement for one in told} - {row.id for row in truth.ledger}:
        yield Violation("GHOST_EVENT", f"a subscriber was told of {settlement}, which is not there")


async def read_truth(database: Database) -> Truth:
    """Ledger, log, keys and totals as the database holds them."""
    async with database.reading() as connection:
        columns = (settlements.c.id, settlements.c.invoice_id, settlements.c.amount_cents, settlements.c.event_id)
        ledger = [LedgerRow(*row) for row in (await connection.execute(select(*columns))).all()]
        events = (outbox.c.event_id, outbox.c.position, outbox.c.aggregate_id, outbox.c.name)
        log = [LogRow(*row) for row in (await connection.execute(select(*events).order_by(outbox.c.id))).all()]
        stored = select(idempotency_keys.c.key, idempotency_keys.c.response)
        stored = stored.where(idempotency_keys.c.operation == "settleInvoice")
        answers = {key: orjson.loads(response) for key, response in (await connection.execute(stored)).all()}
        bills = (await connection.execute(select(invoices.c.id, invoices.c.total_cents))).all()
    keys = {key: answer["facts"][0]["id"] for key, answer in answers.items()}
    return Truth(ledger, log, keys, {row[0]: row[1] for row in bills})
