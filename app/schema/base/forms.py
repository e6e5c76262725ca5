"""A form with values that cannot be read: the others are checked all the same, so that its sender hears of everything
at once instead of round by round."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from strawberry.types.base import has_object_definition
from strawberry.types.maybe import Some

from app.domain.errors import BillingError, ErrorCode, Failure
from app.schema.base.scalars import Invalid
from app.schema.base.user_errors import located
from app.services.tuss import OUTDATED
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Malformed:
    """The arguments of a service, with something readable instead of each value that is not, and why these are not."""

    arguments: dict[str, Any]
    failures: tuple[Failure, ...]


def readable(value: Any) -> Any:
    """The input tree with a stand-in for every value that its scalar could not parse."""
    if isinstance(value, Invalid):
        return value.instead
    if isinstance(value, Some):
        return Some(readable(value.value))
    if isinstance(value, list):
        return [readable(part) for part in value]
    if has_object_definition(value):
        for field in value.__strawberry_definition__.fields:
            setattr(value, field.python_name, readable(getattr(value, field.python_name)))
    return value


def refusing(action: Action[Any], input: type[Any], malformed: Sequence[Failure]) -> Action[Any]:
    """The action as a check: it runs with stand-ins, and always ends with a refusal, so that nothing is kept."""

    async def run(unit: UnitOfWork, **arguments: Any) -> Any:
        found: Sequence[Failure] = ()
        try:
            await action.run(unit, **arguments)
        except BillingError as error:
            found = [located(input, failure) for failure in error.failures]
        raise BillingError(*malformed, *(each for each in found if not _is_of_a_stand_in(each, malformed)))

    return replace(action, run=run)


def _is_of_a_stand_in(failure: Failure, malformed: Sequence[Failure]) -> bool:
    """Whether the failure may be about a stand-in: at its place, inside of it, or about a whole that it belongs to."""
    place = f"{failure.field or ''}."
    if any(place.startswith(f"{each.field}.") or f"{each.field}.".startswith(place) for each in malformed):
        return True
    is_of_a_day = failure.message == OUTDATED and any(each.code is ErrorCode.INVALID_DATE for each in malformed)
    return failure.code is ErrorCode.TOTAL_MISMATCH or is_of_a_day
