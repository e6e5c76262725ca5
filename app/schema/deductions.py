"""What payers keep back of payments: sums of withheld taxes."""

from typing import Annotated, Any

import strawberry

from app.db.deductions import WithheldTax as WithheldTaxRecord
from app.db.parties import PayerRecord
from app.domain.deductions import DeductionKind
from app.domain.invoices import YearMonth
from app.domain.money import Cents
from app.resolvers import deductions
from app.resolvers.paging import Slice
from app.schema.base import lists, weights
from app.schema.base.arguments import After, Before, First, Last, OfPayer, OfProvider
from app.schema.base.connections import Connection
from app.schema.base.info import Info
from app.schema.base.permissions import Requires, amount
from app.schema.base.ranges import DateRangeInput
from app.schema.base.relations import related
from app.schema.base.types import object_type
from app.schema.parties import Payer
from app.schema.reconciliation import ledger_filter

PAID_IN = strawberry.argument(description="Days of payment; a reversal counts on its own day.")


@object_type(description="What one payer withheld of one tax in one month: a receivable from the state.")
class WithheldTax:
    tax: DeductionKind = strawberry.field(description="Which tax.")
    month: YearMonth = strawberry.field(description="Month of payment.")
    amount_cents: Cents | None = amount("amount", "Withheld amount, less reversals.")
    payer: PayerRecord | None = related(
        Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The payer (operadora)."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        """Whether this type describes the value."""
        return isinstance(value, WithheldTaxRecord)


class DeductionQuery:
    @strawberry.field(
        graphql_type=Connection[WithheldTax] | None,
        directives=[lists.PAGE, *weights.SUMS],
        description="Taxes that payers withheld of payments, by payer, month and tax.",
        extensions=[Requires("reconciliation:read")],
    )
    async def withheld_taxes(
        self,
        info: Info,
        payer: OfPayer = None,
        provider: OfProvider = None,
        period: Annotated[DateRangeInput | None, PAID_IN] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        where = ledger_filter(payer, provider, period)
        return await deductions.withheld_taxes(info.context, where=where, at=Slice(first, after, last, before))
