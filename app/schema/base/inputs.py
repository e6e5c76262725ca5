"""Converting inputs: Strawberry does it before it calls the field's resolver, and so before the permission is checked
and while everybody else waits. A deferred input is converted by the resolver, one with long lists in a thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from functools import cache
from typing import Any, Final, TypeVar

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import InputContext
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    StrawberryType,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition

from app.domain.errors import Failure
from app.values.frozen import frozen

Result = TypeVar("Result")
Convert = Callable[[Any, InputContext], Any]
LONG_LIST: Final = 50
Part = tuple[str, str, Convert | None]
_PARTS: Final[dict[Any, Sequence[Part]]] = {}
"""Strawberry finds these out for each value again, most of the time of converting a claim of 100 items. The names are
the same in every schema of the process."""


@frozen
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
        return _object(self.type, self.value, self.context)


class Whole:
    """An input whose values are also checked together."""

    def failure(self) -> Failure | None:
        """Why they do not fit together; one that its scalar could not parse is a failure of its own, and is given."""
        raise NotImplementedError


def _object(kind: Any, value: Mapping[str, Any], context: InputContext) -> Any:
    """The object of this input type."""
    found = dict(_absent(kind))
    for name, python_name, convert in _PARTS.get(kind) or _parts(kind, context.config):
        if name in value:
            part = value[name]
            if convert is not None and part is not None and part is not strawberry.UNSET:
                part = convert(part, context)
            found[python_name] = part
    return kind(**found)


@cache
def _absent(kind: Any) -> dict[str, None]:
    """The fields that are null if they are not given."""
    fields = kind.__strawberry_definition__.fields
    no_default = [each for each in fields if each.default_value is MISSING and each.default_factory is MISSING]
    return {each.python_name: None for each in no_default}


def _parts(kind: Any, config: StrawberryConfig) -> Sequence[Part]:
    """The fields by their names in the schema and in Python, with what makes their values; found once for each type."""
    definition = kind.__strawberry_definition__
    _PARTS[kind] = [
        (
            config.name_converter.from_field(each),
            each.python_name,
            _convert(each.resolve_type(type_definition=definition)),
        )
        for each in definition.fields
    ]
    return _PARTS[kind]


def _convert(kind: Any) -> Convert | None:
    """What makes a value of this type that is not null; None if it is as graphql-core has made it."""
    if isinstance(kind, StrawberryOptional) and not isinstance(kind, StrawberryMaybe):
        return _convert(kind.of_type)
    if isinstance(kind, StrawberryList):
        return _list(_convert(kind.of_type))
    if has_object_definition(kind) and kind.__strawberry_definition__.from_input is None:
        return lambda value, context: _object(kind, value, context)
    is_leaf = isinstance(kind, StrawberryEnumDefinition) or not isinstance(kind, StrawberryType)
    return None if is_leaf else lambda value, context: context.convert(value, kind)


def _list(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda value, _context: list(value)
    return lambda value, context: [None if each is None else convert(each, context) for each in value]


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
