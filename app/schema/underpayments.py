"""Items that were paid below the contract's price."""

from datetime import date
from typing import Annotated, Any

import strawberry

from app.db.claims import ClaimRecord, ItemRecord
from app.db.underpayments import UnderpaymentFilter, UnderpaymentRecord
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.executor.reach import Owner
from app.resolvers import underpayments
from app.resolvers.paging import Slice
from app.schema.base import filters, lists, weights
from app.schema.base.arguments import FILTER, After, Before, First, Last
from app.schema.base.connections import Connection
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires, amount, health
from app.schema.base.ranges import DateRangeInput, bounds
from app.schema.base.relations import related
from app.schema.base.types import input_type, object_type
from app.schema.objects import Claim, ClaimItem


@object_type(
    description="An approved item without a denial that was billed, and so paid, below the contract's price of its day."
)
class Underpayment:
    owner = Owner.PARTIES

    performed_on: date = strawberry.field(description="Day of the service.")
    billed_price_cents: Cents | None = amount("billedUnitPrice", "Unit price that was billed.")
    contract_price_cents: Cents | None = amount("contractUnitPrice", "Unit price of the contract on that day.")
    expected_cents: Cents | None = amount("expectedAmount", "What the contract pays: its price x quantity x factor.")
    approved_cents: Cents | None = amount("approvedAmount", "What the payer approved (valorLiberado).")
    claim: ClaimRecord | None = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim.",
        extensions=[Requires("claims:read")],
    )
    item: ItemRecord | None = related(
        ClaimItem | None,
        lambda loaders: loaders.item,
        "id",
        description="The item.",
        extensions=health("claims:read_items"),
    )

    @amount("underpaidAmount", "Expected less approved, and less what the patient owes.")
    def underpaid(item: strawberry.Parent[UnderpaymentRecord]) -> Cents | None:
        return Cents(max(item.expected_cents - item.approved_cents - (item.patient_cents or 0), 0))

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        """Whether this type describes the value."""
        return isinstance(value, UnderpaymentRecord)


@input_type(description="Filter for underpayments. Every given condition must match; ranges include both ends.")
class UnderpaymentFilterInput:
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    performed_on: DateRangeInput | None = strawberry.field(default=None, description="Day of the service.")

    def where(self) -> UnderpaymentFilter:
        """The filter as the database layer expects it."""
        return UnderpaymentFilter(given(self.payers), given(self.providers), bounds(self.performed_on))


class UnderpaymentQuery:
    @strawberry.field(
        graphql_type=Connection[Underpayment] | None,
        directives=[lists.PAGE, *weights.SUMS],
        description="Items that were paid below the contract's price although nothing was denied, oldest first.",
        extensions=[Requires("reconciliation:read")],
    )
    async def underpayments(
        self,
        info: Info,
        filter: Annotated[UnderpaymentFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or UnderpaymentFilterInput()
        check_arguments(filter=criteria)
        order = underpayments.OLDEST_FIRST
        return await underpayments.UNDERPAYMENTS.page(
            info.context, criteria.where(), order, at=Slice(first, after, last, before)
        )
