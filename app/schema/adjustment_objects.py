"""Object types of debits and credits that statements have beside their claims, and of what was done to explain them."""

from typing import Any

import strawberry

from app.db.adjustments import AdjustmentRecord, AdjustmentStepRecord
from app.domain import ids
from app.domain.adjustments import WAITING, AdjustmentStatus, AdjustmentStep
from app.domain.calendar import business_day
from app.domain.money import Cents
from app.domain.statement import AdjustmentDirection, AdjustmentLevel
from app.executor.reach import Owner
from app.resolvers import adjustments, bank
from app.resolvers.paging import Slice
from app.schema.actions import ACTIONS, AvailableRemittanceAdjustmentAction, adjustment_actions
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.permissions import Requires, amount, financial, personal
from app.schema.base.relations import batched, paged, related
from app.schema.base.types import object_type
from app.schema.history import HistoryEntry
from app.schema.objects import Claim

described(AdjustmentDirection, "Whether an adjustment is deducted or added.", name="RemittanceAdjustmentDirection")
described(AdjustmentLevel, "What an adjustment is stated for.", name="RemittanceAdjustmentLevel")
described(
    AdjustmentStatus,
    "How far a debit or credit beside the claims is explained; new values may be added.",
    name="RemittanceAdjustmentStatus",
)
described(
    AdjustmentStep, "A step that explains an adjustment; new values may be added.", name="RemittanceAdjustmentStep"
)


@object_type(description="A step that explains a debit or credit of a statement, with its status after it.")
class RemittanceAdjustmentHistoryEntry(HistoryEntry):
    record = AdjustmentStepRecord
    owner = Owner.PARTIES

    action: AdjustmentStep = strawberry.field(description="Step.")
    status: AdjustmentStatus = strawberry.field(description="Status after the step.")
    reason: str | None = strawberry.field(description="Reason.", extensions=personal("remittances:read"))

    undoes = related(
        "RemittanceAdjustmentHistoryEntry | None",
        lambda loaders: loaders.adjustment_step,
        "undoes_id",
        description="The step that this one takes back; null for others.",
    )
    claim = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim that explains it; null if none.",
        extensions=[Requires("claims:read")],
    )
    settlement = related(
        later("Settlement", "invoice_objects") | None,
        lambda loaders: loaders.settlement,
        "settlement_id",
        description="The settlement, or the reversal of one, that explains it; null if none.",
        extensions=financial("settlements:read"),
    )
    credit = related(
        later("UnappliedCredit", "unapplied_credits") | None,
        lambda loaders: loaders.credit,
        "credit_id",
        description="The unapplied credit that explains it, or that was made of it; null if none.",
        extensions=financial("settlements:read"),
    )


@object_type(description="A debit, credit or tax that a statement has beside its claims.")
class RemittanceAdjustment(Node):
    record = AdjustmentRecord
    owner = Owner.PARTIES

    direction: AdjustmentDirection = strawberry.field(description="Whether it is deducted or added (indicador).")
    level: AdjustmentLevel = strawberry.field(description="What it is stated for.")
    type: str | None = strawberry.field(
        description="Code of its type (tipoDebitoCredito), such as 01 for IRRF; null if not given."
    )
    description: str | None = strawberry.field(
        description="The payer's text of it (descricaoDbCr); null if not given.", extensions=financial("amounts:read")
    )
    amount_cents: Cents | None = amount("amount", "Its amount, above zero (valorDbCr).")
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )

    @strawberry.field(description="How far it is explained; null for taxes and discounts, which explain themselves.")
    def status(adjustment: strawberry.Parent[AdjustmentRecord]) -> AdjustmentStatus | None:
        return adjustment.open_status

    @strawberry.field(description="Days since its import, in Brasília, while it is not explained; null otherwise.")
    def waiting_days(adjustment: strawberry.Parent[AdjustmentRecord], info: Info) -> int | None:
        is_waiting = adjustment.open_status in WAITING
        return bank.age(info.context, business_day(ids.time_of(adjustment.id))) if is_waiting else None

    remittance = related(
        later("Remittance", "remittance_objects") | None,
        lambda loaders: loaders.remittance,
        "remittance_id",
        description="The statement that has it.",
        extensions=[Requires("remittances:read")],
    )
    line = related(
        later("RemittanceLine", "remittance_objects") | None,
        lambda loaders: loaders.remittance_line,
        "line_id",
        description="The line that it was, which takes money back without a claim; null of the payer's own debits and "
        "credits.",
        extensions=[Requires("remittances:read")],
    )
    available_actions = batched(
        list[AvailableRemittanceAdjustmentAction],
        adjustment_actions,
        description=ACTIONS,
        directives=[lists.ADJUSTMENT_ACTIONS],
    )

    @strawberry.field(
        graphql_type=Connection[RemittanceAdjustmentHistoryEntry],
        directives=[lists.PAGE],
        description="Steps that explained it, oldest first.",
    )
    @paged(adjustments.STEPS)
    async def history(
        adjustment: strawberry.Parent[AdjustmentRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await adjustments.STEPS.page(info.context, adjustment.id, at=Slice(first, after, last, before))


@object_type(
    description="How what a statement transfers comes from what it pays: net = gross - withheld - discount - debits + "
    "credits.",
)
class RemittanceBalance:
    gross_cents: Cents | None = amount(
        "grossAmount", "Sum of the paid amounts of its lines, less what they take back of claims."
    )
    withheld_cents: Cents | None = amount("withheldAmount", "Taxes.")
    discount_cents: Cents | None = amount("discountAmount", "Discounts.")
    debit_cents: Cents | None = amount("debitAmount", "Other debits, also lines that are kept as debits.")
    credit_cents: Cents | None = amount("creditAmount", "Credits.")
    net_cents: Cents | None = amount("netAmount", "What the parts add up to.")
    difference_cents: Cents | None = amount(
        "differenceAmount", "What the payer says it transfers above that; null if it does not say it."
    )
