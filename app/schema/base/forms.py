"""A form with values that cannot be read: the others are checked all the same, so that its sender hears of everything
at once instead of round by round."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from strawberry import UNSET
from strawberry.types.base import StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.maybe import Some

from app.domain.errors import BillingError, ErrorCode, Failure
from app.schema.base import lists
from app.schema.base.scalars import Invalid
from app.services.outcomes import Outcome
from app.services.tuss import OUTDATED
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class Malformed:
    """The arguments of a service, with something readable instead of each value that is not, and why these are not."""

    arguments: Mapping[str, Any]
    failures: tuple[Failure, ...]


def readable(value: Any) -> Any:
    """The input tree with a stand-in for every value that its scalar could not parse, and the beginning of every list
    that is too long."""
    if isinstance(value, Invalid):
        return value.instead
    if isinstance(value, Some):
        return Some(readable(value.value))
    if isinstance(value, list):
        return [readable(part) for part in value]
    if has_object_definition(value):
        for field in value.__strawberry_definition__.fields:
            setattr(value, field.python_name, _readable_part(field, getattr(value, field.python_name)))
    return value


def _readable_part(field: StrawberryField, part: Any) -> Any:
    """As if a value that may be left out had been: what is said of the others then says nothing of a stand-in."""
    if isinstance(part, Some) and isinstance(part.value, Invalid):
        return None
    if isinstance(part, Invalid) and isinstance(field.type, StrawberryOptional):
        return UNSET if field.default_value is UNSET else None
    return readable(lists.beginning(field, part))


def refusing(action: Action[Any], malformed: Sequence[Failure]) -> Action[Any]:
    """The action as a check: it runs with stand-ins, and always ends with a refusal, so that nothing is kept."""

    async def run(unit: UnitOfWork, **arguments: Any) -> Any:
        try:
            found = _refused(await action.run(unit, **arguments))
        except BillingError as error:
            found = error.failures
        raise BillingError(*malformed, *found)

    return replace(action, run=run)


def _refused(result: Any) -> Sequence[Failure]:
    """What is refused of single objects."""
    outcomes = result if isinstance(result, list) else []
    return [failure for each in outcomes if isinstance(each, Outcome) for failure in each.failures]


def joined(malformed: Sequence[Failure], found: Sequence[Failure]) -> list[Failure]:
    """The reasons of both kinds, without those that may be about a stand-in."""
    if not malformed:
        return list(found)
    return [*malformed, *(each for each in found if not _is_of_a_stand_in(each, malformed))]


def _is_of_a_stand_in(failure: Failure, malformed: Sequence[Failure]) -> bool:
    """Whether the failure may be about a stand-in: at its place, inside of it, or about a whole that it belongs to."""
    place = f"{failure.field or ''}."
    if any(place.startswith(f"{each.field}.") or f"{each.field}.".startswith(place) for each in malformed):
        return True
    is_of_a_day = failure.message == OUTDATED and any(each.code is ErrorCode.INVALID_DATE for each in malformed)
    return failure.code is ErrorCode.TOTAL_MISMATCH or is_of_a_day
