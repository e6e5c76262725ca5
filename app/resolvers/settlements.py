"""Resolvers for settlements."""

from datetime import date, datetime
from typing import Final

from app.db import settlements, tables
from app.db.settlements import SettlementRecord
from app.domain.described import DescribedEnum
from app.resolvers.nested import NestedList
from app.resolvers.paging import Order, ScopedList, order_by


class SettlementOrderField(DescribedEnum):
    CREATED_AT = "CREATED_AT", "Time of recording."
    PAID_ON = "PAID_ON", "Day of payment."
    AMOUNT = "AMOUNT", "Amount. Needs `amounts:read`."


ORDERS: Final[dict[SettlementOrderField, Order[SettlementRecord]]] = {
    SettlementOrderField.CREATED_AT: order_by(tables.settlements, "created_at", datetime),
    SettlementOrderField.PAID_ON: order_by(tables.settlements, "paid_on", date),
    SettlementOrderField.AMOUNT: order_by(tables.settlements, "amount_cents", int),
}
NEWEST_FIRST: Final = order_by(tables.settlements, "created_at", datetime, descending=True)


REVERSALS: Final[NestedList[SettlementRecord]] = NestedList(
    "Settlement.reversals", settlements.REVERSALS_OF, order_by(tables.settlements, "id", str)
)
SETTLEMENTS: Final = ScopedList("settlements", settlements.page, settlements.count, settlements.sums)
