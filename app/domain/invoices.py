"""The invoice (conta): its states, and its status as a function of the settlement ledger."""

import re
from enum import StrEnum
from typing import Final

from app.domain.errors import ErrorCode, Failure, conflict, refuse
from app.domain.money import CENTS_MAX, Cents, format_money


class InvoiceStatus(StrEnum):
    DRAFT = "DRAFT"
    ISSUED = "ISSUED"
    PARTIALLY_SETTLED = "PARTIALLY_SETTLED"
    SETTLED = "SETTLED"
    CANCELLED = "CANCELLED"


class InvoiceAction(StrEnum):
    CREATE = "CREATE"
    ADJUST = "ADJUST"
    ISSUE = "ISSUE"
    CANCEL = "CANCEL"
    SETTLE = "SETTLE"
    REVERSE = "REVERSE"


class InvoiceLineKind(StrEnum):
    CLAIM = "CLAIM"
    RECOVERY = "RECOVERY"
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"


ADJUSTMENTS: Final = frozenset({InvoiceLineKind.CREDIT, InvoiceLineKind.DEBIT})

TRANSITIONS: dict[tuple[InvoiceStatus, InvoiceAction], InvoiceStatus | None] = {
    (InvoiceStatus.DRAFT, InvoiceAction.ADJUST): InvoiceStatus.DRAFT,
    (InvoiceStatus.ISSUED, InvoiceAction.ADJUST): None,
    (InvoiceStatus.PARTIALLY_SETTLED, InvoiceAction.ADJUST): None,
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


def check_adjustment(*, kind: InvoiceLineKind, amount: Cents, total: Cents, settled: Cents) -> None:
    """INVALID_AMOUNT unless above zero, and unless the total stays above zero and at least what is settled."""
    if amount <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "an adjustment is above zero", "amount", "5040")
    after = total + amount if kind is InvoiceLineKind.CREDIT else total - amount
    if after > CENTS_MAX:
        raise refuse(ErrorCode.INVALID_AMOUNT, "the invoice's total is above 99999999.99", "amount")
    if after < max(settled, 1):
        message = f"the total would fall to {format_money(after)}: it must stay above zero and what is settled"
        raise refuse(ErrorCode.INVALID_AMOUNT, message, "amount")


def billing_month_failure(text: str, field: str) -> Failure | None:
    """Why this is no billing_month month (YYYYMM)."""
    if COMPETENCE.fullmatch(text):
        return None
    return Failure(ErrorCode.INVALID_INPUT, "a billing_month is written YYYYMM", field, "5046")
