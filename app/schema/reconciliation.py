"""Reconciliation of billed amounts, and billing indicators."""

from typing import Annotated, Any

import strawberry

from app.db.reconciliation import LedgerFilter
from app.domain.errors import ErrorCode, refuse
from app.domain.money import Cents
from app.domain.reconciliation import Indicators, Period, Ratio
from app.resolvers import reconciliation
from app.schema.base import weights
from app.schema.base.arguments import PERIOD, OfPayer, OfProvider
from app.schema.base.connections import at_most_int
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires, amount
from app.schema.base.ranges import DateRangeInput, bounds
from app.schema.base.types import object_type

EXPIRING_DAYS_MAX = 3650


@object_type(
    description="Reconciliation of claims submitted in the period: billed = paid + withheld + in dispute + "
    "lost + awaiting + owed by patients; underpaid is a part of awaiting, unapplied is a part of none."
)
class Reconciliation:
    billed_cents: Cents | None = amount("billedAmount", "Claims that were submitted, and credits on invoices.")
    paid_cents: Cents | None = amount("paidAmount", "Payments that arrived, less reversals.")
    withheld_cents: Cents | None = amount(
        "withheldAmount", "Taxes that payers withheld of payments: a receivable from the state."
    )
    in_dispute_cents: Cents | None = amount("inDisputeAmount", "Denials that are open or appealed.")
    lost_cents: Cents | None = amount(
        "lostAmount", "Denials accepted, expired or upheld, debits on invoices, and discounts."
    )
    awaiting_cents: Cents | None = amount("awaitingAmount", "Amount that is not decided, not invoiced or not paid yet.")
    patient_cents: Cents | None = amount(
        "patientAmount", "Owed by patients instead of their payer (valorFranquia), as payers have decided."
    )
    underpaid_cents: Cents | None = amount(
        "underpaidAmount", "Of the awaited amount, the rest of invoice lines that were paid in part."
    )
    unapplied_cents: Cents | None = amount(
        "unappliedAmount",
        "What is left of unapplied credits recorded in the period: paid, and part of no billed amount.",
    )
    unexplained_cents: Cents | None = amount("unexplainedAmount", "Billed amount less the six parts: always 0.00.")


@object_type(description="Indicators of the ANS panel, for claims in the caller's data scope submitted in the period.")
class BillingIndicators:
    processed_cents: Cents | None = amount("processedAmount", "Amount processed by the payer (valorProcessado).")
    value_without_return_cents: Cents | None = amount(
        "undecidedAmount", "Claimed amount of the claims that the payer has not decided yet."
    )
    expiring_cents: Cents | None = amount(
        "aboutToBeLostAmount",
        "Open denials whose appeal deadline is within the requested number of days, or has passed.",
    )

    @strawberry.field(
        name="undecidedClaimCount",
        description="Number of claims that the payer has not decided yet, at most 2147483647.",
    )
    def undecided(indicators: strawberry.Parent[Indicators]) -> int:
        return at_most_int(indicators.claims_without_return)

    @strawberry.field(
        description="Initially denied share of the processed amount (taxa de glosa inicial); null if that is zero."
    )
    def initial_denial_rate(indicators: strawberry.Parent[Indicators]) -> Ratio | None:
        return indicators.initial_denial_rate

    @strawberry.field(
        description="Finally lost share of the processed amount (taxa de glosa final); null if that is zero."
    )
    def final_denial_rate(indicators: strawberry.Parent[Indicators]) -> Ratio | None:
        return indicators.final_denial_rate

    @strawberry.field(
        description="Mean days from submission to first payment of a claim, with one decimal; null if nothing was paid."
    )
    def mean_days_to_payment(indicators: strawberry.Parent[Indicators]) -> float | None:
        return None if indicators.days_to_payment_tenths is None else indicators.days_to_payment_tenths / 10


def ledger_filter(payer: str | None, provider: str | None, period: DateRangeInput | None) -> LedgerFilter:
    """The arguments as the database layer expects them; refused if a scalar could not parse them."""
    check_arguments(payer_ans_code=payer, provider_cnes=provider, period=period)
    return LedgerFilter(payer, provider, Period(*bounds(period)))


class ReconciliationQuery:
    @strawberry.field(
        graphql_type=Reconciliation | None,
        directives=weights.SUMS,
        description="What has become of the billed amounts in the caller's data scope, to the cent.",
        extensions=[Requires("reconciliation:read")],
    )
    async def reconciliation(
        self,
        info: Info,
        payer: OfPayer = None,
        provider: OfProvider = None,
        period: Annotated[DateRangeInput | None, PERIOD] = None,
    ) -> Any:
        return await reconciliation.reconcile(info.context, where=ledger_filter(payer, provider, period))

    @strawberry.field(
        graphql_type=BillingIndicators | None,
        directives=weights.SUMS,
        description="Indicators for the caller's data scope: denial rates, days to payment, undecided claims, and what "
        "will be lost within `expiringWithinDays` days.",
        extensions=[Requires("reconciliation:read")],
    )
    async def billing_indicators(
        self,
        info: Info,
        payer: OfPayer = None,
        provider: OfProvider = None,
        period: Annotated[DateRangeInput | None, PERIOD] = None,
        expiring_within_days: Annotated[
            int, strawberry.argument(description=f"Number of days to look ahead, 0 to {EXPIRING_DAYS_MAX}.")
        ] = 7,
    ) -> Any:
        if not 0 <= expiring_within_days <= EXPIRING_DAYS_MAX:
            raise refuse(
                ErrorCode.INVALID_INPUT, f"expiringWithinDays must be 0 to {EXPIRING_DAYS_MAX}", "expiringWithinDays"
            )
        where = ledger_filter(payer, provider, period)
        return await reconciliation.indicators(info.context, where=where, expiring_within_days=expiring_within_days)
