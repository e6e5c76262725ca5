"""Work on lines of statements that wait: the history of a line, what it may be about, and the mutations."""

from datetime import date
from typing import Any

import strawberry

from app.domain.claims import DENIALS_MAX, DeniedAmount
from app.domain.line_work import PARTS_MAX, LinePart, LineStep
from app.domain.money import Cents
from app.schema.base import bulk, inputs, lists, weights
from app.schema.base.bulk import BulkResult
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.claim_inputs import DenialInput
from app.schema.queue_filters import WaitingLineFilterInput, queue_filter
from app.schema.remittance_lists import RemittanceFilterInput
from app.schema.remittance_objects import RemittanceLine
from app.services import line_bulk
from app.services import line_resolutions as service
from app.services.line_resolutions import LineCommand
from app.services.remittances import REASON_LENGTH_MAX

LINE_ID = "Id of the remittance line."
NOTE = "A note for the history, up to 500 characters."


@input_type(description="The claim that the line has, so that it is posted as it is read now.")
class MatchAgainInput:
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="The item that the line is about, whatever the payer wrote.")
class MapToItemInput:
    item_sequence: int = strawberry.field(description="Number of the item within the claim (sequencialItem).")
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="What the payer left out, as a denial.")
class AcceptAsDenialInput:
    code: str = strawberry.field(description="Reason for the denial, a code of Tabela 38 (tipoGlosa), such as 1705.")
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="What the payer paid too much, as an unapplied credit; all of it without a claim.")
class AcceptOverpaymentInput:
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="What the line takes back, as a debit of its statement without a claim.")
class KeepAsDebitInput:
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="The payment as one of what had been denied, which needs no appeal.")
class RecoverDenialInput:
    denial: strawberry.ID | None = strawberry.field(
        default=None,
        name="denialId",
        description="Id of the denial of which the line pays a part; needed if there are several.",
    )
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="What the payer left out, given up: a denial that is accepted at once.")
class WriteOffInput:
    code: str = strawberry.field(description="Reason for the denial, a code of Tabela 38 (tipoGlosa), such as 1705.")
    reason: str = strawberry.field(description="Reason for giving it up, 1 to 500 characters.")


@input_type(description="The line that this one repeats.")
class DismissDuplicateInput:
    duplicate_of: strawberry.ID = strawberry.field(name="duplicateOfId", description="Id of the other line.")
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="Until when nobody needs to look at the line.")
class SetAsideInput:
    until: date | None = strawberry.field(description="A day after today; null to end it now.")
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="Who works on the line.")
class AssignInput:
    assignee: str | None = strawberry.field(
        description="The subject of a token, up to 120 characters; null for nobody."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)


@input_type(description="A note in the history of the line.")
class NoteInput:
    text: str = strawberry.field(description="The note, 1 to 500 characters.")


@input_type(one_of=True, description="A step with a line: one of these.")
class RemittanceLineResolutionInput:
    match: MatchAgainInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Match the line again to the claim that it has: what kept it from being posted is mended.",
    )
    map_to_item: MapToItemInput | None = strawberry.field(
        default=strawberry.UNSET, description="Map the line to an item of its claim."
    )
    accept_as_denial: AcceptAsDenialInput | None = strawberry.field(
        default=strawberry.UNSET, description="Accept what the payer left out as a denial, which may be appealed."
    )
    accept_overpayment: AcceptOverpaymentInput | None = strawberry.field(
        default=strawberry.UNSET, description="Accept what the payer paid too much as an unapplied credit."
    )
    keep_as_debit: KeepAsDebitInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Keep what the line takes back as a debit without a claim, which `explainAdjustment` explains.",
    )
    recover_denial: RecoverDenialInput | None = strawberry.field(
        default=strawberry.UNSET, description="Accept the payment as one of what had been denied."
    )
    write_off: WriteOffInput | None = strawberry.field(
        default=strawberry.UNSET, description="Give up what the payer left out."
    )
    dismiss_duplicate: DismissDuplicateInput | None = strawberry.field(
        default=strawberry.UNSET, description="Dismiss the line as the duplicate of another."
    )
    set_aside: SetAsideInput | None = strawberry.field(
        default=strawberry.UNSET, description="Set the line aside until a day."
    )
    assign: AssignInput | None = strawberry.field(default=strawberry.UNSET, description="Assign the line to a person.")
    note: NoteInput | None = strawberry.field(default=strawberry.UNSET, description="Add a note.")

    def command(self) -> LineCommand:
        """The step as the service expects it."""
        name, given = next((name, value) for name, value in vars(self).items() if inputs.member(value) is not None)
        return LineCommand(
            LineStep(name.upper()),
            item_sequence=getattr(given, "item_sequence", None),
            code=getattr(given, "code", None),
            denial_id=getattr(given, "denial", None),
            other_id=getattr(given, "duplicate_of", None),
            until=getattr(given, "until", None),
            assignee=getattr(given, "assignee", None),
            text=next((getattr(given, each) for each in ("note", "reason", "text") if hasattr(given, each)), None),
        )


@input_type(description="A step with a remittance line.")
class ResolveRemittanceLineInput:
    id: strawberry.ID = strawberry.field(name="remittanceLineId", description=LINE_ID)
    resolution: RemittanceLineResolutionInput = strawberry.field(description="The step.")
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "command": self.resolution.command()}


@input_type(description="A part of a line.")
class RemittanceLinePartInput:
    paid_amount: Cents = strawberry.field(description="Paid amount of the part; may be zero.")
    claim: strawberry.ID | None = strawberry.field(
        default=None, name="claimId", description="Id of its claim; by default that of the line."
    )
    item_sequence: int | None = strawberry.field(
        default=None, description="Number of its item within the claim; by default what the line names."
    )
    denials: list[DenialInput] = strawberry.field(
        default_factory=list,
        description=f"Its denied amounts and their reasons (glosas), up to {DENIALS_MAX}. Of a line that takes back "
        "and denies nothing, a part may deny just what it takes back.",
        directives=lists.up_to(DENIALS_MAX),
    )
    patient_amount: Cents | None = strawberry.field(
        default=None, description="What the patient owes of it (valorFranquia); null if nothing."
    )
    taken_back: Cents | None = strawberry.field(
        default=None,
        name="takenBackAmount",
        description="What it takes back, of a line that takes back; the paid amount is then zero.",
    )

    def to_domain(self) -> LinePart:
        """The part as a domain value."""
        denials = tuple(DeniedAmount(each.code, each.amount) for each in self.denials)
        paid = Cents(self.paid_amount - (self.taken_back or 0))
        return LinePart(self.claim, self.item_sequence, paid, denials, self.patient_amount or Cents(0))


@input_type(description="A line to divide into parts that have its amounts.")
class SplitRemittanceLineInput:
    id: strawberry.ID = strawberry.field(name="remittanceLineId", description=LINE_ID)
    parts: list[RemittanceLinePartInput] = strawberry.field(
        description=f"Parts, 2 to {PARTS_MAX}, that add up to the line.",
        directives=lists.up_to(PARTS_MAX, checked_by_service=True),
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "parts": tuple(part.to_domain() for part in self.parts)}


@input_type(description="The line whose last step is taken back.")
class UndoRemittanceLineInput:
    id: strawberry.ID = strawberry.field(name="remittanceLineId", description=LINE_ID)
    reason: str = strawberry.field(description=f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored.")
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The same step with all waiting lines of a filter, at most 100.")
class ResolveRemittanceLinesInput:
    filter: RemittanceFilterInput | None = strawberry.field(default=None, description="Filter for their statements.")
    line_filter: WaitingLineFilterInput | None = strawberry.field(
        default=None, description="Filter for the lines themselves."
    )
    resolution: RemittanceLineResolutionInput = strawberry.field(
        description="The step; one that names something of a single line is refused."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Whether nothing is changed: the results show the lines as they would be."
    )
    atomic: bool = bulk.atomic()
    after_line: strawberry.ID | None = strawberry.field(
        default=None,
        name="afterLineId",
        description="Id of the last result of an earlier call: only the lines behind it. Without it, lines that the "
        "step was refused for, or leaves in the queue, are the oldest again.",
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        where = queue_filter(self.filter, self.line_filter)
        command = self.resolution.command()
        # Absent unless given: a repeated call may have been sent to the earlier release first.
        start = {} if self.after_line is None else {"after_line": self.after_line}
        return {"where": where, "command": command, "dry_run": self.dry_run, "atomic": self.atomic, **start}


@object_type(description="Result for one remittance line of a mutation on many.")
class RemittanceLineResult(BulkResult):
    object: RemittanceLine | None = strawberry.field(description="The line after the mutation; null if refused.")


@object_type(description="Results of a step with many remittance lines.")
class ResolveRemittanceLinesPayload(MutationPayload):
    results: list[RemittanceLineResult] = bulk.results()
    has_more: bool = strawberry.field(
        default=False, description="Whether further lines match the filter: go on with `afterLineId`."
    )


@object_type(description="Result of a step with a remittance line.")
class LineStepPayload(MutationPayload):
    line: RemittanceLine | None = strawberry.field(
        default=None, description="The line after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        service.RESOLVE,
        ResolveRemittanceLineInput,
        LineStepPayload,
        "Takes a step with a remittance line that waits; what it resolves is posted by `postRemittance`.",
    ),
    mutation(
        line_bulk.RESOLVE_MANY,
        ResolveRemittanceLinesInput,
        ResolveRemittanceLinesPayload,
        "Takes the same step with up to 100 waiting remittance lines, the oldest first.",
        directives=weights.BATCH,
    ),
    mutation(
        service.SPLIT,
        SplitRemittanceLineInput,
        LineStepPayload,
        "Divides a remittance line that waits into lines for several items or claims.",
    ),
    mutation(
        service.UNDO,
        UndoRemittanceLineInput,
        LineStepPayload,
        "Takes back the last step of a remittance line that is not posted, or became an unapplied credit or a debit "
        "without a claim; of another posted line the denial that a person has made, whose amount is due again.",
    ),
)
