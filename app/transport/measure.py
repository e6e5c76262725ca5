"""The step between parsing and validation: what each operation of a document asks for.

One walk that visits each selection once finds depth, aliases, directives, fragments, repeated fields and the cost. It
runs before validation because validation takes time in the square of repeated fields and of fragments; so it meets
unknown fields, types and fragments, counts them as leaves, and leaves it to validation to name them.

A fragment is measured once and remembered, since what it holds does not depend on where it is spread, except for the
page size that its `nodes` inherit. That keeps a hostile chain cheap:

    { ...F0 }   fragment F0 on Query { ...F1 ...F1 }   fragment F1 on Query { ...F2 ...F2 }   ...   F40

has 2**40 paths, but 41 fragments to visit; their totals add up (F40 has 1 alias, F39 has 2, F38 has 4, ...), so the
limit on aliases still sees 2**40. The spread itself is a dict lookup.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
)

from app.transport import errors
from app.transport.cost import NO_PAGE, ONE, Cost, Page, Size, field_cost, list_size, page_of
from app.transport.errors import RequestError
from app.transport.introspection_sizes import introspection_sizes
from app.transport.limits import Limits, check
from app.values.frozen import frozen

_INTROSPECTION: Final = frozenset({"__schema", "__type"})


@frozen
class Measure:
    """What one operation, or one selection of it, asks for; fragments are included. `fields` counts its own level, and
    `reads_data` says whether one of those is neither of introspection nor `__typename`."""

    depth: int
    aliases: int
    directives: int
    fields: int
    cost: Cost
    introspects: bool
    reads_data: bool


def measure(schema: GraphQLSchema, tree: DocumentNode, limits: Limits) -> dict[str | None, Measure]:
    """Operation name -> its measure. TooComplex for a document over a limit, RequestError for a cycle of fragments."""
    walk = _Walk(schema, tree, limits)
    return {node.name.value if node.name else None: walk.operation(node) for node in walk.operations}


_NOTHING: Final = Measure(0, 0, 0, 0, Cost(), introspects=False, reads_data=False)


class _Walk:
    """The walk over one document. Limits are checked as soon as they are exceeded, so that a flood is left early."""

    def __init__(self, schema: GraphQLSchema, tree: DocumentNode, limits: Limits) -> None:
        self._schema = schema
        self._introspection = introspection_sizes(schema)
        self._limits = limits
        self._tree = tree
        self._fragments = {
            node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[tuple[str, Page], Measure] = {}
        self._entered: list[str] = []
        self._spreads = 0
        self._repeats = 0
        self._names: Counter[str] = Counter()
        check("fragments", len(self._fragments), limits.fragments)

    @cached_property
    def operations(self) -> list[OperationDefinitionNode]:
        return [node for node in self._tree.definitions if isinstance(node, OperationDefinitionNode)]

    def operation(self, node: OperationDefinitionNode) -> Measure:
        """The measure of one operation, checked against the limits."""
        root = self._schema.get_root_type(node.operation)
        found = _with_directives(self._selections(node.selection_set, root, NO_PAGE, 1), len(node.directives or ()))
        check("depth", found.depth, self._limits.depth)
        check("aliases", found.aliases, self._limits.aliases)
        check("directives", found.directives, self._limits.directives)
        if node.operation is not OperationType.SUBSCRIPTION:
            check("root fields", found.fields, self._limits.root_fields)
        return found

    def _selections(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None, page: Page, level: int
    ) -> Measure:
        """`page` is the page that the parent was asked for, which sizes its `nodes` and `edges`."""
        if selections is None:
            return _NOTHING
        check("depth", level, self._limits.depth)
        return _sum(self._selection(each, parent, page, level) for each in selections.selections)

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, page: Page, level: int) -> Measure:
        if isinstance(node, FieldNode):
            found = self._field(node, parent, page, level)
        elif isinstance(node, FragmentSpreadNode):
            found = self._spread(node.name.value, page, level)
        else:
            assert isinstance(node, InlineFragmentNode)  # noqa: S101 - there is no other kind of selection
            found = self._inline(node, parent, page, level)
        return _with_directives(found, len(node.directives or ()))

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, page: Page, level: int) -> Measure:
        name = node.name.value
        self._count_name(node.alias.value if node.alias else name)
        definition = _definition(self._schema, parent, name)
        kind = get_named_type(definition.type) if definition else None
        below = self._selections(node.selection_set, kind, page_of(node, definition), level + 1)
        mean = self._introspection.get((parent.name, name)) if parent is not None else None
        size = list_size(node, definition, page) if mean is None else Size(mean)
        return Measure(
            depth=1 + below.depth,
            aliases=below.aliases + (node.alias is not None),
            directives=below.directives,
            fields=1,
            cost=field_cost(node, [(size, below.cost)] if node.selection_set else []),
            introspects=below.introspects or name in _INTROSPECTION,
            reads_data=not name.startswith("__"),
        )

    def _inline(self, node: InlineFragmentNode, parent: GraphQLNamedType | None, page: Page, level: int) -> Measure:
        self._count_spread()
        condition = node.type_condition
        kind = self._schema.get_type(condition.name.value) if condition else parent
        return self._selections(node.selection_set, kind, page, level)

    def _spread(self, name: str, page: Page, level: int) -> Measure:
        self._count_spread()
        fragment = self._fragments.get(name)
        if fragment is None:
            return _NOTHING
        if name in self._entered:
            raise RequestError(errors.VALIDATION_FAILED, "fragments must not form a cycle")
        found = self._measured.get((name, page))
        if found is None:
            found = self._measured[name, page] = self._fragment(name, fragment, page)
        # The fragment was measured as if it began at level 1; here it begins deeper.
        check("depth", level - 1 + found.depth, self._limits.depth)
        return found

    def _fragment(self, name: str, fragment: FragmentDefinitionNode, page: Page) -> Measure:
        self._entered.append(name)
        kind = self._schema.get_type(fragment.type_condition.name.value)
        found = self._selections(fragment.selection_set, kind, page, 1)
        self._entered.pop()
        return _with_directives(found, len(fragment.directives or ()))

    def _count_name(self, name: str) -> None:
        """Add to the sum of squares step by step: the n-th field of a name adds n * n - (n - 1) * (n - 1)."""
        count = self._names[name]
        self._names[name] = count + 1
        self._repeats += 2 * count + 1
        check("repeated fields", self._repeats, self._limits.repeats)

    def _count_spread(self) -> None:
        self._spreads += 1
        check("spreads", self._spreads, self._limits.spreads)


def _sum(parts: Iterable[Measure]) -> Measure:
    """The selections of one set together: the deepest counts for depth, all of them for the rest."""
    found = list(parts)
    return Measure(
        depth=max((part.depth for part in found), default=0),
        aliases=sum(part.aliases for part in found),
        directives=sum(part.directives for part in found),
        fields=sum(part.fields for part in found),
        cost=Cost(0, [(ONE, part.cost) for part in found]),
        introspects=any(part.introspects for part in found),
        reads_data=any(part.reads_data for part in found),
    )


def _with_directives(found: Measure, directives: int) -> Measure:
    return replace(found, directives=found.directives + directives) if directives else found


def _definition(schema: GraphQLSchema, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    """The field of the schema that is selected; None for an unknown one, and for `__typename`."""
    if name in _INTROSPECTION and parent is schema.query_type:
        return schema.get_field(schema.query_type, name) if schema.query_type else None
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
