"""Which line of an invoice a payment pays: money goes to lines in order, and comes back from them in reverse."""

from collections.abc import Sequence

from app.domain.money import Cents


def spread(amount: Cents, rooms: Sequence[Cents]) -> list[Cents]:
    """The amount laid over the rooms from the first on, none filled above its size; the rooms must hold it all."""
    rest, found = amount, []
    for room in rooms:
        part = Cents(min(rest, room))
        found.append(part)
        rest = Cents(rest - part)
    if rest:
        raise ValueError(f"{rest} cents have no place")
    return found


def take_back(amount: Cents, held: Sequence[Cents]) -> list[Cents]:
    """The amount taken from what is held, from the last on."""
    return spread(amount, held[::-1])[::-1]
