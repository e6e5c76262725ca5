"""What may be done with a remittance in which status."""

from dataclasses import replace
from datetime import date
from typing import Final

from app.domain.errors import BillingError, conflict, status_conflict, wrong_status
from app.domain.remittances import RemittanceStatus

_BUSY: Final = (RemittanceStatus.IMPORTING, RemittanceStatus.POSTING, RemittanceStatus.CANCELLED)


def check_posting(status: RemittanceStatus) -> None:
    """CONFLICT for a cancelled remittance, one in review and one that is being imported; one with nothing left to post
    is not refused."""
    if status in (RemittanceStatus.CANCELLED, RemittanceStatus.REVIEW, RemittanceStatus.IMPORTING):
        raise wrong_status("post", "a remittance", status)


def check_payment(status: RemittanceStatus, *, number: str, may_post: bool) -> None:
    """CONFLICT for a payment that joins a statement which is cancelled, or one that is being posted and would pay it at
    once."""
    if status is RemittanceStatus.CANCELLED or (status is RemittanceStatus.POSTING and not may_post):
        failure = status_conflict(f"statement {number} is {status}: send the payment again later", status)
        raise BillingError(replace(failure, field="statementNumber"))


def check_correction(status: RemittanceStatus, paid_on: date | None, corrected: date | None) -> None:
    """CONFLICT if there is no payment to correct, or nothing to correct about it; `corrected` may be unknown yet."""
    if status in _BUSY:
        raise wrong_status("correct", "a remittance", status)
    if paid_on is None:
        raise conflict("the remittance contains only decisions: import its payment instead", "remittanceId")
    if paid_on == corrected:
        raise conflict("the remittance has this day of payment already", "paidOn")


def check_release(status: RemittanceStatus) -> None:
    """CONFLICT unless the remittance is in review."""
    if status is not RemittanceStatus.REVIEW:
        raise wrong_status("release", "a remittance", status)


def check_cancellation(status: RemittanceStatus, *, is_posted: bool) -> None:
    """CONFLICT if the remittance is cancelled, or if a line of it was or is being posted.

    What is posted has made decisions and payments, which reversals take back, not the end of the import.
    """
    if status is RemittanceStatus.CANCELLED:
        raise BillingError(status_conflict("the remittance is cancelled already", status))
    if status is RemittanceStatus.POSTING:
        raise BillingError(status_conflict("lines of the remittance are being posted", status))
    if is_posted:
        message = "lines of the remittance are posted: reverse their settlements instead"
        raise BillingError(status_conflict(message, status))
