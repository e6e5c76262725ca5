"""The cost of an operation: how many fields its answer may hold, as a formula over the request's variables.

Each field costs 1, and what is selected below a list counts as often as the list may be long, which the schema declares
by `@listSize` (`sizes.py`). A page is as long as its `first` or `last`, `nodes(ids:)` as the list of ids. With $n = 5,

    query ($n: Int!) {             1 + 1 + 5 * (1 + 200 * 1) = 1,007
      claims(first: $n) {          1: a field that gives one object
        nodes {                    1: a list of $n objects, since its page was asked for that many
          items { code }           1 for items, then 1 for code in each of at most 200 items
    } } }

Each value in a list of the input costs INPUT_COST, since each is checked, and most are written or looked up.

The formula is built once per document (`measure.py`) and evaluated for each request, with coerced variables: what the
resolvers get is what is counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)

from app.transport.sizes import list_size_of
from app.values.frozen import frozen

# For a list without a declared size: an architecture test allows none in the gateway's own schema.
UNDECLARED_SIZE: Final = 100
INPUT_COST: Final = 20
COST_CEILING: Final = 10**12


@frozen
class Size:
    """How long a list may be: `number`, or the largest of what variables say (their own number, or how many values they
    hold), and at most `most`: for longer lists the field itself returns an error."""

    number: int
    variables: tuple[str, ...] = ()
    most: int = COST_CEILING

    def of(self, variables: Mapping[str, Any]) -> int:
        """The size with these coerced variables; `number` if none of them is given."""
        found = [_number_of(variables.get(each)) for each in self.variables]
        number = max((each for each in found if each is not None), default=self.number)
        return min(max(number, 0), self.most)


def _number_of(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else value if isinstance(value, int) else None


ONE: Final = Size(1)


@frozen
class Page:
    """What a field says of the lists below it: the size of those of its own fields that are named."""

    size: Size = ONE
    fields: frozenset[str] = frozenset()


NO_PAGE: Final = Page()


@dataclass(slots=True)
class Cost:
    """The cost of a selection: `own` for its fields and literal input, `inputs` for variables in arguments, and the
    costs below, each as often as its list may be long."""

    own: int = 0
    below: list[tuple[Size, "Cost"]] = field(default_factory=list)
    inputs: tuple[str, ...] = ()

    def of(self, variables: Mapping[str, Any], evaluated: dict[int | str, int] | None = None) -> int:
        """The cost with these coerced variables, at most COST_CEILING.

        Shared fragments are evaluated once: where each of 40 fragments spreads the next one twice, the formula has 41
        parts but 2**40 paths, and only `evaluated` (part or variable -> its cost) keeps this from walking them all.
        """
        evaluated = {} if evaluated is None else evaluated
        found = evaluated.get(id(self))
        if found is None:
            given = sum(_input_cost(name, variables, evaluated) for name in self.inputs)
            costs = sum(size.of(variables) * cost.of(variables, evaluated) for size, cost in self.below)
            found = evaluated[id(self)] = min(self.own + given + costs, COST_CEILING)
        return found


LEAF: Final = Cost(1)


def page_of(node: FieldNode, definition: GraphQLField | None) -> Page:
    """The page that the field asks for; NO_PAGE for a field without pages."""
    declared = list_size_of(definition)
    if declared is None or not declared.sized_fields:
        return NO_PAGE
    return Page(_declared_size(node, definition), frozenset(declared.sized_fields))


def list_size(node: FieldNode, definition: GraphQLField | None, page: Page) -> Size:
    """How many objects the field gives; `page` is what its parent says."""
    if definition is None or not is_list(definition.type):
        return ONE
    return page.size if node.name.value in page.fields else _declared_size(node, definition)


def _declared_size(node: FieldNode, definition: GraphQLField | None) -> Size:
    declared = list_size_of(definition)
    if declared is None or definition is None:
        return Size(UNDECLARED_SIZE)
    names = declared.slicing_arguments or ()
    given = [each.value for each in node.arguments or () if each.name.value in names]
    variables = tuple(each.name.value for each in given if isinstance(each, VariableNode))
    literals = [each for each in (_literal_size(value, declared.most) for value in given) if each is not None]
    # A literal beside a variable: the call is refused for it, or the variable is null.
    return Size(max(literals, default=declared.unasked or declared.most), variables, declared.most)


def _literal_size(value: ValueNode, most: int) -> int | None:
    if isinstance(value, ListValueNode):
        return len(value.values)
    if isinstance(value, IntValueNode):
        # The length is checked first: to convert a number of thousands of digits would take time, or fail.
        return int(value.value) if len(value.value) < 10 else most
    return None


def is_list(kind: Any) -> bool:
    """Whether the type, nullable or not, is a list."""
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def field_cost(node: FieldNode, below: list[tuple[Size, Cost]]) -> Cost:
    """The cost of a field with what is selected below it."""
    if not node.arguments:
        return Cost(1, below) if below else LEAF
    count, variables = 0, []
    for value in _values(argument.value for argument in node.arguments):
        if isinstance(value, ListValueNode):
            count += len(value.values)
        elif isinstance(value, VariableNode):
            variables.append(value.name.value)
    return Cost(1 + INPUT_COST * count, below, tuple(variables))


def _values(given: Iterable[ValueNode]) -> Iterable[ValueNode]:
    """These values and all values in them."""
    waiting = list(given)
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, ListValueNode):
            waiting += value.values
        elif isinstance(value, ObjectValueNode):
            waiting += [each.value for each in value.fields]


def _input_cost(name: str, variables: Mapping[str, Any], evaluated: dict[int | str, int]) -> int:
    found = evaluated.get(name)
    if found is None:
        found = evaluated[name] = INPUT_COST * _elements(variables.get(name))
    return found


def _elements(given: Any) -> int:
    """How many values all lists in a coerced value hold together."""
    count, waiting = 0, [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            count += len(value)
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
    return count
