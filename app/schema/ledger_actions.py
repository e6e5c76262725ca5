"""`availableActions` of settlements and of bank entries."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import strawberry

from app.db.bank import BankEntryRecord
from app.db.settlements import SettlementRecord
from app.domain.actions import (
    BankEntryOperation,
    SettlementFacts,
    SettlementOperation,
    bank_entry_block,
    settlement_block,
)
from app.domain.money import Cents
from app.resolvers.context import Context
from app.schema.actions import BLOCKED_BY, ActionBlock, blocked, describe
from app.schema.base.info import Info
from app.schema.base.types import object_type
from app.services.actions import offering

SETTLEMENT_ACTIONS: Final = offering(SettlementOperation)
BANK_ENTRY_ACTIONS: Final = offering(BankEntryOperation)
describe(SettlementOperation, "a settlement", SETTLEMENT_ACTIONS)
describe(BankEntryOperation, "a bank entry", BANK_ENTRY_ACTIONS)


@object_type(description="An action on a settlement and whether it is available to the caller now.")
class AvailableSettlementAction:
    action: SettlementOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


@object_type(description="An action on a bank entry and whether it is available to the caller now.")
class AvailableBankEntryAction:
    action: BankEntryOperation = strawberry.field(description="The action.")
    blocked_by: ActionBlock | None = strawberry.field(description=BLOCKED_BY)


async def settlement_actions(
    ctx: Context, settlements: Sequence[SettlementRecord]
) -> list[list[AvailableSettlementAction]]:
    """Every action on each settlement, with what blocks it for this caller now."""
    payments = [each.id for each in settlements if each.reverses_id is None]
    reversed_ = dict(zip(payments, await ctx.loaders.reversed_cents.load_many(payments), strict=True))
    moves = dict(zip(payments, await ctx.loaders.credit_use_of_settlement.load_many(payments), strict=True))
    return [
        _settlement_actions(
            ctx,
            SettlementFacts(
                each.status,
                Cents(each.amount_cents - reversed_.get(each.id, 0)),
                is_reversal=each.reverses_id is not None,
                is_of_credit=moves.get(each.id) is not None,
            ),
        )
        for each in settlements
    ]


def _settlement_actions(ctx: Context, facts: SettlementFacts) -> list[AvailableSettlementAction]:
    return [
        AvailableSettlementAction(
            action=operation, blocked_by=blocked(ctx.principal, action, partial(settlement_block, operation, facts))
        )
        for operation, action in zip(SettlementOperation, SETTLEMENT_ACTIONS, strict=True)
    ]


def bank_entry_actions(entry: BankEntryRecord, info: Info) -> list[AvailableBankEntryAction]:
    """Every action on a bank entry, with what blocks it for this caller now."""
    principal = info.context.principal
    return [
        AvailableBankEntryAction(
            action=operation, blocked_by=blocked(principal, action, partial(bank_entry_block, operation, entry.status))
        )
        for operation, action in zip(BankEntryOperation, BANK_ENTRY_ACTIONS, strict=True)
    ]
