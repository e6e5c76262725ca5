"""How much of a caller's rate an operation takes: each root field takes as many tokens as its `@cost` says.

`@cost` is that of the cost directives specification (https://ibm.github.io/graphql-specs/cost-spec.html).
"""

from collections import Counter
from typing import Any, Final, Self

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)
from strawberry.schema_directive import Location

_DEFINITION: Final = "strawberry-definition"


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="How many tokens of the caller's rate the field takes; without it a root field takes 1.",
)
class Weight:
    weight: str

    @classmethod
    def of(cls, tokens: int) -> Self:
        """The directive of a root field that takes so many tokens."""
        return cls(weight=str(tokens))


class Weights:
    """The tokens of each root field of a schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._of_type = {
            kind: {name: _declared(field) for name, field in root.fields.items()}
            for kind in OperationType
            if (root := schema.get_root_type(kind)) is not None
        }

    def of(self, tree: DocumentNode, operation: OperationDefinitionNode) -> int:
        """The tokens of all root fields of a valid document's operation; `__typename` and introspection take none."""
        tokens = self._of_type[operation.operation]
        names = _root_fields(tree, operation.selection_set, {})
        return sum(tokens.get(name, 0) * count for name, count in names.items())


def _declared(field: GraphQLField) -> int:
    directives: Any = getattr((field.extensions or {}).get(_DEFINITION), "directives", None) or ()
    return next((int(each.weight) for each in directives if isinstance(each, Weight)), 1)


def _root_fields(tree: DocumentNode, selections: SelectionSetNode, known: dict[str, Counter[str]]) -> Counter[str]:
    """Name -> how often the field is selected. Each fragment is counted once and remembered: a chain of fragments that
    each spread the next one twice has 2**n paths."""
    found: Counter[str] = Counter()
    for each in selections.selections:
        if isinstance(each, FieldNode):
            found[each.name.value] += 1
        elif isinstance(each, InlineFragmentNode):
            found += _root_fields(tree, each.selection_set, known)
        elif isinstance(each, FragmentSpreadNode):
            name = each.name.value
            if name not in known:
                known[name] = _root_fields(tree, _fragment(tree, name).selection_set, known)
            found += known[name]
    return found


def _fragment(tree: DocumentNode, name: str) -> FragmentDefinitionNode:
    return next(
        node for node in tree.definitions if isinstance(node, FragmentDefinitionNode) and node.name.value == name
    )
