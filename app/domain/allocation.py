"""Which line of an invoice a payment pays: lines are filled in order, and emptied in reverse.

Example, in cents: three lines that can still take 100_00, 0 and 200_00.

    spread(250_00, [100_00, 0, 200_00])    -> [100_00, 0, 150_00]
    take_back(80_00, [100_00, 0, 150_00])  -> [0, 0, 80_00], which leaves [100_00, 0, 70_00]

Reverse order makes the two consistent: what is left is what a payment of 170_00 would have been spread to.
"""

from collections.abc import Sequence

from app.domain.money import Cents


def spread(amount: Cents, limits: Sequence[Cents]) -> list[Cents]:
    """The amount in one part per limit, none above it, filled from the first; ValueError if some cents are left."""
    rest, found = amount, []
    for limit in limits:
        part = Cents(min(rest, limit))
        found.append(part)
        rest = Cents(rest - part)
    if rest:
        raise ValueError(f"{rest} cents are above the limits")
    return found


def take_back(amount: Cents, paid: Sequence[Cents]) -> list[Cents]:
    """The amount in one part per paid part, none above it, taken from the last; ValueError if some cents are left."""
    return spread(amount, paid[::-1])[::-1]
