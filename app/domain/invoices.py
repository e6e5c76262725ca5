"""The invoice (conta): its states, and its status as a function of the settlement ledger."""

import re
from typing import Final, NewType

from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure, refuse, wrong_status
from app.domain.money import CENTS_MAX, Cents, format_money


class InvoiceStatus(DescribedEnum):
    DRAFT = "DRAFT", "Not sent yet."
    ISSUED = "ISSUED", "Sent to the payer; nothing is settled."
    PARTIALLY_SETTLED = "PARTIALLY_SETTLED", "Paid in part."
    SETTLED = "SETTLED", "Paid in full."
    CANCELLED = "CANCELLED", "Withdrawn; its claims can be invoiced again."


class InvoiceAction(DescribedEnum):
    CREATE = "CREATE", "Created as a draft."
    ADJUST = "ADJUST", "A credit, a debit or a later denial changed the total."
    ISSUE = "ISSUE", "Sent to the payer."
    CANCEL = "CANCEL", "Withdrawn."
    SETTLE = "SETTLE", "A payment was recorded."
    REVERSE = "REVERSE", "A payment was reversed."


class InvoiceLineKind(DescribedEnum):
    CLAIM = "CLAIM", "An approved claim."
    RECOVERY = "RECOVERY", "The amount won by an appeal."
    CREDIT = "CREDIT", "An adjustment in the provider's favor; it increases the total."
    DEBIT = "DEBIT", "An adjustment in the payer's favor; it reduces the total."


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
"""None: the next status follows from the ledger (`ledger_status`)."""

YearMonth = NewType("YearMonth", str)
"""A calendar month, YYYYMM."""
BILLING_MONTH: Final = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])")


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
        verb = "reverse a payment of" if action is InvoiceAction.REVERSE else action.value.lower()
        raise wrong_status(verb, "an invoice", status) from None
    return ledger_status(total, settled) if fixed is None else fixed


def check_adjustment(*, kind: InvoiceLineKind, amount: Cents, total: Cents, settled: Cents) -> None:
    """INVALID_AMOUNT unless the amount and the new total are above zero, the latter not below what is settled."""
    if amount <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "an adjustment must be above zero", "amount", "5040")
    after = total + amount if kind is InvoiceLineKind.CREDIT else total - amount
    if after > CENTS_MAX:
        raise refuse(ErrorCode.INVALID_AMOUNT, "the invoice's total is above 99999999.99", "amount")
    if after < max(settled, 1):
        message = f"the total would be {format_money(after)}: it must be above zero and at least what is settled"
        raise refuse(ErrorCode.INVALID_AMOUNT, message, "amount")


def billing_month_failure(text: str, field: str) -> Failure | None:
    """Why this is not a billing month (competência), YYYYMM."""
    if BILLING_MONTH.fullmatch(text):
        return None
    return Failure(ErrorCode.INVALID_INPUT, "write the month as YYYY-MM", field, "5046")
