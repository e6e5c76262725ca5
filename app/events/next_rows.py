"""Which of the events that wait are published next, decided in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.db.outbox import OutboxRecord, WaitingEvent
from app.events.contracts import CONTRACTS


def next_rows(waiting: Sequence[WaitingEvent]) -> list[OutboxRecord]:
    """Those of all events that are not published which may be, in the order of their positions; new ones get the next
    positions, in the order of their ids.

    An event that is parked or has an unknown name is left out, and with it every later one of its aggregate.
    """
    rows = _not_held_back(waiting)
    numbered = sorted((row for row in rows if row.position is not None), key=lambda row: row.position or 0)
    new = [row for row in rows if row.position is None]
    next_position = waiting[0].last_position + 1 if waiting else 1
    return numbered + [replace(row, position=position) for position, row in enumerate(new, start=next_position)]


def _not_held_back(waiting: Iterable[WaitingEvent]) -> list[OutboxRecord]:
    """By id."""
    found: list[OutboxRecord] = []
    held: set[str] = set()
    for each in sorted(waiting, key=lambda each: each.row.id):
        if each.is_parked or each.row.name not in CONTRACTS:
            held.add(each.row.aggregate_id)
        if each.row.aggregate_id not in held:
            found.append(each.row)
    return found
