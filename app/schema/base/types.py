"""Declares the object types, inputs and interfaces of the schema.

Each class is documented by its description. Strawberry makes it a dataclass, and one without a text of its own is given
its signature as the text, which took 0.1 ms a type and a twentieth of a start.
"""

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.field import StrawberryField

Class = TypeVar("Class", bound=type[Any])


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field, StrawberryField))
def object_type(*, description: str | None = None, **options: Any) -> Callable[[Class], Class]:
    """As `strawberry.type`."""
    return _declared(strawberry.type, description, options)


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field, StrawberryField))
def input_type(*, description: str | None = None, **options: Any) -> Callable[[Class], Class]:
    """As `strawberry.input`."""
    return _declared(strawberry.input, description, options)


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field, StrawberryField))
def interface_type(*, description: str | None = None, **options: Any) -> Callable[[Class], Class]:
    """As `strawberry.interface`."""
    return _declared(strawberry.interface, description, options)


def _declared(
    declare: Callable[..., Any], description: str | None, options: dict[str, Any]
) -> Callable[[Class], Class]:
    def documented(cls: Class) -> Class:
        cls.__doc__ = cls.__doc__ or description or cls.__name__
        found: Class = declare(cls, description=description, **options)
        return found

    return documented
