"""Which permission each mutation needs, in one table: the mutations enforce it, `availableActions` asks it."""

from typing import Final

import strawberry

from app.auth.principal import Principal
from app.domain.actions import ClaimOperation, DenialOperation, InvoiceOperation
from app.schema.base.described import described
from app.schema.base.permissions import Requires

MUTATIONS: Final[dict[str, str]] = {
    "createClaim": "claims:create",
    "updateDraftClaim": "claims:create",
    "replaceClaim": "claims:create",
    "submitClaims": "claims:submit",
    "cancelClaim": "claims:cancel",
    "exportBatch": "claims:submit",
    "startReview": "claims:review",
    "requestInformation": "claims:review",
    "adjudicateClaim": "claims:adjudicate",
    "acceptDenial": "denials:appeal",
    "appealDenial": "denials:appeal",
    "answerAppeal": "appeals:answer",
    "createInvoice": "invoices:create",
    "adjustInvoice": "invoices:adjust",
    "issueInvoice": "invoices:issue",
    "cancelInvoice": "invoices:cancel",
    "settleInvoice": "settlements:create",
    "reverseSettlement": "settlements:reverse",
    "importRemittance": "remittances:import",
    "matchRemittanceLine": "remittances:import",
    "postRemittance": "remittances:post",
    "checkEligibility": "eligibility:check",
    "saveContract": "gateway:configure",
    "openEmergencyAccess": "health:break_glass",
}
CLAIM_MUTATIONS: Final = {
    ClaimOperation.UPDATE_DRAFT: "updateDraftClaim",
    ClaimOperation.SUBMIT: "submitClaims",
    ClaimOperation.START_REVIEW: "startReview",
    ClaimOperation.REQUEST_INFORMATION: "requestInformation",
    ClaimOperation.ADJUDICATE: "adjudicateClaim",
    ClaimOperation.CANCEL: "cancelClaim",
    ClaimOperation.REPLACE: "replaceClaim",
    ClaimOperation.INVOICE: "createInvoice",
}
DENIAL_MUTATIONS: Final = {
    DenialOperation.ACCEPT: "acceptDenial",
    DenialOperation.APPEAL: "appealDenial",
    DenialOperation.ANSWER_APPEAL: "answerAppeal",
}
INVOICE_MUTATIONS: Final = {
    InvoiceOperation.ADJUST: "adjustInvoice",
    InvoiceOperation.ISSUE: "issueInvoice",
    InvoiceOperation.CANCEL: "cancelInvoice",
    InvoiceOperation.SETTLE: "settleInvoice",
    InvoiceOperation.REVERSE_SETTLEMENT: "reverseSettlement",
}

described(
    ClaimOperation,
    "What can be done to a claim; new values may be added.",
    {
        "UPDATE_DRAFT": "`updateDraftClaim`.",
        "SUBMIT": "`submitClaims`.",
        "START_REVIEW": "`startReview`.",
        "REQUEST_INFORMATION": "`requestInformation`.",
        "ADJUDICATE": "`adjudicateClaim`.",
        "CANCEL": "`cancelClaim`.",
        "REPLACE": "`replaceClaim`.",
        "INVOICE": "`createInvoice`.",
    },
)
described(
    DenialOperation,
    "What can be done to a denial; new values may be added.",
    {
        "ACCEPT": "`acceptDenial`.",
        "APPEAL": "`appealDenial`.",
        "ANSWER_APPEAL": "`answerAppeal`.",
    },
)
described(
    InvoiceOperation,
    "What can be done to an invoice; new values may be added.",
    {
        "ADJUST": "`adjustInvoice`.",
        "ISSUE": "`issueInvoice`.",
        "CANCEL": "`cancelInvoice`.",
        "SETTLE": "`settleInvoice`.",
        "REVERSE_SETTLEMENT": "`reverseSettlement`.",
    },
)


def needs(mutation: str) -> Requires:
    """The permission of a mutation, for its field."""
    return Requires(MUTATIONS[mutation])


def permission_block(principal: Principal, mutation: str) -> str | None:
    """Why the caller may not use the mutation at all, or None."""
    scope = MUTATIONS[mutation]
    return None if scope in principal.permissions else f"this needs the permission {scope}"


BLOCKED_BY = "Why it would be refused now; null when it can be done."


@strawberry.type(description="Something that can be done to a claim, or why not.")
class AvailableClaimAction:
    action: ClaimOperation = strawberry.field(description="What.")
    blocked_by: str | None = strawberry.field(description=BLOCKED_BY)


@strawberry.type(description="Something that can be done to a denial, or why not.")
class AvailableDenialAction:
    action: DenialOperation = strawberry.field(description="What.")
    blocked_by: str | None = strawberry.field(description=BLOCKED_BY)


@strawberry.type(description="Something that can be done to an invoice, or why not.")
class AvailableInvoiceAction:
    action: InvoiceOperation = strawberry.field(description="What.")
    blocked_by: str | None = strawberry.field(description=BLOCKED_BY)
