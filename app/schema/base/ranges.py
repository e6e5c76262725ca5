"""Ranges of filters: both ends are included, and an omitted end is open."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.domain.errors import ErrorCode, Failure
from app.domain.money import Cents
from app.schema.base.inputs import Whole
from app.schema.base.scalars import Invalid
from app.schema.base.types import input_type

FIRST = "Lower end; null for no limit."
LAST = "Upper end; null for no limit."


class Range(Whole):
    """What every range has; its ends are values of one type that can be compared."""

    first: Any
    last: Any

    def failure(self) -> Failure | None:
        """Why no value can be in it; an end that its scalar could not parse is a failure of its own."""
        ends = (self.first, self.last)
        if any(end is None or isinstance(end, Invalid) for end in ends) or self.first <= self.last:
            return None
        return Failure(ErrorCode.INVALID_INPUT, "the range must not end before it starts", "to")


@input_type(description="A range of days, both ends included; an omitted end is open.")
class DateRangeInput(Range):
    first: date | None = strawberry.field(default=None, name="from", description=FIRST)
    last: date | None = strawberry.field(default=None, name="to", description=LAST)


@input_type(description="A range of time, both ends included; an omitted end is open.")
class DateTimeRangeInput(Range):
    first: datetime | None = strawberry.field(default=None, name="from", description=FIRST)
    last: datetime | None = strawberry.field(default=None, name="to", description=LAST)


@input_type(description="A range of amounts, both ends included; an omitted end is open.")
class MoneyRangeInput(Range):
    first: Cents | None = strawberry.field(default=None, name="from", description=FIRST)
    last: Cents | None = strawberry.field(default=None, name="to", description=LAST)


def bounds(given: Range | None) -> tuple[Any, Any]:
    """The ends of a range: what the database layer's filters expect; None is no limit."""
    return (None, None) if given is None else (given.first, given.last)
