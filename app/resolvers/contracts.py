"""Resolvers for contracts and their prices."""

from datetime import datetime
from operator import attrgetter
from typing import Final

from app.db import contracts, reference_tables
from app.db.contracts import ContractRecord, PriceRecord
from app.domain.described import DescribedEnum
from app.resolvers.nested import NestedList
from app.resolvers.paging import LINES_PAGE_MAX, Order, ScopedList, order_by


class ContractOrderField(DescribedEnum):
    PROVIDER_CNES = "PROVIDER_CNES", "CNES of the provider."
    CREATED_AT = "CREATED_AT", "Time of creation."
    UPDATED_AT = "UPDATED_AT", "Time of the last change."


BY_PROVIDER: Final[Order[ContractRecord]] = order_by(reference_tables.contracts, "provider_cnes", str)
ORDERS: Final[dict[ContractOrderField, Order[ContractRecord]]] = {
    ContractOrderField.PROVIDER_CNES: BY_PROVIDER,
    # The time of creation is in the id.
    ContractOrderField.CREATED_AT: order_by(reference_tables.contracts, "id", str),
    ContractOrderField.UPDATED_AT: order_by(reference_tables.contracts, "updated_at", datetime),
}
BY_CODE: Final[Order[PriceRecord]] = Order(
    contracts.PRICE_ORDER,
    reference_tables.contract_prices.c.id,
    descending=False,
    value=lambda price: f"{price.code_system} {price.code} {price.valid_from.isoformat()}",
    key=attrgetter("id"),
    kind=str,
)
CONTRACTS: Final = ScopedList("contracts", contracts.page, contracts.count)
PRICES: Final[NestedList[PriceRecord]] = NestedList("Contract.prices", contracts.PRICES_OF, BY_CODE, LINES_PAGE_MAX)
