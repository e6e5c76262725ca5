"""The chance that an item is denied, from what the same payer decided on the same procedure before."""

from collections.abc import Sequence
from math import sqrt
from typing import Final

from app.domain.money import Cents
from app.domain.reconciliation import Ratio
from app.values.frozen import frozen

Z: Final = 1.96
"""Of a confidence of 95 %."""
PRACTITIONER_ITEMS_MIN: Final = 10
"""So many items of the same practitioner are enough to judge by them alone."""
CLAIMS_SHOWN_MAX: Final = 5


@frozen
class DecidedItem:
    """An item that the payer has decided, newest first where there are several; amounts in cents."""

    claim_id: str
    code_system: str
    code: str
    practitioner: str
    processed_cents: int
    denied_cents: int


@frozen
class DenialChance:
    """What is to be expected for one item: `amount` is what would be denied if it is denied as before."""

    item_sequence: int
    chance: Ratio
    amount: Cents
    decided: int
    denied: int
    is_of_practitioner: bool
    claim_ids: tuple[str, ...]


def chance_of(
    sequence: int, total: Cents, found: Sequence[DecidedItem], practitioner: str | None
) -> DenialChance | None:
    """The chance for an item of this total, by decided items of its procedure; None if none of them was denied.

    By those of its practitioner if there are ten of them. Example: 2 of 10 items of 100_00 were denied, 40_00 each. The
    chance is 0.0566, the lower end of what 20 % may mean after so few; of an item of 50_00 it would cost 20_00.
    """
    own = [each for each in found if practitioner is not None and each.practitioner == practitioner]
    is_enough = len(own) >= PRACTITIONER_ITEMS_MIN
    items = own if is_enough else found
    denied = [each for each in items if each.denied_cents]
    if not denied:
        return None
    share = (sum(each.denied_cents for each in denied), sum(each.processed_cents for each in denied))
    return DenialChance(
        sequence,
        lower_bound(len(denied), len(items)),
        Cents((2 * total * share[0] + share[1]) // (2 * share[1])),
        len(items),
        len(denied),
        is_enough,
        tuple(dict.fromkeys(each.claim_id for each in denied))[:CLAIMS_SHOWN_MAX],
    )


def lower_bound(denied: int, decided: int) -> Ratio:
    """The lower end of the Wilson interval of denied / decided, in ten-thousandths: 2 of 10 is 566, 200 of 1000 is
    1763."""
    rate, square = denied / decided, Z * Z
    middle = rate + square / (2 * decided)
    spread = Z * sqrt(rate * (1 - rate) / decided + square / (4 * decided * decided))
    return Ratio(max(0, int(10_000 * (middle - spread) / (1 + square / decided))))
