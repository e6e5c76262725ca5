"""Resolvers for unapplied credits and their uses."""

from datetime import datetime
from typing import Final

from app.db import queue_tables, unapplied_credits
from app.db.unapplied_credits import CreditMoveRecord
from app.resolvers.nested import NestedList
from app.resolvers.paging import ScopedList, order_by

USES: Final[NestedList[CreditMoveRecord]] = NestedList(
    "UnappliedCredit.uses", unapplied_credits.MOVES_OF, order_by(queue_tables.unapplied_credit_moves, "id", str)
)
CREDITS: Final = ScopedList("unappliedCredits", unapplied_credits.page, unapplied_credits.count)
OLDEST_FIRST: Final = order_by(queue_tables.unapplied_credits, "created_at", datetime)
