"""What has become of billed money: paid, lost, owed by patients and so on; anything left over is unexplained."""

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import NewType, Self

from app.domain.calendar import BRASILIA
from app.domain.money import Cents
from app.values.frozen import frozen

Ratio = NewType("Ratio", int)
"""A share, in ten-thousandths."""


@frozen
class Reconciliation:
    """Cents; `billed` is counted from the claims, the parts from decisions, denials, invoice lines and payments."""

    billed_cents: Cents
    paid_cents: Cents
    in_dispute_cents: Cents
    lost_cents: Cents
    awaiting_cents: Cents
    withheld_cents: Cents
    # Of what payers decided, what patients owe instead of them.
    patient_cents: Cents
    # Of what is awaited: the rest of lines that were paid in part.
    underpaid_cents: Cents
    # Beside what was billed: what payers have paid and no claim gets yet.
    unapplied_cents: Cents

    @property
    def unexplained_cents(self) -> Cents:
        """Billed minus all parts: zero unless a row is wrong."""
        settled = self.paid_cents + self.withheld_cents + self.lost_cents + self.patient_cents
        return Cents(self.billed_cents - settled - self.in_dispute_cents - self.awaiting_cents)

    def __add__(self, other: Self) -> Self:
        pairs = [(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return type(self)(*(Cents(sum(pair)) for pair in pairs))

    @classmethod
    def nothing(cls) -> Self:
        """The books of no rows."""
        return cls(*[Cents(0)] * len(fields(cls)))


@frozen
class Period:
    """Days of submission, both included; None leaves that end open."""

    first: date | None = None
    last: date | None = None

    @property
    def begins_at(self) -> datetime | None:
        """The first moment of the period."""
        return None if self.first is None else _midnight(self.first)

    @property
    def ends_before(self) -> datetime | None:
        """The first moment after the period."""
        return None if self.last is None else _midnight(self.last + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BRASILIA)


@frozen
class Indicators:
    """The figures of the ANS panel, for the caller's own data; rates are None where nothing was processed."""

    processed_cents: Cents
    denied_cents: Cents
    lost_cents: Cents
    days_to_payment_tenths: int | None
    claims_without_return: int
    value_without_return_cents: Cents
    expiring_cents: Cents

    @property
    def initial_denial_rate(self) -> Ratio | None:
        """Denied at the decision, as a share of what was processed."""
        return rate(self.denied_cents, self.processed_cents)

    @property
    def final_denial_rate(self) -> Ratio | None:
        """Lost for good, as a share of what was processed."""
        return rate(self.lost_cents, self.processed_cents)


def rate(part: int, whole: int) -> Ratio | None:
    """part / whole in ten-thousandths, rounded half up; None if the whole is zero. 1 of 3 is 3333, 2 of 3 is 6667."""
    return None if whole == 0 else Ratio((part * 20_000 + whole) // (2 * whole))
