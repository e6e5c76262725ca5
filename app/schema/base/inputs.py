"""Converting inputs: Strawberry does it before it calls the field's resolver, and so before the permission is checked
and while everybody else waits. A deferred input is converted by the resolver, one with long lists in a thread."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Final, TypeVar

import strawberry
from strawberry.types.arguments import InputContext

from app.domain.errors import Failure

Result = TypeVar("Result")
LONG_LIST: Final = 50


@dataclass(frozen=True, slots=True)
class Deferred:
    """An input of this type that is not converted yet."""

    type: type[Any]
    value: Mapping[str, Any]
    context: InputContext

    @property
    def is_long(self) -> bool:
        """Whether converting and checking it takes long enough for others to notice."""
        return _has_long_list(self.value)

    def converted(self) -> Any:
        """The input object, as Strawberry makes it."""
        fields = self.type.__strawberry_definition__.fields
        found: dict[str, Any] = {
            field.python_name: None
            for field in fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }
        for field in fields:
            name = self.context.config.name_converter.from_field(field)
            if name in self.value:
                kind = field.resolve_type(type_definition=self.type.__strawberry_definition__)
                found[field.python_name] = self.context.convert(self.value[name], kind, name)
        return self.type(**found)


class Whole:
    """An input whose values are also checked together."""

    def failure(self) -> Failure | None:
        """Why they do not fit together; one that its scalar could not parse is a failure of its own, and is given."""
        raise NotImplementedError


def _has_long_list(value: Mapping[str, Any]) -> bool:
    """Whether a list of the input, or of an input in it, is long; lists in lists are as short as their own limits."""
    return any(
        len(part) > LONG_LIST if isinstance(part, list) else isinstance(part, Mapping) and _has_long_list(part)
        for part in value.values()
    )


def member(value: Any) -> Any:
    """The value of a member of a @oneOf input; None for the members that were not chosen."""
    return None if value is strawberry.UNSET else value


def defer(input: type[Any]) -> None:
    """Give resolvers a Deferred wherever the schema says `input`; it must not be part of another input."""
    input.__strawberry_definition__.from_input = Deferred


async def read(deferred: Deferred, check: Callable[[Any], Result]) -> Result:
    """What `check` makes of the input object. A thread calls it for a long input, so that the loop has its turns."""

    def convert_and_check() -> Result:
        return check(deferred.converted())

    return await asyncio.to_thread(convert_and_check) if deferred.is_long else convert_and_check()
