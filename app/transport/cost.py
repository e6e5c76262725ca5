"""The cost of an operation: how many fields its answer may hold, as a formula over the request's variables.

Each field costs 1, and what is selected below a list counts as often as the list may be long: its page's `first` (for
`nodes` and `edges`), the number of its `ids`, else LIST_SIZE. With $n = 5,

    query ($n: Int!) {             1 + 1 + 5 * (1 + 10 * 1) = 57
      claims(first: $n) {          1: a field that gives one object
        nodes {                    1: a list of $n objects, since its page was asked for that many
          items { code }           1 for items, then 1 for code in each of LIST_SIZE = 10 items
    } } }

The formula is built once per document (`measure.py`) and evaluated for each request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    IntValueNode,
    ListValueNode,
    ValueNode,
    VariableNode,
)

LIST_SIZE: Final = 10
LIST_SIZE_MAX: Final = 100
COST_CEILING: Final = 10**12
_PAGE_LISTS: Final = frozenset({"nodes", "edges"})


@dataclass(frozen=True, slots=True)
class Size:
    """How long a list may be: a number, or what a variable says (its own number, or how many values it holds)."""

    number: int
    variable: str | None = None

    def of(self, variables: Mapping[str, Any]) -> int:
        """The size with these variables, at most LIST_SIZE_MAX: for longer pages the field itself returns an error.
        A variable that is not a size counts as the default number."""
        found = variables.get(self.variable) if self.variable else None
        if isinstance(found, list):
            return min(len(found), LIST_SIZE_MAX)
        is_size = isinstance(found, int) and not isinstance(found, bool) and found > 0
        return min(int(found or 0) if is_size else self.number, LIST_SIZE_MAX)


ONE: Final = Size(1)


@dataclass(slots=True)
class Cost:
    """The cost of a selection: `own` for its fields, and the costs below, each as often as its list may be long."""

    own: int = 0
    below: list[tuple[Size, "Cost"]] = field(default_factory=list)

    def of(self, variables: Mapping[str, Any], evaluated: dict[int, int] | None = None) -> int:
        """The cost with these variables, at most COST_CEILING.

        Shared fragments are evaluated once: where each of 40 fragments spreads the next one twice, the formula has 41
        parts but 2**40 paths, and only `evaluated` (part -> its cost) keeps this from walking them all.
        """
        evaluated = {} if evaluated is None else evaluated
        found = evaluated.get(id(self))
        if found is None:
            costs = (size.of(variables) * cost.of(variables, evaluated) for size, cost in self.below)
            found = evaluated[id(self)] = min(self.own + sum(costs), COST_CEILING)
        return found


LEAF: Final = Cost(1)


def page_size(node: FieldNode, definition: GraphQLField | None) -> Size:
    """The size of the page that the field asks for by `first`; ONE for a field without pages."""
    argument = definition.args.get("first") if definition else None
    if argument is None:
        return ONE
    default = argument.default_value if isinstance(argument.default_value, int) else LIST_SIZE
    return next((_given_size(value, default) for value in _arguments(node, "first")), Size(default))


def list_size(node: FieldNode, definition: GraphQLField | None, page: Size) -> Size:
    """How many objects the field gives; `page` is the page size of its parent."""
    if definition is None or not _is_list(definition):
        return ONE
    if node.name.value in _PAGE_LISTS and page is not ONE:
        return page
    ids = next(_arguments(node, "ids"), None)
    if isinstance(ids, ListValueNode):
        return Size(len(ids.values))
    return Size(LIST_SIZE, ids.name.value) if isinstance(ids, VariableNode) else Size(LIST_SIZE)


def _is_list(definition: GraphQLField) -> bool:
    kind = definition.type.of_type if isinstance(definition.type, GraphQLNonNull) else definition.type
    return isinstance(kind, GraphQLList)


def _arguments(node: FieldNode, name: str) -> Iterator[ValueNode]:
    return (argument.value for argument in node.arguments or () if argument.name.value == name)


def _given_size(value: ValueNode, default: int) -> Size:
    if isinstance(value, VariableNode):
        return Size(default, value.name.value)
    # The length is checked first: to convert a number of thousands of digits would take time, or fail.
    is_number = isinstance(value, IntValueNode) and len(value.value) < 10
    return Size(max(int(value.value), 0)) if isinstance(value, IntValueNode) and is_number else Size(default)
