"""The invoice (conta): its states, and its status as a function of the settlement ledger."""

import re
from enum import StrEnum
from typing import Final

from app.domain.errors import ErrorCode, Failure, conflict
from app.domain.money import Cents


class InvoiceStatus(StrEnum):
    DRAFT = "DRAFT"
    ISSUED = "ISSUED"
    PARTIALLY_SETTLED = "PARTIALLY_SETTLED"
    SETTLED = "SETTLED"
    CANCELLED = "CANCELLED"


class InvoiceAction(StrEnum):
    ISSUE = "ISSUE"
    CANCEL = "CANCEL"
    SETTLE = "SETTLE"
    REVERSE = "REVERSE"


TRANSITIONS: dict[tuple[InvoiceStatus, InvoiceAction], InvoiceStatus | None] = {
    (InvoiceStatus.DRAFT, InvoiceAction.ISSUE): InvoiceStatus.ISSUED,
    (InvoiceStatus.DRAFT, InvoiceAction.CANCEL): InvoiceStatus.CANCELLED,
    (InvoiceStatus.ISSUED, InvoiceAction.CANCEL): InvoiceStatus.CANCELLED,
    (InvoiceStatus.ISSUED, InvoiceAction.SETTLE): None,
    (InvoiceStatus.PARTIALLY_SETTLED, InvoiceAction.SETTLE): None,
    (InvoiceStatus.PARTIALLY_SETTLED, InvoiceAction.REVERSE): None,
    (InvoiceStatus.SETTLED, InvoiceAction.REVERSE): None,
}
"""None: the ledger decides the next status."""

COMPETENCE: Final = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])")


def ledger_status(total: Cents, settled: Cents) -> InvoiceStatus:
    """The status of an issued invoice, from what was confirmed minus what was reversed."""
    if settled <= 0:
        return InvoiceStatus.ISSUED
    return InvoiceStatus.SETTLED if settled >= total else InvoiceStatus.PARTIALLY_SETTLED


def next_status(status: InvoiceStatus, action: InvoiceAction, *, total: Cents, settled: Cents) -> InvoiceStatus:
    """The state after the action, `settled` being the net amount after it; CONFLICT for a pair not in the table."""
    try:
        fixed = TRANSITIONS[status, action]
    except KeyError:
        raise conflict(f"an invoice that is {status} cannot {action.value.lower()}") from None
    return ledger_status(total, settled) if fixed is None else fixed


def competence_failure(text: str, field: str) -> Failure | None:
    """Why this is no competence month (YYYYMM)."""
    if COMPETENCE.fullmatch(text):
        return None
    return Failure(ErrorCode.INVALID_INPUT, "a competence is written YYYYMM", field, "5046")
