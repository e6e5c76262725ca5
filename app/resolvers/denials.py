"""Resolvers for denials (glosas)."""

from datetime import date, datetime
from typing import Final

from app.db import denials, tables
from app.db.denials import DenialRecord
from app.domain.described import DescribedEnum
from app.resolvers.paging import Order, ScopedList, order_by


class DenialOrderField(DescribedEnum):
    APPEAL_DEADLINE = "APPEAL_DEADLINE", "Last day to appeal."
    CREATED_AT = "CREATED_AT", "Time of the payer's denial."
    AMOUNT = "AMOUNT", "Denied amount. Needs `amounts:read`."


ORDERS: Final[dict[DenialOrderField, Order[DenialRecord]]] = {
    DenialOrderField.APPEAL_DEADLINE: order_by(tables.denials, "appeal_deadline", date),
    DenialOrderField.CREATED_AT: order_by(tables.denials, "created_at", datetime),
    DenialOrderField.AMOUNT: order_by(tables.denials, "amount_cents", int),
}
DEADLINE_FIRST: Final = ORDERS[DenialOrderField.APPEAL_DEADLINE]


DENIALS: Final = ScopedList("denials", denials.page, denials.count, denials.sums)
