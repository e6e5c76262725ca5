"""Where the billed money is, and the figures that users watch."""

from datetime import date
from typing import Any

import strawberry

from app.db.reconciliation import LedgerFilter
from app.domain.errors import ErrorCode, refuse
from app.domain.money import Cents
from app.domain.reconciliation import Indicators, Period, Ratio
from app.resolvers import reconciliation
from app.schema.base.info import Info
from app.schema.base.mutations import checked_arguments
from app.schema.base.permissions import Requires, amount

EXPIRING_DAYS_MAX = 3650


@strawberry.input(description="Days of submission, both inside; an end that is left out is open.")
class PeriodInput:
    first: date | None = strawberry.field(default=None, name="from", description="First day.")
    last: date | None = strawberry.field(default=None, name="to", description="Last day.")

    def data(self) -> Period:
        """The period as the rules take it; INVALID_DATE when it ends before it begins."""
        if self.first is not None and self.last is not None and self.last < self.first:
            raise refuse(ErrorCode.INVALID_DATE, "the period ends before it begins", "period.to")
        return Period(self.first, self.last)


@strawberry.type(
    description="Where everything is that claims sent in the period billed: billed is the sum of the four parts."
)
class Reconciliation:
    billed_cents: Cents | None = amount("billedAmount", "Claims that the payer has, and credits on invoices.")
    paid_cents: Cents | None = amount("paidAmount", "Payments, reversals taken off.")
    in_dispute_cents: Cents | None = amount("inDisputeAmount", "Denials that are open or appealed.")
    lost_cents: Cents | None = amount("lostAmount", "Denials accepted, expired or upheld, and debits on invoices.")
    awaiting_cents: Cents | None = amount("awaitingAmount", "Not decided, not invoiced, or not paid yet.")
    unexplained_cents: Cents | None = amount("unexplainedAmount", "Billed minus the four parts: always 0.00.")


@strawberry.type(description="The figures of the ANS panel, for the caller's own claims sent in the period.")
class BillingIndicators:
    claims_without_return: int = strawberry.field(description="Claims that the payer has not decided yet.")
    processed_cents: Cents | None = amount("processedAmount", "What the payer processed.")
    value_without_return_cents: Cents | None = amount("valueWithoutReturn", "What these claims are worth.")
    expiring_cents: Cents | None = amount(
        "aboutToBeLostAmount", "Open denials whose deadline falls within the days asked for, or has passed."
    )

    @strawberry.field(description="Denied at first, of what was processed (taxa de denial inicial).")
    def initial_denial_rate(found: strawberry.Parent[Indicators]) -> Ratio | None:
        return found.initial_denial_rate

    @strawberry.field(description="Lost for good, of what was processed (taxa de denial final).")
    def final_denial_rate(found: strawberry.Parent[Indicators]) -> Ratio | None:
        return found.final_denial_rate

    @strawberry.field(
        description="Mean days from sending a claim to its first payment, one decimal; null when nothing was paid."
    )
    def mean_days_to_payment(found: strawberry.Parent[Indicators]) -> float | None:
        return None if found.days_to_payment_tenths is None else found.days_to_payment_tenths / 10


def _books(payer: str | None, provider: str | None, period: PeriodInput | None) -> LedgerFilter:
    checked_arguments(period=period)
    return LedgerFilter(payer, provider, (period or PeriodInput()).data())


@strawberry.type
class ReconciliationQuery:
    @strawberry.field(
        graphql_type=Reconciliation,
        description="Where the caller's billed money is, to the cent.",
        extensions=[Requires("reconciliation:read")],
    )
    async def reconciliation(
        self, info: Info, payer: str | None = None, provider: str | None = None, period: PeriodInput | None = None
    ) -> Any:
        return await reconciliation.reconcile(info.context, books=_books(payer, provider, period))

    @strawberry.field(
        graphql_type=BillingIndicators,
        description="The caller's figures: denial rates, days to payment, claims without return, what is about to be "
        "lost within `expiringWithinDays`.",
        extensions=[Requires("reconciliation:read")],
    )
    async def billing_indicators(
        self,
        info: Info,
        payer: str | None = None,
        provider: str | None = None,
        period: PeriodInput | None = None,
        expiring_within_days: int = 7,
    ) -> Any:
        if not 0 <= expiring_within_days <= EXPIRING_DAYS_MAX:
            raise refuse(ErrorCode.INVALID_INPUT, f"0 to {EXPIRING_DAYS_MAX} days", "expiringWithinDays")
        books = _books(payer, provider, period)
        return await reconciliation.indicators(info.context, books=books, expiring_within_days=expiring_within_days)
