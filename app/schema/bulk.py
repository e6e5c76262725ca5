"""Mutations on many objects: inputs, payloads and results."""

from datetime import date
from typing import Any

import strawberry

from app.schema.base import bulk, lists, weights
from app.schema.base.bulk import BulkResult
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.denials import AppealAnswerInput, DenialAppealInput
from app.schema.invoice_objects import Invoice
from app.schema.objects import Claim, Denial
from app.schema.remittance_objects import Remittance
from app.services import bulk as service
from app.services import claims
from app.services.claims import BATCH_MAX

OF_CLAIMS = lists.up_to(BATCH_MAX, checked_by_service=True)
OBJECTS = lists.up_to(service.OBJECTS_MAX, checked_by_service=True)


@object_type(description="Result for one claim of a mutation on many.")
class ClaimResult(BulkResult):
    object: Claim | None = strawberry.field(description="The claim after the mutation; null if refused.")


@object_type(description="Result for one denial of a mutation on many.")
class DenialResult(BulkResult):
    object: Denial | None = strawberry.field(description="The denial after the mutation; null if refused.")


@object_type(description="Result for one invoice of a mutation on many.")
class InvoiceResult(BulkResult):
    object: Invoice | None = strawberry.field(description="The invoice after the mutation; null if refused.")


@object_type(description="Result for one remittance of a mutation on many.")
class RemittanceResult(BulkResult):
    object: Remittance | None = strawberry.field(description="The remittance after the mutation; null if refused.")


@object_type(description="Results of a mutation on claims.")
class ClaimResultsPayload(MutationPayload):
    results: list[ClaimResult] = bulk.results()


@object_type(description="Results of a mutation on denials.")
class DenialResultsPayload(MutationPayload):
    results: list[DenialResult] = bulk.results()


@object_type(description="Results of a mutation on invoices.")
class InvoiceResultsPayload(MutationPayload):
    results: list[InvoiceResult] = bulk.results()


@object_type(description="Results of a mutation on remittances.")
class RemittanceResultsPayload(MutationPayload):
    results: list[RemittanceResult] = bulk.results()


@input_type(description="Claims to submit as one batch.")
class SubmitClaimsInput:
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of 1 to 100 draft claims of the same type.", directives=OF_CLAIMS
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="Claims to withdraw.")
class CancelClaimsInput:
    claim_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of 1 to 100 claims that are not decided yet.", directives=OBJECTS
    )
    reason: str | None = strawberry.field(
        default=None, description="Reason, up to 500 characters; stored in the history of each."
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        objects = [{"id": each, "version": None, "reason": self.reason} for each in self.claim_ids]
        return {"objects": objects, "atomic": self.atomic}


@input_type(description="Denials to accept.")
class AcceptDenialsInput:
    denial_ids: list[strawberry.ID] = strawberry.field(description="Ids of 1 to 100 open denials.", directives=OBJECTS)
    atomic: bool = bulk.atomic()
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"objects": [{"id": each} for each in self.denial_ids], "atomic": self.atomic}


@input_type(description="Appeals against denials (recurso de glosa).")
class AppealDenialsInput:
    appeals: list[DenialAppealInput] = strawberry.field(
        description="Appeals, 1 to 100, one for each denial.", directives=OBJECTS
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"objects": [vars(each) for each in self.appeals], "atomic": self.atomic}


@input_type(description="The payer's answers to appeals.")
class AnswerAppealsInput:
    answers: list[AppealAnswerInput] = strawberry.field(
        description="Answers, 1 to 100, one for each denial.", directives=OBJECTS
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"objects": [vars(each) for each in self.answers], "atomic": self.atomic}


@input_type(description="Draft invoices to issue.")
class IssueInvoicesInput:
    invoice_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of 1 to 100 draft invoices.", directives=OBJECTS
    )
    due_date: date | None = strawberry.field(
        default=None, description="Due date of all; by default the issue date plus the contract's payment term."
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        objects = [{"id": each, "due_date": self.due_date, "version": None} for each in self.invoice_ids]
        return {"objects": objects, "atomic": self.atomic}


@input_type(description="Remittances to post.")
class PostRemittancesInput:
    remittance_ids: list[strawberry.ID] = strawberry.field(
        description=f"Ids of 1 to {service.STATEMENTS_MAX} remittances.",
        directives=lists.up_to(service.STATEMENTS_MAX, checked_by_service=True),
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        objects = [{"id": each} for each in self.remittance_ids]
        return {"objects": objects, "atomic": self.atomic}


MUTATIONS = (
    mutation(
        claims.SUBMIT,
        SubmitClaimsInput,
        ClaimResultsPayload,
        "Submits up to 100 draft claims of the same type, with a result for each.",
        directives=weights.BATCH,
    ),
    mutation(
        service.CANCEL_CLAIMS,
        CancelClaimsInput,
        ClaimResultsPayload,
        "Withdraws up to 100 claims that are not decided yet.",
        directives=weights.BATCH,
    ),
    mutation(
        service.ACCEPT_DENIALS,
        AcceptDenialsInput,
        DenialResultsPayload,
        "Accepts the loss of up to 100 denials.",
        directives=weights.BATCH,
    ),
    mutation(
        service.APPEAL_DENIALS,
        AppealDenialsInput,
        DenialResultsPayload,
        "Appeals against up to 100 denials (recurso de glosa).",
        directives=weights.BATCH,
    ),
    mutation(
        service.ANSWER_APPEALS,
        AnswerAppealsInput,
        DenialResultsPayload,
        "Records the payer's answers to up to 100 appeals.",
        directives=weights.BATCH,
    ),
    mutation(
        service.ISSUE_INVOICES,
        IssueInvoicesInput,
        InvoiceResultsPayload,
        "Sends up to 100 draft invoices to their payers.",
        directives=weights.BATCH,
    ),
    mutation(
        service.POST_REMITTANCES,
        PostRemittancesInput,
        RemittanceResultsPayload,
        f"Posts the matched lines of up to {service.STATEMENTS_MAX} remittances, as `postRemittance` does.",
        directives=weights.DOCUMENT,
    ),
)
