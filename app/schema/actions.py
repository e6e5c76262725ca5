"""`availableActions`: the actions on an object, each with what blocks it for the caller now."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Final

import strawberry

from app.auth.principal import Principal
from app.db.adjustments import AdjustmentRecord
from app.db.appeal_batches import AppealBatchRecord
from app.db.batches import BatchRecord
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.invoices import InvoiceRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.actions import (
    MISSING_DATA,
    AppealBatchOperation,
    BatchOperation,
    ClaimFacts,
    ClaimOperation,
    DenialOperation,
    InvoiceOperation,
    RemittanceAdjustmentOperation,
    RemittanceLineOperation,
    RemittanceOperation,
    adjustment_block,
    appeal_batch_block,
    batch_block,
    claim_block,
    denial_block,
    invoice_block,
    remittance_block,
    remittance_line_block,
)
from app.domain.calendar import business_day
from app.domain.claims import AWAITING_RETURN
from app.domain.denials import DenialStatus
from app.domain.described import DescribedEnum
from app.domain.invoices import InvoiceLineKind
from app.domain.money import Cents
from app.language.messages import in_language
from app.resolvers.context import Context
from app.resolvers.loaders import Loaders
from app.schema.base.described import described, described_by
from app.schema.base.info import Info
from app.schema.base.types import object_type
from app.schema.base.user_errors import MESSAGE
from app.services.actions import offering
from app.services.line_expectations import line_facts
from app.unit_of_work.action import Action

CLAIM_ACTIONS: Final = offering(ClaimOperation)
DENIAL_ACTIONS: Final = offering(DenialOperation)
INVOICE_ACTIONS: Final = offering(InvoiceOperation)
BATCH_ACTIONS: Final = offering(BatchOperation)
APPEAL_BATCH_ACTIONS: Final = offering(AppealBatchOperation)
REMITTANCE_ACTIONS: Final = offering(RemittanceOperation)
REMITTANCE_LINE_ACTIONS: Final = offering(RemittanceLineOperation)
ADJUSTMENT_ACTIONS: Final = offering(RemittanceAdjustmentOperation)
ACTIONS: Final = "Each action once, with the reason if it is not available to the caller now."
BLOCKED_BY: Final = "Why the action would be refused now; null if it is available."


def describe(operations: type[StrEnum], of: str, actions: list[Action[Any]]) -> None:
    """Describe the operations on such an object, by the mutations that do them."""
    texts = {str(each): f"Mutation `{action.name}`." for each, action in zip(operations, actions, strict=True)}
    described_by(operations, f"Action on {of}; new values may be added.", texts)


describe(ClaimOperation, "a claim", CLAIM_ACTIONS)
describe(DenialOperation, "a denial", DENIAL_ACTIONS)
describe(InvoiceOperation, "an invoice", INVOICE_ACTIONS)
describe(BatchOperation, "a batch", BATCH_ACTIONS)
describe(AppealBatchOperation, "a batch of appeals", APPEAL_BATCH_ACTIONS)
describe(RemittanceOperation, "a remittance", REMITTANCE_ACTIONS)
describe(RemittanceLineOperation, "a remittance line", REMITTANCE_LINE_ACTIONS)
describe(RemittanceAdjustmentOperation, "a debit or credit of a remittance", ADJUSTMENT_ACTIONS)


class BlockCode(DescribedEnum):
    PERMISSION = "PERMISSION", "The caller lacks a permission."
    STATE = "STATE", "The object's state does not allow the action."
    MISSING_DATA = "MISSING_DATA", "The object lacks something that the action needs; the message says what."


described(BlockCode, "Kind of reason why an action is not available; new values may be added.")


@object_type(description="Why an action would be refused.")
class ActionBlock:
    code: BlockCode = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description=MESSAGE)


def blocked(principal: Principal, action: Action[Any], by_state: Callable[[], str | None]) -> ActionBlock | None:
    """What blocks the action for the caller now; the state is only looked at if the caller has the permission."""
    if action.needs not in principal.permissions:
        return ActionBlock(code=BlockCode.PERMISSION, message=in_language(f"this needs the permission {action.needs}"))
    message = by_state()
    if message is None:
        return None
    code = BlockCode.MISSING_DATA if message in MISSING_DATA else BlockCode.STATE
    return ActionBlock(code=code, message=in_language(message))


@object_type(description="An action on a claim and whether it is available to the caller now.")
class AvailableClaimAction:
    action: ClaimOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on a denial and whether it is available to the caller now.")
class AvailableDenialAction:
    action: DenialOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on an invoice and whether it is available to the caller now.")
class AvailableInvoiceAction:
    action: InvoiceOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on a batch and whether it is available to the caller now.")
class AvailableBatchAction:
    action: BatchOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on a batch of appeals and whether it is available to the caller now.")
class AvailableAppealBatchAction:
    action: AppealBatchOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on a remittance and whether it is available to the caller now.")
class AvailableRemittanceAction:
    action: RemittanceOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on a remittance line and whether it is available to the caller now.")
class AvailableRemittanceLineAction:
    action: RemittanceLineOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(
    description="An action on a debit or credit of a remittance and whether it is available to the caller now."
)
class AvailableRemittanceAdjustmentAction:
    action: RemittanceAdjustmentOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


async def claim_actions(ctx: Context, claims: Sequence[ClaimRecord]) -> list[list[AvailableClaimAction]]:
    """Every action on each claim, with what blocks it for this caller now."""
    facts = await _facts(ctx.loaders, [claim for claim in claims if claim.approved_cents is not None])
    # An undecided claim has no lines, denials or replacement to load, and others are in no batch that matters.
    facts |= await _facts_of_undecided(ctx.loaders, [claim for claim in claims if claim.status in AWAITING_RETURN])
    return [_claim_actions(ctx.principal, facts.get(claim.id) or ClaimFacts(claim.status, None)) for claim in claims]


async def _facts_of_undecided(loaders: Loaders, claims: Sequence[ClaimRecord]) -> dict[str, ClaimFacts]:
    """Id -> what determines the available actions of each claim that the payer has to decide."""
    batches = await loaders.batch_of_claim.load_many([claim.id for claim in claims])
    return {
        claim.id: ClaimFacts(claim.status, None, batch=None if batch is None else (batch.number, batch.status))
        for claim, batch in zip(claims, batches, strict=True)
    }


def _claim_actions(principal: Principal, facts: ClaimFacts) -> list[AvailableClaimAction]:
    return [
        AvailableClaimAction(
            action=operation, blocked_by=blocked(principal, action, partial(claim_block, operation, facts))
        )
        for operation, action in zip(ClaimOperation, CLAIM_ACTIONS, strict=True)
    ]


async def _facts(loaders: Loaders, claims: Sequence[ClaimRecord]) -> dict[str, ClaimFacts]:
    """Id -> what determines the available actions of each decided claim."""
    ids = [claim.id for claim in claims]
    denials = await loaders.denials_of_claim.load_many(ids)
    lines = await loaders.lines_of_claim.load_many(ids)
    replacements = await loaders.replacement_of_claim.load_many(ids)
    return {
        claim.id: ClaimFacts(
            claim.status,
            Cents(claim.approved_cents or 0),
            is_billed=any(line.kind is InvoiceLineKind.CLAIM for line in lines[place]),
            is_replaced=replacements[place] is not None,
            is_appealed=any(denial.is_after_appeal for denial in denials[place]),
        )
        for place, claim in enumerate(claims)
    }


async def denial_actions(ctx: Context, denials: Sequence[DenialRecord]) -> list[list[AvailableDenialAction]]:
    """Every action on each denial, with what blocks it for this caller now."""
    replacements = await ctx.loaders.replacement_of_claim.load_many([denial.claim_id for denial in denials])
    appealed = [denial.id for denial in denials if denial.status is DenialStatus.APPEALED]
    batches = dict(zip(appealed, await ctx.loaders.appeal_batch_of_denial.load_many(appealed), strict=True))
    return [
        _denial_actions(ctx, denial, batches.get(denial.id), is_replaced=replacement is not None)
        for denial, replacement in zip(denials, replacements, strict=True)
    ]


def _denial_actions(
    ctx: Context, denial: DenialRecord, batch: AppealBatchRecord | None, *, is_replaced: bool
) -> list[AvailableDenialAction]:
    block = partial(
        denial_block,
        status=denial.status,
        deadline=denial.appeal_deadline,
        today=business_day(ctx.now()),
        is_replaced=is_replaced,
        batch=None if batch is None else (batch.number, batch.status),
    )
    return [
        AvailableDenialAction(action=operation, blocked_by=blocked(ctx.principal, action, partial(block, operation)))
        for operation, action in zip(DenialOperation, DENIAL_ACTIONS, strict=True)
    ]


def invoice_actions(invoice: InvoiceRecord, info: Info) -> list[AvailableInvoiceAction]:
    """Every action on an invoice, with what blocks it for this caller now."""
    principal, total, settled = info.context.principal, Cents(invoice.total_cents), Cents(invoice.settled_cents)

    def block(operation: InvoiceOperation) -> str | None:
        return invoice_block(operation, invoice.status, total=total, settled=settled)

    return [
        AvailableInvoiceAction(action=operation, blocked_by=blocked(principal, action, partial(block, operation)))
        for operation, action in zip(InvoiceOperation, INVOICE_ACTIONS, strict=True)
    ]


def batch_actions(batch: BatchRecord, info: Info) -> list[AvailableBatchAction]:
    """Every action on a batch, with what blocks it for this caller now."""
    principal = info.context.principal
    return [
        AvailableBatchAction(
            action=operation, blocked_by=blocked(principal, action, partial(batch_block, operation, batch.status))
        )
        for operation, action in zip(BatchOperation, BATCH_ACTIONS, strict=True)
    ]


def appeal_batch_actions(batch: AppealBatchRecord, info: Info) -> list[AvailableAppealBatchAction]:
    """Every action on a batch of appeals, with what blocks it for this caller now."""
    principal = info.context.principal
    return [
        AvailableAppealBatchAction(
            action=operation,
            blocked_by=blocked(principal, action, partial(appeal_batch_block, operation, batch.status)),
        )
        for operation, action in zip(AppealBatchOperation, APPEAL_BATCH_ACTIONS, strict=True)
    ]


def remittance_actions(remittance: RemittanceRecord, info: Info) -> list[AvailableRemittanceAction]:
    """Every action on a remittance, with what blocks it for this caller now."""
    principal, is_posted = info.context.principal, remittance.posted_at is not None

    def block(operation: RemittanceOperation) -> str | None:
        return remittance_block(operation, remittance.status, is_posted=is_posted, paid_on=remittance.paid_on)

    return [
        AvailableRemittanceAction(action=operation, blocked_by=blocked(principal, action, partial(block, operation)))
        for operation, action in zip(RemittanceOperation, REMITTANCE_ACTIONS, strict=True)
    ]


async def adjustment_actions(
    ctx: Context, adjustments: Sequence[AdjustmentRecord]
) -> list[list[AvailableRemittanceAdjustmentAction]]:
    """Every action on each debit or credit of a statement, with what blocks it for this caller now."""
    remittances = await ctx.loaders.remittance.load_many([each.remittance_id for each in adjustments])
    return [
        _adjustment_actions(ctx.principal, adjustment, is_posted=bool(remittance and remittance.posted_at))
        for adjustment, remittance in zip(adjustments, remittances, strict=True)
    ]


def _adjustment_actions(
    principal: Principal, adjustment: AdjustmentRecord, *, is_posted: bool
) -> list[AvailableRemittanceAdjustmentAction]:
    def block(operation: RemittanceAdjustmentOperation) -> str | None:
        return adjustment_block(operation, adjustment.direction, adjustment.open_status, is_posted=is_posted)

    return [
        AvailableRemittanceAdjustmentAction(
            action=operation, blocked_by=blocked(principal, action, partial(block, operation))
        )
        for operation, action in zip(RemittanceAdjustmentOperation, ADJUSTMENT_ACTIONS, strict=True)
    ]


async def remittance_line_actions(
    ctx: Context, lines: Sequence[RemittanceLineRecord]
) -> list[list[AvailableRemittanceLineAction]]:
    """Every action on each remittance line, with what blocks it for this caller now."""
    async with ctx.database.reading() as connection:
        facts = await line_facts(connection, ctx.scope, lines)
    return [
        [
            AvailableRemittanceLineAction(
                action=operation,
                blocked_by=blocked(ctx.principal, action, partial(remittance_line_block, operation, facts[line.id])),
            )
            for operation, action in zip(RemittanceLineOperation, REMITTANCE_LINE_ACTIONS, strict=True)
        ]
        for line in lines
    ]
