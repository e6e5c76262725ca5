"""Resolvers for items that were paid below the contract's price."""

from typing import Final

from app.db import tables, underpayments
from app.db.underpayments import UnderpaymentRecord
from app.resolvers.paging import Order, ScopedList, order_by

OLDEST_FIRST: Final[Order[UnderpaymentRecord]] = order_by(tables.claim_items, "id", str)
UNDERPAYMENTS: Final = ScopedList("underpayments", underpayments.page, underpayments.count)
