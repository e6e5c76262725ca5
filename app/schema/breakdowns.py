"""Sums for dashboards: what was billed and what was denied, by payer, provider, month or code."""

from typing import Annotated, Any

import strawberry

from app.db import breakdowns as db
from app.db.parties import PayerRecord, ProviderRecord
from app.domain import tabela38
from app.domain.access_log import DataClass
from app.domain.breakdown import MONTHS_MAX, BillingDimension, DenialDimension
from app.domain.invoices import YearMonth
from app.domain.money import Cents
from app.domain.reconciliation import Ratio, Reconciliation, rate
from app.resolvers import breakdowns
from app.resolvers.paging import Slice
from app.schema.base import lists, weights
from app.schema.base.arguments import PERIOD, After, Before, First, Last, OfPayer, OfProvider
from app.schema.base.connections import Connection, at_most_int
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, amount, health, marked, personal
from app.schema.base.ranges import DateRangeInput
from app.schema.base.types import object_type
from app.schema.parties import Payer, Provider
from app.schema.reconciliation import Reconciliation as ReconciliationType
from app.schema.reconciliation import ledger_filter

described(BillingDimension, "What billed amounts can be grouped by.")
described(DenialDimension, "What denials can be grouped by.")
GROUPS = f"Months need a period of at most {MONTHS_MAX} months."


async def _payer(group: strawberry.Parent[db.BillingGroup | db.DenialGroup], info: Info) -> PayerRecord | None:
    code = group.part("PAYER")
    return None if code is None else await info.context.loaders.payer.load(code)


async def _provider(group: strawberry.Parent[db.BillingGroup | db.DenialGroup], info: Info) -> ProviderRecord | None:
    code = group.part("PROVIDER")
    return None if code is None else await info.context.loaders.provider.load(code)


def _month(group: strawberry.Parent[db.BillingGroup | db.DenialGroup]) -> YearMonth | None:
    month = group.part("MONTH")
    return None if month is None else YearMonth(month)


def _of_group(resolver: Any, kind: Any, description: str) -> Any:
    text = f"{description}; null if not grouped by it."
    return strawberry.field(resolver=resolver, graphql_type=kind | None, description=text)


@object_type(description="Billed claims and credits of one payer, provider or month.")
class BillingGroup:
    payer: PayerRecord | None = _of_group(_payer, Payer, "The payer")
    provider: ProviderRecord | None = _of_group(_provider, Provider, "The provider")
    month: YearMonth | None = _of_group(_month, YearMonth, "Month of submission, of credits that of their creation")
    processed_cents: Cents | None = amount("processedAmount", "Amount processed by the payer (valorProcessado).")
    denied_cents: Cents | None = amount("deniedAmount", "Amount initially denied by the payer (valorGlosa).")
    value_without_return_cents: Cents | None = amount(
        "undecidedAmount", "Claimed amount of the claims that the payer has not decided yet."
    )

    @strawberry.field(graphql_type=ReconciliationType, description="What has become of the billed amounts.")
    def reconciliation(group: strawberry.Parent[db.BillingGroup]) -> Reconciliation:
        return group.books

    @strawberry.field(description="Number of claims that were submitted, at most 2147483647.")
    def claim_count(group: strawberry.Parent[db.BillingGroup]) -> int:
        return at_most_int(group.claims)

    @strawberry.field(description="Number of claims that the payer has not decided yet, at most 2147483647.")
    def undecided_claim_count(group: strawberry.Parent[db.BillingGroup]) -> int:
        return at_most_int(group.undecided_claims)

    @strawberry.field(
        description="Initially denied share of the processed amount (taxa de glosa inicial); null if that is zero."
    )
    def initial_denial_rate(group: strawberry.Parent[db.BillingGroup]) -> Ratio | None:
        return rate(group.denied_cents, group.processed_cents)

    @strawberry.field(
        description="Finally lost share of the processed amount (taxa de glosa final); null if that is zero."
    )
    def final_denial_rate(group: strawberry.Parent[db.BillingGroup]) -> Ratio | None:
        return rate(group.denials_lost_cents, group.processed_cents)


@object_type(description="A procedure by which denials are grouped.")
class GroupedProcedure:
    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(
        description="Code within the table (codigoProcedimento).", directives=marked(DataClass.HEALTH)
    )


@object_type(description="A practitioner by whom denials are grouped.")
class GroupedPractitioner:
    council: str = strawberry.field(description="Professional council (conselho), a code of TISS table 26.")
    number: str = strawberry.field(
        description="Registration number in the council.", directives=marked(DataClass.PERSONAL)
    )
    state: str = strawberry.field(description="State of the council (UF), a code of TISS table 59.")


@object_type(description="Denials of one code, procedure, practitioner, payer, provider or month.")
class DenialGroup:
    payer: PayerRecord | None = _of_group(_payer, Payer, "The payer")
    provider: ProviderRecord | None = _of_group(_provider, Provider, "The provider")
    month: YearMonth | None = _of_group(_month, YearMonth, "Month in which the claims were submitted")
    amount_cents: Cents | None = amount("amount", "Denied (valorGlosa).")
    in_dispute_cents: Cents | None = amount("inDisputeAmount", "In dispute.")
    won_cents: Cents | None = amount("wonAmount", "Won by appeals.")
    lost_cents: Cents | None = amount("lostAmount", "Finally lost.")
    processed_cents: Cents | None = amount("processedAmount", "Processed by the payer, the base of `denialRate`.")

    @strawberry.field(description="Reason for the denials, a code of Tabela 38; null if not grouped by it.")
    def code(group: strawberry.Parent[db.DenialGroup]) -> str | None:
        return group.part("CODE")

    @strawberry.field(description="Official text of the code, in Portuguese; null without a code.")
    def description(group: strawberry.Parent[db.DenialGroup]) -> str | None:
        code = group.part("CODE")
        return None if code is None else tabela38.description(code)

    @strawberry.field(
        graphql_type=GroupedProcedure | None,
        description="The procedure of the denied items; null if not grouped by it.",
        extensions=health("claims:read_items"),
    )
    def procedure(group: strawberry.Parent[db.DenialGroup]) -> Any:
        part = group.part("PROCEDURE")
        if part is None:
            return None
        code_system, code = part.split(db.INNER, 1)
        return GroupedProcedure(code_system=code_system, code=code)

    @strawberry.field(
        graphql_type=GroupedPractitioner | None,
        description="Who performed the service; null if not grouped by it, or if the claims name nobody.",
        extensions=personal("practitioners:read"),
    )
    def practitioner(group: strawberry.Parent[db.DenialGroup]) -> Any:
        council, state, number = (group.part("PRACTITIONER") or f"{db.INNER}{db.INNER}").split(db.INNER, 2)
        return GroupedPractitioner(council=council, number=number, state=state) if number else None

    @strawberry.field(
        description="Denied share of what the payer processed of the same payer, provider, procedure, practitioner and "
        "month, whatever the reason; null if that is zero."
    )
    def denial_rate(group: strawberry.Parent[db.DenialGroup]) -> Ratio | None:
        return rate(group.amount_cents, group.processed_cents)

    @strawberry.field(description="Share of the denied amount that appeals won back; null if nothing was denied.")
    def recovered_share(group: strawberry.Parent[db.DenialGroup]) -> Ratio | None:
        return rate(group.won_cents, group.amount_cents)

    @strawberry.field(description="Number of denials, at most 2147483647.")
    def denial_count(group: strawberry.Parent[db.DenialGroup]) -> int:
        return at_most_int(group.denials)


def _group_by(dimensions: type[BillingDimension | DenialDimension]) -> Any:
    return strawberry.argument(
        description="What to group by, each dimension once; the groups are sorted by them in this order. " + GROUPS,
        directives=lists.up_to(len(dimensions), checked_by_service=True),
    )


class BreakdownQuery:
    @strawberry.field(
        graphql_type=Connection[BillingGroup] | None,
        directives=[lists.PAGE, *weights.SUMS],
        description="What `reconciliation` and `billingIndicators` add up, by payer, provider and month: the groups "
        "together are the whole.",
        extensions=[Requires("reconciliation:read")],
    )
    async def billing_breakdown(
        self,
        info: Info,
        group_by: Annotated[list[BillingDimension], _group_by(BillingDimension)],
        payer: OfPayer = None,
        provider: OfProvider = None,
        period: Annotated[DateRangeInput | None, PERIOD] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        where = ledger_filter(payer, provider, period)
        return await breakdowns.billing(info.context, by=group_by, where=where, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[DenialGroup] | None,
        directives=[lists.PAGE, *weights.SUMS],
        description="Denials of claims submitted in the period, by code, procedure, practitioner, payer, provider and "
        "month.",
        extensions=[Requires("claims:read_items")],
    )
    async def denial_breakdown(
        self,
        info: Info,
        group_by: Annotated[list[DenialDimension], _group_by(DenialDimension)],
        payer: OfPayer = None,
        provider: OfProvider = None,
        period: Annotated[DateRangeInput | None, PERIOD] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        where = ledger_filter(payer, provider, period)
        return await breakdowns.denials(info.context, by=group_by, where=where, at=Slice(first, after, last, before))
