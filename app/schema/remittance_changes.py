"""Mutations that take back a wrong import, a day of payment, a match, or a line that no claim belongs to."""

from datetime import date

import strawberry

from app.schema.base import lists, weights
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.invoice_objects import Settlement
from app.schema.remittance_objects import Remittance, RemittanceLine
from app.services import invoices, payment_dates, remittance_lines, remittances, statement_reviews
from app.services.remittances import REASON_LENGTH_MAX

REASON = f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored."


@input_type(description="The remittance to cancel, none of whose lines is posted.")
class CancelRemittanceInput:
    id: strawberry.ID = strawberry.field(name="remittanceId", description="Id of the remittance.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The remittance in review to release.")
class ReleaseRemittanceInput:
    id: strawberry.ID = strawberry.field(name="remittanceId", description="Id of the remittance.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The remittance line whose match is taken back.")
class UnmatchRemittanceLineInput:
    id: strawberry.ID = strawberry.field(name="remittanceLineId", description="Id of a matched line.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The remittance line to dismiss.")
class DismissRemittanceLineInput:
    id: strawberry.ID = strawberry.field(name="remittanceLineId", description="Id of an unmatched line.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The remittance whose day of payment is corrected.")
class CorrectPaymentDateInput:
    id: strawberry.ID = strawberry.field(name="remittanceId", description="Id of the remittance.")
    paid_on: date = strawberry.field(description="The right day of payment (dataPagamento), not in the future.")
    reason: str = strawberry.field(
        description=f"Reason of the reversals, 1 to {invoices.REASON_LENGTH_MAX} characters; it is stored."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of cancelling a remittance.")
class CancelRemittancePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(
        default=None, description="The remittance after the mutation; null if refused."
    )


@object_type(description="Result of correcting a day of payment.")
class CorrectPaymentDatePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(
        default=None, description="The remittance after the mutation; null if refused."
    )
    settlements: list[Settlement] = strawberry.field(
        default_factory=list,
        description="For each settlement its reversal, and the settlement that replaces it.",
        directives=[lists.CORRECTED_SETTLEMENTS],
    )


@object_type(description="Result of releasing a remittance.")
class ReleaseRemittancePayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(
        default=None, description="The remittance after the mutation; null if refused."
    )


@object_type(description="Result of unmatching a remittance line.")
class UnmatchRemittanceLinePayload(MutationPayload):
    line: RemittanceLine | None = strawberry.field(
        default=None, description="The line after the mutation; null if refused."
    )


@object_type(description="Result of dismissing a remittance line.")
class DismissRemittanceLinePayload(MutationPayload):
    line: RemittanceLine | None = strawberry.field(
        default=None, description="The line after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        remittances.CANCEL,
        CancelRemittanceInput,
        CancelRemittancePayload,
        "Cancels a wrong import of a statement while no line is posted; its number can be imported again.",
    ),
    mutation(
        payment_dates.CORRECT,
        CorrectPaymentDateInput,
        CorrectPaymentDatePayload,
        f"Corrects the day on which a remittance was paid: its settlements, up to {payment_dates.CORRECTIONS_MAX}, are "
        "reversed and recorded again.",
        directives=weights.STATEMENT,
    ),
    mutation(
        statement_reviews.RELEASE,
        ReleaseRemittanceInput,
        ReleaseRemittancePayload,
        "Releases a statement that contradicts itself or the claims, with a reason, so that it can be posted.",
    ),
    mutation(
        remittance_lines.UNMATCH,
        UnmatchRemittanceLineInput,
        UnmatchRemittanceLinePayload,
        "Takes back the match of a remittance line that is not posted.",
    ),
    mutation(
        remittance_lines.DISMISS,
        DismissRemittanceLineInput,
        DismissRemittanceLinePayload,
        "Removes an unmatched remittance line from the queue, with a reason; it can still be matched later.",
    ),
)
