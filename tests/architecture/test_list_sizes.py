"""Every list of the schema says how long it may be."""

from collections.abc import Iterator
from inspect import getsource
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_introspection_type,
)

from app.schema.root import schema
from app.transport.cost import is_list
from app.transport.sizes import Constraint, declared, list_size_of

CHECKS = ("check_arguments", "check_length", "filtered_by")
TYPES = [kind for kind in schema._schema.type_map.values() if not is_introspection_type(kind)]


def _fields() -> Iterator[tuple[GraphQLNamedType, str, GraphQLField]]:
    for kind in TYPES:
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                yield kind, name, field


def _is_sized_by_its_parents(kind: GraphQLNamedType, name: str) -> bool:
    """Whether each field that gives an object of this type says how long the list in it is."""
    parents = [field for _, _, field in _fields() if get_named_type(field.type) is kind]
    sizes = [list_size_of(field) for field in parents]
    return bool(sizes) and all(size is not None and name in (size.sized_fields or ()) for size in sizes)


def test_a_list_says_how_long_it_may_be() -> None:
    missing = [
        f"{kind.name}.{name}: add directives=[lists.…] (app/schema/base/lists.py), which the cost counts"
        for kind, name, field in _fields()
        if is_list(field.type) and list_size_of(field) is None and not _is_sized_by_its_parents(kind, name)
    ]
    assert missing == []


def test_a_list_of_the_input_says_how_many_values_it_accepts() -> None:
    inputs = [
        (f"{kind.name}.{name}", field)
        for kind in TYPES
        if isinstance(kind, GraphQLInputObjectType)
        for name, field in kind.fields.items()
    ]
    arguments = [
        (f"{kind.name}.{name}({argument}:)", found)
        for kind, name, field in _fields()
        for argument, found in field.args.items()
    ]
    missing = [
        f"{name}: add directives=lists.up_to(…) (app/schema/base/lists.py)"
        for name, found in [*inputs, *arguments]
        if is_list(found.type) and declared(found, Constraint) is None
    ]
    assert missing == []


REFUSED_BY_SERVICES = {"Query.nodes", "Query.claimPreflight", "Query.billingBreakdown", "Query.denialBreakdown"}


def _may_be_too_long(kind: Any, found: Any, seen: tuple[Any, ...] = ()) -> bool:
    """Whether a value of an argument or input field can have a list that is longer than its `@constraint`."""
    if declared(found, Constraint) is not None:
        return True
    inside = get_named_type(kind)
    if not isinstance(inside, GraphQLInputObjectType) or inside in seen:
        return False
    return any(_may_be_too_long(each.type, each, (*seen, inside)) for each in inside.fields.values())


def test_a_list_of_the_input_is_refused_where_it_is_longer() -> None:
    """Mutations check all of their input; other fields look at their arguments themselves."""
    fields = [
        (f"{kind.name}.{name}", field)
        for kind, name, field in _fields()
        if kind.name != "Mutation" and any(_may_be_too_long(found.type, found) for found in field.args.values())
    ]
    sources = {
        name: getsource(field.extensions["strawberry-definition"].base_resolver.wrapped_func) for name, field in fields
    }
    unchecked = {name for name, source in sources.items() if not any(f"{check}(" in source for check in CHECKS)}
    assert unchecked == REFUSED_BY_SERVICES


def test_a_page_is_as_long_as_first_or_last_allows() -> None:
    pages = {name: list_size_of(field) for _, name, field in _fields() if "first" in field.args}
    assert pages
    assert {
        name for name, size in pages.items() if size is None or size.slicing_arguments != ["first", "last"]
    } == set()
