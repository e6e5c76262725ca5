"""Debits and credits of a statement that belong to none of its claims: each waits until a person has explained it.

Example: a payer deducts 80_00 for another month. Somebody links it to the reversal that took the money back, accepts it
as a cost, or disputes it. A credit of 50_00 without a claim becomes an unapplied credit, which then settles invoices.
Taxes and discounts explain themselves: the payments of the statement have their shares of them.
"""

from typing import Final

from app.domain.deductions import kind_of
from app.domain.described import DescribedEnum
from app.domain.errors import conflict
from app.domain.money import Cents
from app.domain.statement import AdjustmentDirection
from app.values.frozen import frozen

REASON_LENGTH_MAX: Final = 500


@frozen
class StatementBalance:
    """What a statement transfers, in cents: gross - withheld - discounts - debits + credits; `stated` is what the payer
    says that this is, None if it does not say it."""

    gross_cents: Cents
    withheld_cents: Cents
    discount_cents: Cents
    debit_cents: Cents
    credit_cents: Cents
    stated_cents: Cents | None

    @property
    def net_cents(self) -> Cents:
        """What the parts add up to."""
        kept = self.withheld_cents + self.discount_cents + self.debit_cents
        return Cents(self.gross_cents - kept + self.credit_cents)

    @property
    def difference_cents(self) -> Cents | None:
        """What the payer states above its own parts; negative if it states less."""
        return None if self.stated_cents is None else Cents(self.stated_cents - self.net_cents)


class AdjustmentStatus(DescribedEnum):
    OPEN = "OPEN", "Nobody has explained it yet."
    ACCEPTED = "ACCEPTED", "Accepted for a reason: a debit as a cost, a credit as income that belongs to no claim."
    LINKED = "LINKED", "Explained by a claim, a settlement or an unapplied credit."
    CREDITED = "CREDITED", "The credit is an unapplied credit, which can settle invoices."
    DISPUTED = "DISPUTED", "Disputed with the payer."
    WITHDRAWN = "WITHDRAWN", "The line that it came from was taken back; it counts no more."


class AdjustmentStep(DescribedEnum):
    ACCEPT = "ACCEPT", "Accepts it for a reason: a debit as a cost, a credit as income that belongs to no claim."
    LINK = "LINK", "Names the claim, the settlement or the unapplied credit that explains it."
    KEEP = "KEEP", "Turns a credit into an unapplied credit."
    DISPUTE = "DISPUTE", "Disputes it with the payer."
    UNDO = "UNDO", "Takes the last step back: it waits again."
    WITHDRAW = "WITHDRAW", "Takes it back with the line that it came from."


WAITING: Final = frozenset({AdjustmentStatus.OPEN, AdjustmentStatus.DISPUTED})
"""Not explained yet."""
EXPLAINED: Final = frozenset({AdjustmentStatus.ACCEPTED, AdjustmentStatus.LINKED})
"""Explained, and no credit, which has rows of its own."""
_EXPLAINED: Final = {
    AdjustmentStep.ACCEPT: AdjustmentStatus.ACCEPTED,
    AdjustmentStep.LINK: AdjustmentStatus.LINKED,
    AdjustmentStep.KEEP: AdjustmentStatus.CREDITED,
}
TRANSITIONS: Final[dict[tuple[AdjustmentStatus, AdjustmentStep], AdjustmentStatus]] = {
    **{(status, step): after for status in sorted(WAITING) for step, after in _EXPLAINED.items()},
    (AdjustmentStatus.OPEN, AdjustmentStep.DISPUTE): AdjustmentStatus.DISPUTED,
    **{
        (status, AdjustmentStep.UNDO): AdjustmentStatus.OPEN
        for status in AdjustmentStatus
        if status not in (AdjustmentStatus.OPEN, AdjustmentStatus.WITHDRAWN)
    },
    **{(status, AdjustmentStep.WITHDRAW): AdjustmentStatus.WITHDRAWN for status in sorted(WAITING)},
}


def next_status(status: AdjustmentStatus, step: AdjustmentStep) -> AdjustmentStatus:
    """The status after the step; CONFLICT if it is not possible now."""
    try:
        return TRANSITIONS[status, step]
    except KeyError:
        raise conflict(f"an adjustment that is {status} cannot take the step {step}", "action") from None


def is_deduction(direction: AdjustmentDirection, type_: str | None, description: str | None) -> bool:
    """Whether it is a tax or a discount, of which the statement's payments have their shares."""
    return direction is AdjustmentDirection.DEBIT and kind_of(type_, description) is not None


def check_step(
    step: AdjustmentStep, direction: AdjustmentDirection, status: AdjustmentStatus | None, *, is_posted: bool
) -> None:
    """CONFLICT if the step is not possible now; `status` is None of a tax or a discount."""
    if status is None:
        raise conflict("taxes and discounts belong to the payments of the statement")
    next_status(status, step)
    if step is AdjustmentStep.KEEP and direction is AdjustmentDirection.DEBIT:
        raise conflict("only a credit can become an unapplied credit", "action")
    if step is AdjustmentStep.KEEP and not is_posted:
        # A statement without a posted line can still be cancelled.
        raise conflict("post the statement first", "action")
