"""How lists of remittances and of their lines are filtered and sorted."""

import strawberry

from app.db.remittances import RemittanceFilter
from app.domain.identifiers import AnsCode, Cnes
from app.resolvers.remittances import RemittanceLineOrderField, RemittanceOrderField
from app.schema.base import filters
from app.schema.base.described import described
from app.schema.base.enums import RemittanceSource, RemittanceStatus
from app.schema.base.filters import given
from app.schema.base.ordering import OrderDirection, Ordering, direction, sort_by
from app.schema.base.ranges import DateRangeInput, DateTimeRangeInput, bounds
from app.schema.base.types import input_type

described(RemittanceOrderField, "What remittances can be sorted by.")


@input_type(description="Order of a list of remittances.")
class RemittanceOrder(Ordering):
    field: RemittanceOrderField = sort_by()
    direction: OrderDirection = direction()


described(RemittanceLineOrderField, "What remittance lines can be sorted by.")


@input_type(description="Order of a list of remittance lines.")
class RemittanceLineOrder(Ordering):
    field: RemittanceLineOrderField = sort_by()
    direction: OrderDirection = direction()


@input_type(description="Filter for remittances. Every given condition must match; ranges include both ends.")
class RemittanceFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    status: list[RemittanceStatus] | None = filters.any_of("Status", len(RemittanceStatus))
    sources: list[RemittanceSource] | None = filters.any_of("Source", len(RemittanceSource), name="source")
    statement_number: str | None = strawberry.field(
        default=None, description="Exact number of the payer's statement (numeroDemonstrativo)."
    )
    paid_on: DateRangeInput | None = strawberry.field(default=None, description="Day of payment.")
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of the import.")

    def where(self) -> RemittanceFilter:
        """The filter as the database layer expects it."""
        return RemittanceFilter(
            ids=given(self.ids),
            payers=given(self.payers),
            providers=given(self.providers),
            status=given(self.status),
            sources=given(self.sources),
            statement_number=self.statement_number,
            paid_on=bounds(self.paid_on),
            created_at=bounds(self.created_at),
        )
