"""How long lists may be: one object prints a field's `@listSize`, or an input's `@constraint`, and is what the cost
counts or the input is checked against.

`@listSize` is that of the cost directives specification (https://ibm.github.io/graphql-specs/cost-spec.html).
"""

from typing import Any, Final, Self

import strawberry
from graphql import GraphQLField
from strawberry import UNSET
from strawberry.schema_directive import Location

_DEFINITION: Final = "strawberry-definition"


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="The longest list of the field, or of the fields that it sizes.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=UNSET)
    require_one_slicing_argument: bool | None = strawberry.directive_field(
        name="requireOneSlicingArgument", default=True
    )
    unasked = 0

    @classmethod
    def at_most(cls, number: int) -> Self:
        """A list of at most so many objects, whatever its arguments are."""
        return cls(assumed_size=number, require_one_slicing_argument=UNSET)

    @classmethod
    def sliced_by(cls, argument: str, number: int) -> Self:
        """A list as long as the argument, and of at most so many objects."""
        return cls(assumed_size=number, slicing_arguments=[argument], require_one_slicing_argument=False)

    @classmethod
    def page_of(cls, unasked: int, number: int) -> Self:
        """A connection with as many objects as `first` or `last` says, at most so many, and `unasked` without them."""
        found = cls(
            assumed_size=number,
            slicing_arguments=["first", "last"],
            sized_fields=["nodes", "edges"],
            require_one_slicing_argument=False,
        )
        found.unasked = unasked
        return found

    @property
    def most(self) -> int:
        """The number of objects that it never exceeds."""
        return int(self.assumed_size or 0)


@strawberry.schema_directive(
    locations=[Location.INPUT_FIELD_DEFINITION, Location.ARGUMENT_DEFINITION],
    name="constraint",
    description="The longest list that is accepted.",
)
class Constraint:
    max_items: int = strawberry.directive_field(name="maxItems")
    checked_by_service = False


def list_size_of(definition: GraphQLField | None) -> ListSize | None:
    """The declared size of a field; None for a field that is neither a list nor sizes one."""
    found = declared(definition, ListSize)
    return found if isinstance(found, ListSize) else None


def declared(definition: Any, kind: type) -> Any:
    """The directive of this kind on a field, an argument or an input field of the schema; None if there is none."""
    source = (definition.extensions or {}).get(_DEFINITION) if definition is not None else None
    return next((each for each in getattr(source, "directives", ()) or () if isinstance(each, kind)), None)
