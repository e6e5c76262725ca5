"""What a document may ask for: one walk that visits each selection once finds its depth, aliases, directives,
fragments, repeated fields, and the cost of each operation.

The walk runs before validation, which itself costs the square of repeated fields and of fragments: so it meets unknown
fields, types and fragments, and leaves it to validation to name them.

Cost counts what the answer may hold: 1 for each field, and what stands below a list as often as the list may be long.
That is its `first` (for `nodes` and `edges`), the number of its `ids`, else LIST_SIZE. Introspection counts each once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from app.transport import errors
from app.transport.errors import Refused, RequestError

LIST_SIZE: Final = 10
LIST_SIZE_MAX: Final = 100
COST_CEILING: Final = 10**12
_SLICED: Final = frozenset({"nodes", "edges"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a document may ask for; `repeats` is the sum of squares of how often each response name stands."""

    depth: int = 15
    aliases: int = 100
    directives: int = 50
    root_fields: int = 20
    fragments: int = 50
    spreads: int = 100
    repeats: int = 10_000
    cost: int = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How long a list may be: a number, or what a variable says (its own number, or how many it holds)."""

    number: int
    variable: str | None = None

    def of(self, variables: Mapping[str, Any]) -> int:
        """The size for these variables; what is no size counts as the number, and whoever asks for more than a page
        holds is refused by the list itself."""
        found = variables.get(self.variable) if self.variable else None
        if isinstance(found, list):
            return min(len(found), LIST_SIZE_MAX)
        is_size = isinstance(found, int) and not isinstance(found, bool) and found > 0
        return min(int(found or 0) if is_size else self.number, LIST_SIZE_MAX)


ONE: Final = Size(1)


@dataclass(slots=True)
class Weight:
    """The cost of a selection: `own` for its fields, and those below, each as often as its list may be long."""

    own: int = 0
    below: list[tuple[Size, "Weight"]] = field(default_factory=list)

    def of(self, variables: Mapping[str, Any], known: dict[int, int] | None = None) -> int:
        """The cost for these variables, at most COST_CEILING; shared parts are counted out once."""
        known = {} if known is None else known
        found = known.get(id(self))
        if found is None:
            parts = (size.of(variables) * weight.of(variables, known) for size, weight in self.below)
            found = known[id(self)] = min(self.own + sum(parts), COST_CEILING)
        return found


@dataclass(frozen=True, slots=True)
class Measure:
    """What the walk found of one operation."""

    depth: int
    aliases: int
    directives: int
    root_fields: int
    weight: Weight
    introspects: bool


class TooComplex(RequestError):
    """A document that asks for too much; the extensions say of what, how much, and how much there may be."""

    def __init__(self, limit: str, found: int, most: int) -> None:
        message = f"the document has too much {limit}: {found}, at most {most}; ask for less, or in several requests"
        super().__init__(errors.TOO_COMPLEX, message)
        self._extensions = {"code": errors.TOO_COMPLEX, "limit": limit, "found": found, "max": most}

    @property
    def extensions(self) -> dict[str, object]:
        return dict(self._extensions)


def check(limit: str, found: int, most: int) -> None:
    """TooComplex if there is more than there may be."""
    if found > most:
        raise TooComplex(limit, found, most)


def measure(schema: GraphQLSchema, tree: DocumentNode, limits: Limits) -> dict[str | None, Measure]:
    """Operation name -> what it asks for; TooComplex for a document over a limit, Refused for a circle of fragments."""
    walk = _Walk(schema, tree, limits)
    return {node.name.value if node.name else None: walk.operation(node) for node in walk.operations}


@dataclass(frozen=True, slots=True)
class _Found:
    """What one selection set asks for, fragments included."""

    depth: int
    aliases: int
    directives: int
    fields: int
    weight: Weight
    introspects: bool


_NOTHING: Final = _Found(0, 0, 0, 0, Weight(), introspects=False)


class _Walk:
    def __init__(self, schema: GraphQLSchema, tree: DocumentNode, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._tree = tree
        self._fragments = {
            node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, _Found] = {}
        self._open: list[str] = []
        self._spreads = 0
        self._repeats = 0
        self._names: Counter[str] = Counter()
        check("fragments", len(self._fragments), limits.fragments)

    @cached_property
    def operations(self) -> list[OperationDefinitionNode]:
        return [node for node in self._tree.definitions if isinstance(node, OperationDefinitionNode)]

    def operation(self, node: OperationDefinitionNode) -> Measure:
        """One operation, held against the limits."""
        found = self._selections(node.selection_set, self._schema.get_root_type(node.operation), ONE, 1)
        directives = found.directives + len(node.directives or ())
        check("depth", found.depth, self._limits.depth)
        check("aliases", found.aliases, self._limits.aliases)
        check("directives", directives, self._limits.directives)
        if node.operation is not OperationType.SUBSCRIPTION:
            check("root fields", found.fields, self._limits.root_fields)
        return Measure(found.depth, found.aliases, directives, found.fields, found.weight, found.introspects)

    def _selections(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None, sliced: Size, level: int
    ) -> _Found:
        """`sliced` is the size of the parent's page, which its `nodes` and `edges` have."""
        if selections is None:
            return _NOTHING
        check("depth", level, self._limits.depth)
        return _sum(self._one(each, parent, sliced, level) for each in selections.selections)

    def _one(self, node: SelectionNode, parent: GraphQLNamedType | None, sliced: Size, level: int) -> _Found:
        directives = len(node.directives or ())
        if isinstance(node, FieldNode):
            return self._field(node, parent, sliced, level, directives)
        if isinstance(node, FragmentSpreadNode):
            found = self._spread(node.name.value, sliced, level)
        else:
            assert isinstance(node, InlineFragmentNode)  # noqa: S101 - there is no other kind of selection
            self._count_spread()
            condition = node.type_condition
            kind = self._schema.get_type(condition.name.value) if condition else parent
            found = self._selections(node.selection_set, kind, sliced, level)
        return _with_directives(found, directives)

    def _count_name(self, name: str) -> None:
        """The sum of squares grows with each field, so that a flood is left at the first one too many."""
        count = self._names[name]
        self._names[name] = count + 1
        self._repeats += 2 * count + 1
        check("repeated fields", self._repeats, self._limits.repeats)

    def _count_spread(self) -> None:
        self._spreads += 1
        check("spreads", self._spreads, self._limits.spreads)

    def _spread(self, name: str, sliced: Size, level: int) -> _Found:
        """A fragment, looked into once: what it holds does not depend on where it stands, but for a page's size."""
        self._count_spread()
        fragment = self._fragments.get(name)
        if fragment is None:
            return _NOTHING
        if name in self._open:
            raise RequestError(errors.VALIDATION_FAILED, "fragments must not spread themselves in a circle")
        key = f"{name} {sliced.variable} {sliced.number}"
        found = self._known.get(key)
        if found is None:
            self._open.append(name)
            kind = self._schema.get_type(fragment.type_condition.name.value)
            inside = self._selections(fragment.selection_set, kind, sliced, 1)
            found = self._known[key] = _with_directives(inside, len(fragment.directives or ()))
            self._open.pop()
        check("depth", level - 1 + found.depth, self._limits.depth)
        return found

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType | None, sliced: Size, level: int, directives: int
    ) -> _Found:
        name = node.name.value
        self._count_name(node.alias.value if node.alias else name)
        known = _field_of(self._schema, parent, name)
        kind = get_named_type(known.type) if known else None
        below = self._selections(node.selection_set, kind, _slice(node, known), level + 1)
        size = ONE if kind is not None and kind.name.startswith("__") else _size(node, name, known, sliced)
        weight = Weight(1, [(size, below.weight)]) if node.selection_set else _LEAF
        return _Found(
            1 + below.depth,
            below.aliases + (node.alias is not None),
            below.directives + directives,
            1,
            weight,
            below.introspects or name in {"__schema", "__type"},
        )


_LEAF: Final = Weight(1)


def _sum(parts: Iterable[_Found]) -> _Found:
    found = list(parts)
    return _Found(
        max((part.depth for part in found), default=0),
        sum(part.aliases for part in found),
        sum(part.directives for part in found),
        sum(part.fields for part in found),
        Weight(0, [(ONE, part.weight) for part in found]),
        any(part.introspects for part in found),
    )


def _with_directives(found: _Found, directives: int) -> _Found:
    if not directives:
        return found
    return _Found(
        found.depth, found.aliases, found.directives + directives, found.fields, found.weight, found.introspects
    )


def _field_of(schema: GraphQLSchema, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if name in {"__schema", "__type"} and parent is schema.query_type:
        return schema.get_field(schema.query_type, name) if schema.query_type else None
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None


def _size(node: FieldNode, name: str, known: GraphQLField | None, sliced: Size) -> Size:
    """How many objects the field gives."""
    if known is None or not _is_list(known):
        return ONE
    if name in _SLICED and sliced is not ONE:
        return sliced
    ids = next((argument.value for argument in node.arguments or () if argument.name.value == "ids"), None)
    if isinstance(ids, ListValueNode):
        return Size(len(ids.values))
    return Size(LIST_SIZE, ids.name.value) if isinstance(ids, VariableNode) else Size(LIST_SIZE)


def _is_list(known: GraphQLField) -> bool:
    kind = known.type.of_type if isinstance(known.type, GraphQLNonNull) else known.type
    return isinstance(kind, GraphQLList)


def _slice(node: FieldNode, known: GraphQLField | None) -> Size:
    """The size of a page that the field asks for; ONE if it gives none."""
    argument = known.args.get("first") if known else None
    if argument is None:
        return ONE
    usual = argument.default_value if isinstance(argument.default_value, int) else LIST_SIZE
    return next((_number(each.value, usual) for each in _firsts(node)), Size(usual))


def _firsts(node: FieldNode) -> Iterator[Any]:
    return (argument for argument in node.arguments or () if argument.name.value == "first")


def _number(value: ValueNode, usual: int) -> Size:
    if isinstance(value, VariableNode):
        return Size(usual, value.name.value)
    is_small = isinstance(value, IntValueNode) and len(value.value) < 10
    return Size(max(int(value.value), 0)) if isinstance(value, IntValueNode) and is_small else Size(usual)


class IntrospectionRefused(Refused):
    """The schema is not told to this caller."""

    def __init__(self) -> None:
        super().__init__(errors.FORBIDDEN, "introspection needs the permission schema:introspect", status=403)

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "permission": "schema:introspect"}
