"""The claim (guia): its states, what blocks its next steps, and the decision on its items."""

from collections.abc import Iterable
from typing import Final

from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure, in_conflict, status_conflict, wrong_status
from app.domain.money import NO_CENTS, Cents
from app.values.frozen import frozen


class ClaimType(DescribedEnum):
    CONSULTATION = "CONSULTATION", "Consultation (guia de consulta)."
    SP_SADT = "SP_SADT", "Diagnostic and therapeutic services (guia SP/SADT)."
    ADMISSION_SUMMARY = "ADMISSION_SUMMARY", "Summary of a hospital stay (guia de resumo de internação)."
    INDIVIDUAL_FEES = "INDIVIDUAL_FEES", "Fees of one professional during a hospital stay (guia de honorários)."
    DENTAL_TREATMENT = "DENTAL_TREATMENT", "Dental treatment (guia de tratamento odontológico, GTO)."


class ClaimStatus(DescribedEnum):
    DRAFT = "DRAFT", "Not sent yet; can still be changed."
    SUBMITTED = "SUBMITTED", "Sent to the payer."
    UNDER_REVIEW = "UNDER_REVIEW", "The payer is reviewing it."
    PENDING_INFORMATION = "PENDING_INFORMATION", "The payer is waiting for information from the provider."
    APPROVED = "APPROVED", "Every item was approved in full."
    PARTIALLY_APPROVED = "PARTIALLY_APPROVED", "Approved in part and denied in part."
    DENIED = "DENIED", "Nothing was approved."
    CANCELLED = "CANCELLED", "Withdrawn before the payer decided."


class ClaimAction(DescribedEnum):
    CREATE = "CREATE", "Created as a draft."
    UPDATE = "UPDATE", "The draft was changed."
    SUBMIT = "SUBMIT", "Sent to the payer."
    START_REVIEW = "START_REVIEW", "The payer started the review."
    REQUEST_INFORMATION = "REQUEST_INFORMATION", "The payer requested information."
    RESUME_REVIEW = "RESUME_REVIEW", "The review was resumed after a request for information."
    APPROVE = "APPROVE", "Decided: every item approved in full."
    APPROVE_PARTIALLY = "APPROVE_PARTIALLY", "Decided: approved in part."
    DENY = "DENY", "Decided: nothing approved."
    DENY_PART_LATER = "DENY_PART_LATER", "A later statement denied a part of what was approved."
    DENY_REST_LATER = "DENY_REST_LATER", "A later statement denied all that was still approved."
    CANCEL = "CANCEL", "Withdrawn."
    WITHDRAW = "WITHDRAW", "Taken back by the provider to be corrected; a draft again."
    RETURN = "RETURN", "Refused by the payer when it received the batch; a draft again."


TRANSITIONS: dict[tuple[ClaimStatus, ClaimAction], ClaimStatus] = {
    (ClaimStatus.DRAFT, ClaimAction.UPDATE): ClaimStatus.DRAFT,
    (ClaimStatus.DRAFT, ClaimAction.SUBMIT): ClaimStatus.SUBMITTED,
    (ClaimStatus.DRAFT, ClaimAction.CANCEL): ClaimStatus.CANCELLED,
    (ClaimStatus.SUBMITTED, ClaimAction.START_REVIEW): ClaimStatus.UNDER_REVIEW,
    (ClaimStatus.SUBMITTED, ClaimAction.CANCEL): ClaimStatus.CANCELLED,
    (ClaimStatus.SUBMITTED, ClaimAction.WITHDRAW): ClaimStatus.DRAFT,
    (ClaimStatus.SUBMITTED, ClaimAction.RETURN): ClaimStatus.DRAFT,
    (ClaimStatus.UNDER_REVIEW, ClaimAction.APPROVE): ClaimStatus.APPROVED,
    (ClaimStatus.UNDER_REVIEW, ClaimAction.APPROVE_PARTIALLY): ClaimStatus.PARTIALLY_APPROVED,
    (ClaimStatus.UNDER_REVIEW, ClaimAction.DENY): ClaimStatus.DENIED,
    (ClaimStatus.UNDER_REVIEW, ClaimAction.REQUEST_INFORMATION): ClaimStatus.PENDING_INFORMATION,
    (ClaimStatus.UNDER_REVIEW, ClaimAction.CANCEL): ClaimStatus.CANCELLED,
    (ClaimStatus.PENDING_INFORMATION, ClaimAction.RESUME_REVIEW): ClaimStatus.UNDER_REVIEW,
    # Only by a statement that is posted: see `later_decisions`.
    (ClaimStatus.APPROVED, ClaimAction.DENY_PART_LATER): ClaimStatus.PARTIALLY_APPROVED,
    (ClaimStatus.APPROVED, ClaimAction.DENY_REST_LATER): ClaimStatus.DENIED,
    (ClaimStatus.PARTIALLY_APPROVED, ClaimAction.DENY_PART_LATER): ClaimStatus.PARTIALLY_APPROVED,
    (ClaimStatus.PARTIALLY_APPROVED, ClaimAction.DENY_REST_LATER): ClaimStatus.DENIED,
}

WORDING: Final = {
    ClaimAction.START_REVIEW: "start the review of",
    ClaimAction.REQUEST_INFORMATION: "request information about",
    ClaimAction.RESUME_REVIEW: "resume the review of",
    ClaimAction.APPROVE_PARTIALLY: "partially approve",
    ClaimAction.DENY_PART_LATER: "deny a part of",
    ClaimAction.DENY_REST_LATER: "deny the rest of",
}
"""Actions whose name is not the verb of a sentence."""

DENIALS_MAX: Final = 10
"""How many reasons one decision on an item may have."""

INVOICEABLE = frozenset({ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED})
DECIDED = INVOICEABLE | {ClaimStatus.DENIED}
AWAITING_RETURN = frozenset({ClaimStatus.SUBMITTED, ClaimStatus.UNDER_REVIEW, ClaimStatus.PENDING_INFORMATION})
SENT = AWAITING_RETURN | DECIDED
"""States of a claim that the payer has: what counts as billed. Drafts and cancelled claims do not."""


def next_status(status: ClaimStatus, action: ClaimAction) -> ClaimStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        verb = WORDING.get(action, action.value.lower())
        raise wrong_status(verb, "a claim", status) from None


def check_deletion(status: ClaimStatus) -> None:
    """CONFLICT for a claim that is no draft: others than its provider have seen it."""
    if status is not ClaimStatus.DRAFT:
        raise wrong_status("delete", "a claim", status)


def replacement_block(status: ClaimStatus, *, is_billed: bool, is_replaced: bool, is_appealed: bool) -> Failure | None:
    """Why a claim cannot be replaced by a corrected one, or None if it can.

    A claim that is billed or in dispute would be paid twice.
    """
    if status not in DECIDED:
        return status_conflict(f"a claim that is {status} has no decision to correct", status)
    if is_replaced:
        return in_conflict("another claim replaces it already")
    if is_billed:
        return in_conflict("it is on an invoice: cancel the invoice first")
    return in_conflict("an appeal against one of its denials has been made") if is_appealed else None


def invoicing_block(
    status: ClaimStatus, approved: Cents | None, *, is_billed: bool, is_replaced: bool
) -> Failure | None:
    """Why a claim cannot be put on an invoice, or None if it can."""
    if status not in INVOICEABLE or not approved:
        return status_conflict(f"a claim that is {status} has nothing to bill", status)
    if is_replaced:
        return in_conflict("another claim replaces it")
    return in_conflict("it is already on an invoice") if is_billed else None


@frozen
class DeniedAmount:
    """One denial of an item: a Tabela 38 code and the amount denied, in cents."""

    code: str
    amount: Cents


@frozen
class ItemDecision:
    """What the payer decided for one item."""

    sequence: int
    approved: Cents
    denials: tuple[DeniedAmount, ...] = ()
    # What the patient owes of it: neither approved nor denied.
    patient: Cents = NO_CENTS

    @property
    def denied(self) -> Cents:
        """The sum of the item's denials."""
        return Cents(sum(denial.amount for denial in self.denials))

    @property
    def processed(self) -> Cents:
        """All that it accounts for."""
        return Cents(self.approved + self.denied + self.patient)


def outcome(decisions: Iterable[ItemDecision]) -> ClaimAction:
    """What the decisions on all items mean for the claim: DENY, APPROVE_PARTIALLY or APPROVE."""
    found = list(decisions)
    if any(decision.denied for decision in found):
        has_approved = any(decision.approved for decision in found)
        return ClaimAction.APPROVE_PARTIALLY if has_approved else ClaimAction.DENY
    return ClaimAction.APPROVE


def decision_failures(totals: dict[int, Cents], decisions: list[ItemDecision]) -> list[Failure]:
    """Why these decisions do not decide the claim: each item once, its parts adding up to its total.

    `totals` are the items' totals by sequence. Failures are in input order.
    """
    failures = [failure for index, item in enumerate(decisions) for failure in _decision_failures(totals, index, item)]
    seen = [item.sequence for item in decisions]
    if len(set(seen)) < len(seen):
        failures.append(Failure(ErrorCode.INVALID_INPUT, "an item is decided twice", "items"))
    missing = sorted(set(totals) - set(seen))
    if missing:
        failures.append(Failure(ErrorCode.INVALID_INPUT, f"items {missing} are not decided", "items"))
    return failures


def _decision_failures(totals: dict[int, Cents], index: int, item: ItemDecision) -> Iterable[Failure]:
    path = f"items.{index}"
    if item.sequence not in totals:
        yield Failure(ErrorCode.INVALID_INPUT, f"the claim has no item {item.sequence}", f"{path}.sequence")
    elif item.processed != totals[item.sequence]:
        message = "approved, denied and the patient's amounts must add up to the item's total"
        yield Failure(ErrorCode.INVALID_AMOUNT, message, f"{path}.approvedAmount")
    for number, denial in enumerate(item.denials):
        if denial.amount <= 0:
            message = "a denied amount must be above zero"
            yield Failure(ErrorCode.INVALID_AMOUNT, message, f"{path}.denials.{number}.amount", "5040")
