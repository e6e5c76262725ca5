"""The checker finds each promise that is broken on purpose, and nothing where none is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.faults.history import (
    LedgerRow,
    LogRow,
    Observers,
    Operation,
    Outcome,
    Seen,
    Told,
    Truth,
    check,
)


@dataclass
class Case:
    """A history, the truth and the observers, all of them right; a test breaks one thing."""

    history: list[Operation]
    truth: Truth
    observers: Observers

    def kinds(self) -> set[str]:
        """What the checker says of it."""
        return {found.kind for found in check(self.history, self.truth, self.observers)}


def _case() -> Case:
    """Two invoices with two payments each; one payment was acknowledged only when it was tried again."""
    rows = [("a", "inv1", 100), ("b", "inv1", 50), ("c", "inv2", 70), ("d", "inv2", 30)]
    ledger = [LedgerRow(f"set-{key}", invoice, cents, f"evt-{key}") for key, invoice, cents in rows]
    history = [Operation(key, invoice, cents, Outcome.OK, f"set-{key}") for key, invoice, cents in rows]
    history.insert(0, replace(history[0], outcome=Outcome.UNKNOWN, settlement=None))
    log = [LogRow("evt-i", 1, "inv1", "InvoiceIssued")]
    log += [LogRow(row.event_id, place, row.invoice, "SettlementConfirmed") for place, row in enumerate(ledger, 2)]
    seen = [Seen(row.event_id, row.position or 0, row.aggregate) for row in log]
    told = [Told(place, row.id) for place, row in enumerate(ledger, 2)]
    keys = {key: f"set-{key}" for key, _, _ in rows}
    # The topic may repeat what it has told.
    return Case(history, Truth(ledger, log, keys, {"inv1": 150, "inv2": 100}), Observers([[*seen, *seen[2:4]]], [told]))


def test_a_right_history_breaks_no_promise() -> None:
    assert _case().kinds() == set()


def test_an_unknown_outcome_may_have_happened_or_not() -> None:
    case = _case()
    case.history.append(Operation("x", "inv2", 5, Outcome.UNKNOWN))
    case.history[1] = replace(case.history[1], outcome=Outcome.UNKNOWN, settlement=None)
    assert case.kinds() == set()


def test_a_refusal_that_was_followed_by_success_is_no_ghost() -> None:
    case = _case()
    case.history.insert(0, Operation("a", "inv1", 100, Outcome.REFUSED))
    assert case.kinds() == set()


def test_a_refusal_after_an_unknown_outcome_is_right_when_nothing_happened() -> None:
    case = _case()
    case.history.append(Operation("x", "inv2", 5, Outcome.UNKNOWN))
    case.history.append(Operation("x", "inv2", 5, Outcome.REFUSED))
    assert case.kinds() == set()


def _lose_a_row(case: Case) -> None:
    gone = case.truth.ledger.pop()
    log = [row for row in case.truth.log if row.event_id != gone.event_id]
    case.truth.log = [row._replace(position=place) for place, row in enumerate(log, 1)]
    case.observers = Observers()


def _pay_twice_under_one_key(case: Case) -> None:
    case.truth.ledger.append(LedgerRow("set-a2", "inv2", 0, "evt-a2"))
    case.truth.log.append(LogRow("evt-a2", 6, "inv2", "SettlementConfirmed"))
    case.observers.topics[0].append(Seen("evt-a2", 6, "inv2"))
    case.observers.subscribers[0].append(Told(6, "set-a2"))


def _swap_two_of_a_subscriber(case: Case) -> None:
    told = case.observers.subscribers[0]
    told[0], told[1] = told[1], told[0]


def _swap_two_of_an_aggregate(case: Case) -> None:
    topic = case.observers.topics[0]
    topic[1], topic[2] = topic[2], topic[1]


def _answer_with_another_row(case: Case) -> None:
    case.history[1] = replace(case.history[1], settlement="set-b")


def _answer_twice_differently(case: Case) -> None:
    case.truth.keys["a"] = "set-b"


def _two_keys_one_row(case: Case) -> None:
    case.truth.keys["e"] = "set-a"


def _effect_of_a_refusal(case: Case) -> None:
    case.history[4] = replace(case.history[4], outcome=Outcome.REFUSED, settlement=None)


def _effect_of_nobody(case: Case) -> None:
    del case.history[4]


def _event_without_row(case: Case) -> None:
    case.truth.log.append(LogRow("evt-z", 6, "inv2", "SettlementConfirmed"))
    case.observers.topics[0].append(Seen("evt-z", 6, "inv2"))


def _other_position_when_repeated(case: Case) -> None:
    last = case.observers.topics[0][-1]
    case.observers.topics[0][-1] = last._replace(position=last.position + 7)


def _refuse_what_was_done(case: Case) -> None:
    case.history[2] = replace(case.history[2], outcome=Outcome.UNKNOWN, settlement=None)
    case.history.append(replace(case.history[2], outcome=Outcome.REFUSED))


def _refuse_what_was_acknowledged(case: Case) -> None:
    case.history.append(replace(case.history[1], outcome=Outcome.REFUSED, settlement=None))


def _do_another_amount_than_asked(case: Case) -> None:
    case.history[2] = replace(case.history[2], outcome=Outcome.UNKNOWN, settlement=None, cents=7)


def _store_an_answer_without_its_row(case: Case) -> None:
    case.truth.keys["u"] = "set-gone"
    case.history.append(Operation("u", "inv1", 5, Outcome.UNKNOWN))


def _share_an_event(case: Case) -> None:
    case.truth.ledger[1] = case.truth.ledger[1]._replace(event_id="evt-a")
    log = [row for row in case.truth.log if row.event_id != "evt-b"]
    case.truth.log = [row._replace(position=place) for place, row in enumerate(log, 1)]
    case.observers = Observers()


def _number_against_the_order_of_commits(case: Case) -> None:
    log = case.truth.log
    log[1], log[2] = log[1]._replace(position=log[2].position), log[2]._replace(position=log[1].position)
    case.observers = Observers()


def _change_log(case: Case, place: int, **values: Any) -> None:
    case.truth.log[place] = case.truth.log[place]._replace(**values)
    case.observers = Observers()


def _repeat_in_log(case: Case) -> None:
    case.truth.log.append(case.truth.log[1]._replace(position=6))
    case.observers = Observers()


def _lose_the_first(case: Case) -> None:
    case.truth.log.pop(0)
    case.observers.topics[0].pop(0)


def _change_topic(case: Case, **values: Any) -> None:
    case.observers.topics[0] = [event._replace(**values) for event in case.observers.topics[0]]


def _move_topic(case: Case) -> None:
    case.observers.topics[0] = [event._replace(position=event.position + 100) for event in case.observers.topics[0]]


BROKEN: dict[str, tuple[Callable[[Case], object], set[str]]] = {
    "an acknowledged row is gone": (_lose_a_row, {"LOST_WRITE"}),
    "one key pays twice": (_pay_twice_under_one_key, {"DOUBLED_WRITE"}),
    "two keys, one row": (_two_keys_one_row, {"DOUBLED_WRITE"}),
    "a refused call has an effect": (_effect_of_a_refusal, {"GHOST_WRITE"}),
    "an effect that nobody asked for": (_effect_of_nobody, {"GHOST_WRITE"}),
    "an answer names another's row": (_answer_with_another_row, {"WRONG_ANSWER"}),
    "the stored answer is another": (_answer_twice_differently, {"WRONG_ANSWER", "DOUBLED_WRITE"}),
    "more is paid than was billed": (lambda case: case.truth.totals.update(inv1=149), {"OVERPAID"}),
    "a refusal of what an unknown attempt has done": (_refuse_what_was_done, {"GHOST_WRITE"}),
    "a refusal of what was acknowledged": (_refuse_what_was_acknowledged, {"GHOST_WRITE"}),
    "another amount than an unknown attempt asked for": (_do_another_amount_than_asked, {"WRONG_ANSWER"}),
    "a stored answer without its row": (_store_an_answer_without_its_row, {"LOST_WRITE"}),
    "a payment without an event": (
        lambda case: _change_log(case, 3, event_id="evt-other", name="InvoiceIssued"),
        {"LOST_EVENT"},
    ),
    "two payments, one event": (_share_an_event, {"LOST_EVENT"}),
    "the event of a payment on another invoice": (
        lambda case: _change_log(case, 1, aggregate="inv3"),
        {"WRONG_EVENT"},
    ),
    "the event of a payment under another name": (
        lambda case: _change_log(case, 1, name="InvoiceIssued"),
        {"WRONG_EVENT"},
    ),
    "an event without a payment": (_event_without_row, {"GHOST_EVENT"}),
    "an event twice in the log": (_repeat_in_log, {"DOUBLED_EVENT"}),
    "positions against the order of commits": (_number_against_the_order_of_commits, {"OUT_OF_ORDER"}),
    "a hole in the positions": (lambda case: _change_log(case, 4, position=9), {"GAP"}),
    "one position twice": (lambda case: _change_log(case, 4, position=4), {"GAP"}),
    "the first position is missing": (_lose_the_first, {"GAP"}),
    "an event without a position": (lambda case: _change_log(case, 0, position=None), {"GAP"}),
    "the topic holds one that the log does not": (
        lambda case: case.observers.topics[0].append(Seen("evt-z", 9, "inv2")),
        {"GHOST_EVENT"},
    ),
    "the topic tells other positions": (_move_topic, {"WRONG_EVENT"}),
    "the topic tells another invoice": (lambda case: _change_topic(case, aggregate="inv9"), {"WRONG_EVENT"}),
    "the topic misses one": (lambda case: case.observers.topics[0].pop(0), {"LOST_EVENT"}),
    "the topic tells an aggregate in another order": (_swap_two_of_an_aggregate, {"OUT_OF_ORDER"}),
    "a repeat has another position": (_other_position_when_repeated, {"WRONG_EVENT"}),
    "a subscriber misses one in the middle": (lambda case: case.observers.subscribers[0].pop(1), {"LOST_EVENT"}),
    "a subscriber misses the last": (lambda case: case.observers.subscribers[0].pop(), {"LOST_EVENT"}),
    "a subscriber hears one twice": (
        lambda case: case.observers.subscribers[0].insert(1, case.observers.subscribers[0][0]),
        {"DOUBLED_EVENT"},
    ),
    "a subscriber hears in another order": (_swap_two_of_a_subscriber, {"OUT_OF_ORDER"}),
    "a subscriber hears another row": (
        lambda case: case.observers.subscribers[0].__setitem__(0, Told(2, "set-z")),
        {"LOST_EVENT", "GHOST_EVENT"},
    ),
    "a subscriber hears one again at another position": (
        lambda case: case.observers.subscribers[0].append(Told(9, "set-d")),
        {"DOUBLED_EVENT"},
    ),
    "a subscriber hears of what is not there": (
        lambda case: case.observers.subscribers[0].append(Told(9, "set-z")),
        {"GHOST_EVENT"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_promise_is_found(name: str) -> None:
    break_it, kinds = BROKEN[name]
    case = _case()
    break_it(case)
    assert case.kinds() == kinds
