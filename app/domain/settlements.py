"""The settlement (liquidação): append-only ledger rows and how much may still be settled or reversed."""

from enum import StrEnum

from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, conflict, refuse
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
        raise conflict(f"cannot {action.value.lower()} a settlement that is {status}") from None


def check_settlement(*, amount: Cents, due: Cents) -> None:
    """INVALID_AMOUNT unless above zero, OVER_SETTLEMENT above what is still due."""
    if amount <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "a settlement must be above zero", "amount", "5040")
    if amount > due:
        raise refuse(ErrorCode.OVER_SETTLEMENT, f"only {format_money(due)} is due", "amount")


def check_reversal(*, amount: Cents, reversible: Cents) -> None:
    """INVALID_AMOUNT unless above zero, OVER_SETTLEMENT above what has not been reversed of the settlement yet."""
    if amount <= 0 < reversible:
        raise refuse(ErrorCode.INVALID_AMOUNT, "a reversal must be above zero", "amount", "5040")
    if amount > reversible or reversible <= 0:
        message = f"only {format_money(reversible)} of this settlement can still be reversed"
        raise refuse(ErrorCode.OVER_SETTLEMENT, message, "amount")
