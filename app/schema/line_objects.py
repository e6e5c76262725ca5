"""The history of a remittance line, and the claims that it may be about."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.db.line_history import LineStepRecord
from app.domain.line_work import LineStep
from app.domain.money import Cents, Quantity
from app.executor.reach import Owner
from app.schema.base import lists
from app.schema.base.described import described
from app.schema.base.enums import RemittanceLineProblem, RemittanceLineStatus
from app.schema.base.permissions import Requires, amount, health, personal
from app.schema.base.relations import related
from app.schema.base.types import object_type
from app.schema.history import HistoryEntry
from app.schema.objects import Claim
from app.services.line_candidates import CandidateItem, CandidateReason

if TYPE_CHECKING:
    from app.schema.remittance_objects import RemittanceLine

described(LineStep, "Step in the history of a remittance line; new values may be added.")
described(CandidateReason, "Why a claim is a candidate for a remittance line; new values may be added.")
ITEM_READERS = ("claims:read_items", "remittances:work")


@object_type(description="A step in the history of a remittance line, with the state of the line after it.")
class RemittanceLineHistoryEntry(HistoryEntry):
    record = LineStepRecord
    owner = Owner.PARTIES

    action: LineStep = strawberry.field(description="Step of the line.")
    status: RemittanceLineStatus = strawberry.field(description="Status of the line after the step.")
    problem: RemittanceLineProblem | None = strawberry.field(
        description="Reason why the line is unmatched after the step; null otherwise."
    )
    assigned_to: str | None = strawberry.field(
        name="assignee", description="Who works on the line after the step; null for nobody."
    )
    set_aside_until: date | None = strawberry.field(
        description="Until when the line is set aside after the step; null unless set aside."
    )
    text: str | None = strawberry.field(
        name="note", description="Reason or note; null if none was given.", extensions=personal("remittances:read")
    )

    undoes = related(
        "RemittanceLineHistoryEntry | None",
        lambda loaders: loaders.remittance_line_step,
        "undoes_id",
        description="The step that this one takes back; null for other steps.",
    )

    duplicate_of = related(
        Annotated["RemittanceLine", strawberry.lazy("app.schema.remittance_objects")] | None,
        lambda loaders: loaders.remittance_line,
        "other_id",
        description="The line that this one repeats; null for other steps.",
    )


@object_type(description="An item of a candidate, beside what the remittance line says.")
class RemittanceLineCandidateItem:
    @strawberry.field(description="Number of the item within the claim (sequencialItem).")
    def sequence(item: strawberry.Parent[CandidateItem]) -> int:
        return item.item.sequence

    @strawberry.field(description="Code of the item (codigoProcedimento).", extensions=health(*ITEM_READERS))
    def code(item: strawberry.Parent[CandidateItem]) -> str | None:
        return item.item.code

    @strawberry.field(description="Description of the item.", extensions=health(*ITEM_READERS))
    def description(item: strawberry.Parent[CandidateItem]) -> str | None:
        return item.item.description

    @strawberry.field(description="Day of the service (dataExecucao).", extensions=health(*ITEM_READERS))
    def performed_on(item: strawberry.Parent[CandidateItem]) -> date | None:
        return item.item.performed_on

    @strawberry.field(description="Quantity.", extensions=health(*ITEM_READERS))
    def quantity(item: strawberry.Parent[CandidateItem]) -> Quantity | None:
        return Quantity(item.item.quantity)

    @amount("totalAmount", "Claimed amount of the item.")
    def total(item: strawberry.Parent[CandidateItem]) -> Cents | None:
        return Cents(item.item.total_cents)

    @amount("approvedAmount", "Approved amount of the item; null until decided.")
    def approved(item: strawberry.Parent[CandidateItem]) -> Cents | None:
        return None if item.item.approved_cents is None else Cents(item.item.approved_cents)

    @amount("deniedAmount", "Denied amount of the item; null until decided.")
    def denied(item: strawberry.Parent[CandidateItem]) -> Cents | None:
        return None if item.item.denied_cents is None else Cents(item.item.denied_cents)

    difference_cents: Cents | None = amount(
        "differenceAmount", "What the line pays and denies above the item's claimed amount; negative if it is less."
    )


@object_type(description="A claim that a remittance line may be about.")
class RemittanceLineCandidate:
    reason: CandidateReason = strawberry.field(description="Why the claim is a candidate.")
    difference_cents: Cents | None = amount(
        "differenceAmount", "What the line says above what the claim expects; negative if it leaves something out."
    )
    items: list[RemittanceLineCandidateItem] = strawberry.field(
        description="Items of the claim, at most 100.", directives=[lists.ITEMS]
    )

    claim = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim.",
        extensions=[Requires("claims:read")],
    )
