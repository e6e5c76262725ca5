"""The path of a failure is what the input of the mutation calls it, whatever the service calls it."""

from typing import Any

import pytest

from app.domain.errors import DuplicateClaim, ErrorCode, StaleVersion
from app.schema.base.user_errors import located, path_in
from app.schema.bulk import AnswerAppealsInput
from app.schema.claim_inputs import AdjudicateClaimInput, ClaimInput, CreateClaimInput, UpdateDraftClaimInput
from app.schema.denials import AnswerAppealInput
from app.schema.invoices import CreateInvoiceInput, IssueInvoiceInput
from app.schema.remittances import ImportRemittanceInput, MatchRemittanceLineInput


@pytest.mark.parametrize(
    ("input", "field", "expected"),
    [
        (CreateClaimInput, "provider", "claim.providerCnes"),
        (CreateClaimInput, "claim.providerCnes", "claim.providerCnes"),
        (CreateClaimInput, "items.0.unitPrice", "claim.items.0.unitPrice"),
        (CreateClaimInput, "encounter.requester.name", "claim.encounter.requester.name"),
        (CreateClaimInput, "idempotencyKey", "idempotencyKey"),
        (UpdateDraftClaimInput, "id", "claimId"),
        (UpdateDraftClaimInput, "version", "version"),
        (UpdateDraftClaimInput, "cardNumber", "claim.cardNumber"),
        (ClaimInput, "payer", "payerAnsCode"),
        (ClaimInput, "authorization.validUntil", "authorization.validUntil"),
        (AdjudicateClaimInput, "items.1.denials.0.code", "items.1.denials.0.code"),
        (AnswerAppealInput, "id", "denialId"),
        (AnswerAppealsInput, "answers.2.id", "answers.2.denialId"),
        (AnswerAppealsInput, "answers.2.acceptedAmount", "answers.2.acceptedAmount"),
        (CreateInvoiceInput, "claimIds.3", "claimIds.3"),
        (CreateInvoiceInput, "payer", "payerAnsCode"),
        (IssueInvoiceInput, "id", "invoiceId"),
        (MatchRemittanceLineInput, "id", "remittanceLineId"),
        (MatchRemittanceLineInput, "claimId", "claimId"),
        (ImportRemittanceInput, "lines.0.denials.1.amount", "content.lines.0.denials.1.amount"),
        (IssueInvoiceInput, "nothing.of.it", "nothing.of.it"),
        (IssueInvoiceInput, None, None),
    ],
)
def test_a_path_is_translated_part_by_part(input: type[Any], field: str | None, expected: str | None) -> None:
    assert path_in(input, field) == expected


def test_a_located_failure_keeps_its_facts() -> None:
    stale = StaleVersion(ErrorCode.STALE_VERSION, "read it again", "version", current_version=4)
    assert located(IssueInvoiceInput, stale) == stale
    duplicate = DuplicateClaim(ErrorCode.DUPLICATE_CLAIM, "used", "providerClaimNumber", "1308", claim_id="clm_1")
    assert located(CreateClaimInput, duplicate) == DuplicateClaim(
        ErrorCode.DUPLICATE_CLAIM, "used", "claim.providerClaimNumber", "1308", claim_id="clm_1"
    )
    assert located(CreateClaimInput, duplicate.under("x")).field == "x.providerClaimNumber"
