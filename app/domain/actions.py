"""What can be done to a claim, an invoice, a remittance and so on now, and why not: the transition tables, asked in
advance."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Final

from app.domain import (
    adjustments,
    appeal_batches,
    bank,
    batches,
    claims,
    denials,
    invoices,
    remittance_checks,
    remittances,
    settlements,
)
from app.domain.adjustments import AdjustmentStatus, AdjustmentStep
from app.domain.appeal_batches import AppealBatchAction, AppealBatchStatus
from app.domain.bank import BankAction, BankEntryStatus
from app.domain.batches import BatchAction, BatchStatus
from app.domain.claims import ClaimAction, ClaimStatus
from app.domain.denials import DenialAction, DenialStatus
from app.domain.errors import BillingError, Failure
from app.domain.invoices import InvoiceAction, InvoiceStatus
from app.domain.line_work import Expectation, LineResolution, as_debit, with_denial, with_recovered, with_unapplied
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineAction, RemittanceLineStatus, RemittanceStatus
from app.domain.settlements import SettlementStatus
from app.domain.statement import AdjustmentDirection
from app.values.frozen import frozen

NO_CLAIM = "match the line to a claim first"
MISSING_DATA: Final = frozenset({NO_CLAIM})
"""Blocks that go away when what is missing is given; all others are of the object's state."""
NO_STEP = "there is no step to take back"


class ClaimOperation(StrEnum):
    UPDATE_DRAFT = "UPDATE_DRAFT"
    SUBMIT = "SUBMIT"
    START_REVIEW = "START_REVIEW"
    REQUEST_INFORMATION = "REQUEST_INFORMATION"
    RESUME_REVIEW = "RESUME_REVIEW"
    ADJUDICATE = "ADJUDICATE"
    WITHDRAW = "WITHDRAW"
    CANCEL = "CANCEL"
    DELETE_DRAFT = "DELETE_DRAFT"
    REPLACE = "REPLACE"
    INVOICE = "INVOICE"


class DenialOperation(StrEnum):
    ACCEPT = "ACCEPT"
    APPEAL = "APPEAL"
    WITHDRAW_APPEAL = "WITHDRAW_APPEAL"
    ANSWER_APPEAL = "ANSWER_APPEAL"
    ATTACH = "ATTACH"


class InvoiceOperation(StrEnum):
    ADJUST = "ADJUST"
    ISSUE = "ISSUE"
    CANCEL = "CANCEL"
    SETTLE = "SETTLE"
    REVERSE_SETTLEMENT = "REVERSE_SETTLEMENT"


class BatchOperation(StrEnum):
    SEND = "SEND"
    REMOVE_CLAIM = "REMOVE_CLAIM"
    CANCEL = "CANCEL"
    RECORD_PROTOCOL = "RECORD_PROTOCOL"
    REJECT = "REJECT"


class AppealBatchOperation(StrEnum):
    SEND = "SEND"
    CANCEL = "CANCEL"
    RECORD_PROTOCOL = "RECORD_PROTOCOL"
    REJECT = "REJECT"


class RemittanceOperation(StrEnum):
    POST = "POST"
    RELEASE = "RELEASE"
    CANCEL = "CANCEL"
    CORRECT_PAYMENT_DATE = "CORRECT_PAYMENT_DATE"


class RemittanceAdjustmentOperation(StrEnum):
    ACCEPT = "ACCEPT"
    LINK = "LINK"
    KEEP = "KEEP"
    DISPUTE = "DISPUTE"
    UNDO = "UNDO"


class SettlementOperation(StrEnum):
    REVERSE = "REVERSE"


class BankEntryOperation(StrEnum):
    MATCH = "MATCH"
    UNMATCH = "UNMATCH"
    DISMISS = "DISMISS"


class RemittanceLineOperation(StrEnum):
    MATCH = "MATCH"
    UNMATCH = "UNMATCH"
    DISMISS = "DISMISS"
    DISMISS_DUPLICATE = "DISMISS_DUPLICATE"
    MAP_TO_ITEM = "MAP_TO_ITEM"
    SPLIT = "SPLIT"
    ACCEPT_AS_DENIAL = "ACCEPT_AS_DENIAL"
    ACCEPT_OVERPAYMENT = "ACCEPT_OVERPAYMENT"
    KEEP_AS_DEBIT = "KEEP_AS_DEBIT"
    RECOVER_DENIAL = "RECOVER_DENIAL"
    WRITE_OFF = "WRITE_OFF"
    SET_ASIDE = "SET_ASIDE"
    ASSIGN = "ASSIGN"
    NOTE = "NOTE"
    UNDO = "UNDO"


CLAIM_STEPS = {
    ClaimOperation.UPDATE_DRAFT: ClaimAction.UPDATE,
    ClaimOperation.SUBMIT: ClaimAction.SUBMIT,
    ClaimOperation.START_REVIEW: ClaimAction.START_REVIEW,
    ClaimOperation.REQUEST_INFORMATION: ClaimAction.REQUEST_INFORMATION,
    ClaimOperation.RESUME_REVIEW: ClaimAction.RESUME_REVIEW,
    # The items determine which decision it is; all decisions start from the same states.
    ClaimOperation.ADJUDICATE: ClaimAction.APPROVE,
    ClaimOperation.WITHDRAW: ClaimAction.WITHDRAW,
    ClaimOperation.CANCEL: ClaimAction.CANCEL,
}
APPEAL_STEPS = {
    DenialOperation.WITHDRAW_APPEAL: DenialAction.WITHDRAW,
    # Every answer starts from the same state.
    DenialOperation.ANSWER_APPEAL: DenialAction.UPHOLD,
    DenialOperation.ATTACH: DenialAction.ATTACH,
}
INVOICE_STEPS = {
    InvoiceOperation.ADJUST: InvoiceAction.ADJUST,
    InvoiceOperation.ISSUE: InvoiceAction.ISSUE,
    InvoiceOperation.CANCEL: InvoiceAction.CANCEL,
    InvoiceOperation.SETTLE: InvoiceAction.SETTLE,
    InvoiceOperation.REVERSE_SETTLEMENT: InvoiceAction.REVERSE,
}
BATCH_STEPS = {
    BatchOperation.SEND: BatchAction.SEND,
    BatchOperation.REMOVE_CLAIM: BatchAction.REMOVE_CLAIM,
    BatchOperation.CANCEL: BatchAction.CANCEL,
    BatchOperation.RECORD_PROTOCOL: BatchAction.RECEIVE,
    BatchOperation.REJECT: BatchAction.REJECT,
}
APPEAL_BATCH_STEPS = {
    AppealBatchOperation.SEND: AppealBatchAction.SEND,
    AppealBatchOperation.CANCEL: AppealBatchAction.CANCEL,
    AppealBatchOperation.RECORD_PROTOCOL: AppealBatchAction.RECEIVE,
    AppealBatchOperation.REJECT: AppealBatchAction.REJECT,
}
LINE_STEPS = {
    RemittanceLineOperation.MATCH: RemittanceLineAction.MATCH,
    RemittanceLineOperation.UNMATCH: RemittanceLineAction.UNMATCH,
    RemittanceLineOperation.DISMISS: RemittanceLineAction.DISMISS,
    RemittanceLineOperation.DISMISS_DUPLICATE: RemittanceLineAction.DISMISS,
    RemittanceLineOperation.MAP_TO_ITEM: RemittanceLineAction.RESOLVE,
    RemittanceLineOperation.SPLIT: RemittanceLineAction.SPLIT,
    RemittanceLineOperation.ACCEPT_AS_DENIAL: RemittanceLineAction.RESOLVE,
    RemittanceLineOperation.ACCEPT_OVERPAYMENT: RemittanceLineAction.RESOLVE,
    RemittanceLineOperation.KEEP_AS_DEBIT: RemittanceLineAction.RESOLVE,
    RemittanceLineOperation.RECOVER_DENIAL: RemittanceLineAction.RESOLVE,
    RemittanceLineOperation.WRITE_OFF: RemittanceLineAction.RESOLVE,
    RemittanceLineOperation.SET_ASIDE: RemittanceLineAction.WORK,
    RemittanceLineOperation.ASSIGN: RemittanceLineAction.WORK,
    RemittanceLineOperation.NOTE: RemittanceLineAction.WORK,
    RemittanceLineOperation.UNDO: RemittanceLineAction.UNDO,
}
OF_A_MATCH = frozenset(
    {
        RemittanceLineOperation.MAP_TO_ITEM,
        RemittanceLineOperation.ACCEPT_AS_DENIAL,
        RemittanceLineOperation.RECOVER_DENIAL,
        RemittanceLineOperation.WRITE_OFF,
    }
)
"""Operations on a line that say how it fits its claim."""


@frozen
class ClaimFacts:
    """What determines which operations are possible on a claim."""

    status: ClaimStatus
    approved: Cents | None
    is_billed: bool = False
    is_replaced: bool = False
    is_appealed: bool = False
    batch: tuple[int, BatchStatus] | None = None
    """The number and the status of its active batch."""


def claim_block(operation: ClaimOperation, facts: ClaimFacts) -> str | None:
    """Why the operation would be refused now, or None."""
    if operation is ClaimOperation.DELETE_DRAFT:
        return _refusal(lambda: claims.check_deletion(facts.status))
    if operation is ClaimOperation.REPLACE:
        return _message(
            claims.replacement_block(
                facts.status, is_billed=facts.is_billed, is_replaced=facts.is_replaced, is_appealed=facts.is_appealed
            )
        )
    if operation is ClaimOperation.INVOICE:
        return _message(
            claims.invoicing_block(
                facts.status, facts.approved, is_billed=facts.is_billed, is_replaced=facts.is_replaced
            )
        )
    refusal = _refusal(lambda: claims.next_status(facts.status, CLAIM_STEPS[operation]))
    return refusal or _membership_block(operation, facts.batch)


def _membership_block(operation: ClaimOperation, batch: tuple[int, BatchStatus] | None) -> str | None:
    """Why a claim in this batch can neither be withdrawn nor, while the batch is open, cancelled."""
    if batch is None or operation not in (ClaimOperation.WITHDRAW, ClaimOperation.CANCEL):
        return None
    if operation is ClaimOperation.CANCEL and batch[1] is not BatchStatus.OPEN:
        return None
    return batches.membership_block(*batch).message


def denial_block(
    operation: DenialOperation,
    status: DenialStatus,
    *,
    deadline: date,
    today: date,
    is_replaced: bool,
    batch: tuple[int, AppealBatchStatus] | None = None,
) -> str | None:
    """Why the operation would be refused now, or None; `batch` is the number and status of the active one."""
    if operation in APPEAL_STEPS:
        refusal = _refusal(lambda: denials.next_status(status, APPEAL_STEPS[operation]))
        return refusal or _appeal_batch_member_block(operation, batch)
    if operation is DenialOperation.APPEAL:
        block = denials.appeal_block(status, deadline=deadline, today=today)
        if block is not None:
            return block.message
    else:
        refusal = _refusal(lambda: denials.next_status(status, DenialAction.ACCEPT))
        if refusal is not None:
            return refusal
    return denials.REPLACED if is_replaced else None


def _appeal_batch_member_block(operation: DenialOperation, batch: tuple[int, AppealBatchStatus] | None) -> str | None:
    """Why an appeal in this batch cannot be withdrawn or, once the batch is sent, get a file."""
    if batch is None or operation not in (DenialOperation.WITHDRAW_APPEAL, DenialOperation.ATTACH):
        return None
    is_withdrawal = operation is DenialOperation.WITHDRAW_APPEAL
    block = appeal_batches.membership_block(*batch) if is_withdrawal else appeal_batches.sent_block(*batch)
    return None if block is None else block.message


def invoice_block(operation: InvoiceOperation, status: InvoiceStatus, *, total: Cents, settled: Cents) -> str | None:
    """Why the operation would be refused now, or None."""
    return _refusal(lambda: invoices.next_status(status, INVOICE_STEPS[operation], total=total, settled=settled))


def batch_block(operation: BatchOperation, status: BatchStatus) -> str | None:
    """Why the operation would be refused now, or None."""
    return _refusal(lambda: batches.next_status(status, BATCH_STEPS[operation]))


def appeal_batch_block(operation: AppealBatchOperation, status: AppealBatchStatus) -> str | None:
    """Why the operation would be refused now, or None."""
    return _refusal(lambda: appeal_batches.next_status(status, APPEAL_BATCH_STEPS[operation]))


def remittance_block(
    operation: RemittanceOperation, status: RemittanceStatus, *, is_posted: bool, paid_on: date | None
) -> str | None:
    """Why the operation would be refused now, or None; `is_posted` says whether a line was ever posted."""
    if operation is RemittanceOperation.CORRECT_PAYMENT_DATE:
        return _refusal(lambda: remittance_checks.check_correction(status, paid_on, None))
    if operation is RemittanceOperation.POST:
        return _refusal(lambda: remittance_checks.check_posting(status))
    if operation is RemittanceOperation.RELEASE:
        return _refusal(lambda: remittance_checks.check_release(status))
    return _refusal(lambda: remittance_checks.check_cancellation(status, is_posted=is_posted))


def adjustment_block(
    operation: RemittanceAdjustmentOperation,
    direction: AdjustmentDirection,
    status: AdjustmentStatus | None,
    *,
    is_posted: bool,
) -> str | None:
    """Why the operation would be refused now, or None; `status` is None of a tax or a discount."""
    step = AdjustmentStep(operation.value)
    return _refusal(lambda: adjustments.check_step(step, direction, status, is_posted=is_posted))


@frozen
class SettlementFacts:
    """What determines whether a settlement can be reversed; `reversible` is what of it is not reversed yet."""

    status: SettlementStatus
    reversible: Cents
    is_reversal: bool
    is_of_credit: bool


def settlement_block(_operation: SettlementOperation, facts: SettlementFacts) -> str | None:
    """Why the settlement cannot be reversed now, or None."""

    def ask() -> None:
        settlements.check_reversible(facts.status, is_reversal=facts.is_reversal, is_of_credit=facts.is_of_credit)
        settlements.check_reversal(amount=facts.reversible, reversible=facts.reversible)

    return _refusal(ask)


def bank_entry_block(operation: BankEntryOperation, status: BankEntryStatus) -> str | None:
    """Why the operation would be refused now, or None."""
    return _refusal(lambda: bank.next_status(status, BankAction(operation.value)))


@frozen
class LineFacts:
    """What determines which operations are possible on a line; `expected` is None without a claim."""

    status: RemittanceLineStatus
    paid: Cents
    resolution: LineResolution
    expected: Expectation | None = None
    has_step: bool = False
    """Whether there is a step that can be taken back."""


def remittance_line_block(operation: RemittanceLineOperation, facts: LineFacts) -> str | None:
    """Why the operation would be refused now, or None."""
    refusal = _refusal(lambda: remittances.next_line_status(facts.status, LINE_STEPS[operation]))
    if refusal is not None:
        return refusal
    if operation is RemittanceLineOperation.UNDO:
        return None if facts.has_step else NO_STEP
    if operation is RemittanceLineOperation.ACCEPT_OVERPAYMENT:
        return _refusal(lambda: with_unapplied(facts.resolution, facts.expected, facts.paid))
    if operation is RemittanceLineOperation.KEEP_AS_DEBIT:
        return _refusal(lambda: as_debit(facts.paid))
    if operation in OF_A_MATCH:
        expected = facts.expected
        return NO_CLAIM if expected is None else _refusal(lambda: _check_reading(operation, facts.resolution, expected))
    return None


def _check_reading(operation: RemittanceLineOperation, before: LineResolution, expected: Expectation) -> None:
    if operation is RemittanceLineOperation.RECOVER_DENIAL:
        with_recovered(before, expected)
    elif operation is not RemittanceLineOperation.MAP_TO_ITEM:
        with_denial(before, expected, "", written_off=False)


def _message(block: Failure | None) -> str | None:
    return None if block is None else block.message


def _refusal(ask: Callable[[], object]) -> str | None:
    try:
        ask()
    except BillingError as error:
        return error.message
    return None
