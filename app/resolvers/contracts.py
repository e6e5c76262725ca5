"""Resolvers for contracts and their prices."""

from operator import attrgetter
from typing import Final

from app.db import contracts, reference_tables
from app.db.contracts import ContractFilter, ContractRecord, PriceRecord
from app.resolvers.context import Context
from app.resolvers.nested import NestedList
from app.resolvers.paging import LINES_PAGE_MAX, Order, Page, ScopedList, order_by

BY_PROVIDER: Final[Order[ContractRecord]] = order_by(reference_tables.contracts, "provider_cnes", str)
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


async def page(ctx: Context, *, where: ContractFilter, first: int, after: str | None) -> Page[ContractRecord]:
    """A page of the contracts in the caller's data scope, by provider."""
    return await CONTRACTS.page(ctx, where, BY_PROVIDER, first=first, after=after)
