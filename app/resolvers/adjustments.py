"""Resolvers for debits and credits of statements beside the claims, and what was done to explain them."""

from collections.abc import Sequence
from typing import Final

from app.db import adjustment_tables, adjustments, remittance_tables
from app.db.adjustments import AdjustmentRecord, AdjustmentStepRecord
from app.db.remittances import RemittanceRecord
from app.domain.adjustments import StatementBalance
from app.domain.deductions import TAXES, DeductionKind, kind_of
from app.domain.money import Cents
from app.domain.statement import AdjustmentDirection
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import ScopedList, order_by

STEPS: Final[NestedList[AdjustmentStepRecord]] = NestedList(
    "RemittanceAdjustment.history", adjustments.STEPS_OF, order_by(adjustment_tables.adjustment_history, "id", str)
)
ADJUSTMENTS: Final = ScopedList("remittanceAdjustments", adjustments.page, adjustments.count)
OLDEST_FIRST: Final = order_by(remittance_tables.remittance_adjustments, "id", str)


async def balances(ctx: Context, remittances: Sequence[RemittanceRecord]) -> list[StatementBalance]:
    """For each statement how what it transfers comes from what it pays."""
    adjustments_ = await ctx.loaders.adjustments_of_remittance.load_many([each.id for each in remittances])
    return [_balance(each, rows) for each, rows in zip(remittances, adjustments_, strict=True)]


def _balance(remittance: RemittanceRecord, rows: Sequence[AdjustmentRecord]) -> StatementBalance:
    # A debit that was a line is below zero among what the lines pay, too.
    of_lines = sum(each.amount_cents for each in rows if each.line_id is not None and each.is_counted)
    debits = [each for each in rows if each.direction is AdjustmentDirection.DEBIT and each.is_counted]
    kinds = [(kind_of(each.type, each.description), each.amount_cents) for each in debits]
    return StatementBalance(
        gross_cents=Cents(remittance.paid_cents + of_lines),
        withheld_cents=Cents(sum(cents for kind, cents in kinds if kind in TAXES)),
        discount_cents=Cents(sum(cents for kind, cents in kinds if kind is DeductionKind.DISCOUNT)),
        debit_cents=Cents(sum(cents for kind, cents in kinds if kind is None)),
        credit_cents=Cents(sum(each.amount_cents for each in rows if each.direction is AdjustmentDirection.CREDIT)),
        stated_cents=None if remittance.net_cents is None else Cents(remittance.net_cents),
    )
