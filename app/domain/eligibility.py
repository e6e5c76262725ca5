"""Eligibility (elegibilidade): whether a card is covered on a day, decided from the coverage alone."""

from datetime import date
from typing import Final

from app.domain.described import DescribedEnum
from app.values.frozen import frozen


class EligibilityOutcome(DescribedEnum):
    ELIGIBLE = "ELIGIBLE", "Covered on the service date."
    NOT_ELIGIBLE = "NOT_ELIGIBLE", "Not covered; see the reasons."
    UNDETERMINED = "UNDETERMINED", "Unknown, because the payer did not answer."


class EligibilitySource(DescribedEnum):
    PAYER = "PAYER", "The payer was asked for this check."
    CACHE = "CACHE", "An earlier answer of the payer was reused."


UNKNOWN_CARD = "1001"
AFTER_END = "1006"
SUSPENDED = "1016"
CARD_EXPIRED = "1017"
WAITING = "3171"
NOT_COVERED = "3287"
UNKNOWN_START: Final = date(1000, 1, 1)
"""The first day of a coverage of which only the card is known, because a guide named it: earlier than every service,
and a day that MySQL and earlier releases take."""


@frozen
class CoverageTerms:
    """The dates of a coverage that decide eligibility; each date includes its own day.

    `waiting_until` is the last day of the waiting period; without `suspended_until` a suspension has no end.
    """

    starts_on: date
    ends_on: date | None
    card_valid_until: date | None
    waiting_until: date | None
    suspended_from: date | None
    suspended_until: date | None

    @property
    def is_known(self) -> bool:
        """Whether somebody has registered the coverage; otherwise a guide named its card."""
        return self.starts_on != UNKNOWN_START


@frozen
class EligibilityDecision:
    """An outcome with the Tabela 38 codes that explain it, in ascending order."""

    outcome: EligibilityOutcome
    reasons: tuple[str, ...] = ()


def decide(terms: CoverageTerms | None, *, is_payer_answering: bool, service_date: date) -> EligibilityDecision:
    """Eligible or not on the service date; UNDETERMINED while the payer does not answer: silence is not a refusal."""
    if not is_payer_answering:
        return EligibilityDecision(EligibilityOutcome.UNDETERMINED)
    if terms is None:
        return EligibilityDecision(EligibilityOutcome.NOT_ELIGIBLE, (UNKNOWN_CARD,))
    reasons = _reasons(terms, service_date)
    return EligibilityDecision(EligibilityOutcome.NOT_ELIGIBLE if reasons else EligibilityOutcome.ELIGIBLE, reasons)


def _reasons(terms: CoverageTerms, day: date) -> tuple[str, ...]:
    checks = {
        AFTER_END: terms.ends_on is not None and day > terms.ends_on,
        SUSPENDED: _is_suspended(terms, day),
        CARD_EXPIRED: terms.card_valid_until is not None and day > terms.card_valid_until,
        WAITING: terms.waiting_until is not None and day <= terms.waiting_until,
        NOT_COVERED: day < terms.starts_on,
    }
    return tuple(code for code, applies in checks.items() if applies)


def _is_suspended(terms: CoverageTerms, day: date) -> bool:
    if terms.suspended_from is None or day < terms.suspended_from:
        return False
    return terms.suspended_until is None or day <= terms.suspended_until
