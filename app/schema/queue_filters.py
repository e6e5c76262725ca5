"""How the queue of waiting lines is filtered."""

from dataclasses import replace
from datetime import date
from typing import Final

import strawberry

from app.db.line_queue import LineFilter, QueueFilter
from app.db.remittances import RemittanceFilter
from app.schema.base import filters
from app.schema.base.enums import RemittanceLineProblem
from app.schema.base.filters import given
from app.schema.base.ranges import DateTimeRangeInput, bounds
from app.schema.base.types import input_type
from app.schema.remittance_lists import RemittanceFilterInput

LINE_FILTER: Final = strawberry.argument(description="Filter for the lines themselves; null for all.")


@input_type(description="Filter for waiting lines. Every given condition must match; ranges include both ends.")
class WaitingLineFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    problems: list[RemittanceLineProblem] | None = filters.any_of(
        "Reason why they wait", len(RemittanceLineProblem), name="problem"
    )
    reason_codes: list[str] | None = filters.any_of(
        "Reason of the first denial, a code of Tabela 38 (tipoGlosa)", name="reasonCode"
    )
    assigned_to: str | None = strawberry.field(
        name="assignee", default=None, description="Who works on them, the subject of a token."
    )
    is_assigned: bool | None = strawberry.field(default=None, description="Whether somebody works on them.")
    is_set_aside: bool | None = strawberry.field(
        default=None, description="Whether they are set aside until a day after today."
    )
    waiting_since: DateTimeRangeInput | None = strawberry.field(default=None, description="Since when they wait.")

    def where(self) -> LineFilter:
        """The filter as the database layer expects it."""
        return LineFilter(
            ids=given(self.ids),
            problems=given(self.problems),
            reason_codes=given(self.reason_codes),
            assigned_to=self.assigned_to,
            is_assigned=self.is_assigned,
            is_set_aside=self.is_set_aside,
            waiting_since=bounds(self.waiting_since),
        )


def queue_filter(
    of_remittance: RemittanceFilterInput | None, of_line: WaitingLineFilterInput | None, *, today: date | None = None
) -> QueueFilter:
    """Both filters as the database layer expects them."""
    where = LineFilter() if of_line is None else of_line.where()
    statements = RemittanceFilter() if of_remittance is None else of_remittance.where()
    # Only one condition depends on the day, and a cursor is bound to its filter.
    return QueueFilter(statements, where if where.is_set_aside is None else replace(where, today=today))
