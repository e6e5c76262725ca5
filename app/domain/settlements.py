"""The settlement (liquidação): append-only ledger rows and how much may still be settled or reversed."""

from enum import StrEnum

from app.domain.described import DescribedEnum
from app.domain.errors import BillingError, ErrorCode, OverSettlement, conflict, refuse, wrong_status
from app.domain.money import Cents, format_money


class SettlementStatus(DescribedEnum):
    PENDING = "PENDING", "Announced, but not received yet."
    CONFIRMED = "CONFIRMED", "The payment was received."
    FAILED = "FAILED", "The payment did not arrive."


class SettlementAction(StrEnum):
    CONFIRM = "CONFIRM"
    FAIL = "FAIL"


class PaymentMethod(DescribedEnum):
    """How the payer paid (formaPagamento)."""

    BANK_TRANSFER = "BANK_TRANSFER", "Bank transfer (TED, DOC)."
    PIX = "PIX", "Instant payment (Pix)."
    BOLETO = "BOLETO", "Bank payment slip (boleto)."
    CHECK = "CHECK", "Check (cheque)."
    OFFSET = "OFFSET", "Offset against debits."


TRANSITIONS: dict[tuple[SettlementStatus, SettlementAction], SettlementStatus] = {
    (SettlementStatus.PENDING, SettlementAction.CONFIRM): SettlementStatus.CONFIRMED,
    (SettlementStatus.PENDING, SettlementAction.FAIL): SettlementStatus.FAILED,
}


def next_status(status: SettlementStatus, action: SettlementAction) -> SettlementStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise wrong_status(action.value.lower(), "a settlement", status) from None


def taken_back_by(statement_number: str) -> str:
    """The reason of reversals with which a statement takes back what earlier ones have paid."""
    return f"taken back by statement {statement_number}"


def denied_by(statement_number: str) -> str:
    """The reason of what a statement denies of claims that were decided before."""
    return f"denied by statement {statement_number}"


def check_settlement(*, amount: Cents, due: Cents) -> None:
    """INVALID_AMOUNT unless above zero, OVER_SETTLEMENT above what is still due."""
    if amount <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "a settlement must be above zero", "amount", "5040")
    if amount > due:
        raise _too_much(f"only {format_money(due)} is due", due)


def check_reversible(status: SettlementStatus, *, is_reversal: bool, is_of_credit: bool) -> None:
    """CONFLICT for a row of the ledger of which nothing is ever reversed by itself."""
    if is_of_credit:
        raise conflict("an unapplied credit made this settlement: reverse its use with reverseCreditUse")
    if is_reversal:
        raise conflict("a reversal cannot be reversed: record a payment instead")
    if status is not SettlementStatus.CONFIRMED:
        raise wrong_status("reverse", "a settlement", status)


def check_reversal(*, amount: Cents, reversible: Cents) -> None:
    """INVALID_AMOUNT unless above zero, OVER_SETTLEMENT above what has not been reversed of the settlement yet."""
    if amount <= 0 < reversible:
        raise refuse(ErrorCode.INVALID_AMOUNT, "a reversal must be above zero", "amount", "5040")
    if amount > reversible or reversible <= 0:
        message = f"only {format_money(reversible)} of this settlement can still be reversed"
        raise _too_much(message, reversible)


def _too_much(message: str, available: Cents) -> BillingError:
    return BillingError(OverSettlement(ErrorCode.OVER_SETTLEMENT, message, "amount", available_cents=max(available, 0)))
