"""How far a selection leads from the object of an event: to what belongs to the same provider and payer, or further.

Types declare whose their objects are (`Owner`), so that each field is judged by the type that has it and by the type
that it gives. A selection that stays inside shows the same to every caller with the same permissions whose data scope
contains that provider and payer, because no row that it reads belongs to anybody else.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FragmentDetails

from app.executor.rules import NotPlanned

_DEFINITION: Final = "strawberry-definition"
OWNER: Final = "owner"
"""The attribute of a type's class that says whose its objects are; a type without it is a part of what leads to it."""


class Owner(Enum):
    """Whose the objects of a type are: of one provider and one payer, as all objects of such types that they lead to;
    everybody's, read without a data scope; or anything else, which the data scope decides."""

    PARTIES = auto()
    EVERYBODY = auto()
    SCOPED = auto()


def leads_out(kind: Any, field: GraphQLField) -> bool:
    """Whether the field of this type may show something else to a caller with a larger data scope."""
    source, target = _owner(kind), get_named_type(field.type)
    if is_leaf_type(target):
        # What is on the row itself is the same for whoever reached the row.
        return source not in {None, Owner.PARTIES} and field.extensions[_DEFINITION].base_resolver is not None
    owner = _owner(target)
    return owner is not Owner.EVERYBODY and not {source, owner} <= {None, Owner.PARTIES}


def _owner(kind: Any) -> Owner | None:
    definition = kind.extensions.get(_DEFINITION)
    return Owner.SCOPED if definition is None else getattr(definition.origin, OWNER, None)


def stays_inside(
    schema: GraphQLSchema, kind: Any, selected: SelectionSetNode, fragments: Mapping[str, FragmentDetails], context: Any
) -> bool:
    """Whether everything selected of an object of this type is the same for every caller who sees the object and has
    the permissions of this one. What @skip and @include leave out counts as well."""
    return _Walk(schema, fragments, context).stays(kind, selected)


class _Walk:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDetails], context: Any) -> None:
        self._schema = schema
        self._fragments = fragments
        self._context = context
        self._seen: set[str] = set()

    def stays(self, kind: Any, selected: SelectionSetNode | None) -> bool:
        """Whether the selection of this type stays inside."""
        return selected is None or all(self._one(kind, each) for each in selected.selections)

    def _one(self, kind: Any, node: SelectionNode) -> bool:
        if isinstance(node, FieldNode):
            return self._field(kind, node)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            return self.stays(kind if condition is None else self._type(condition.name.value), node.selection_set)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 - there is no other selection
        return self._fragment(node.name.value)

    def _fragment(self, name: str) -> bool:
        """A fragment names its type, and is judged once however often it is spread."""
        if name in self._seen:
            return True
        self._seen.add(name)
        definition = self._fragments[name].definition
        return self.stays(self._type(definition.type_condition.name.value), definition.selection_set)

    def _field(self, kind: Any, node: FieldNode) -> bool:
        name = node.name.value
        if name == "__typename":
            return True
        field = self._schema.get_field(kind, name)
        if field is None or name.startswith("__") or leads_out(kind, field) or self._depends_on_caller(field):
            return False
        return self.stays(get_named_type(field.type), node.selection_set)

    def _depends_on_caller(self, field: GraphQLField) -> bool:
        """Whether the rule of the field decides by more than the permissions of the caller."""
        try:
            for rule in field.extensions[_DEFINITION].extensions:
                rule.verdict(self._context)
        except NotPlanned:
            return True
        return False

    def _type(self, name: str) -> Any:
        return self._schema.type_map[name]
