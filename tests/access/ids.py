"""Every place where the schema takes an id from a client, and those that a document fills."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    FieldNode,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    parse,
    value_from_ast_untyped,
)


def id_places(schema: GraphQLSchema) -> set[str]:
    """`field.argument` or `field.argument.member...` of each place for an id at a root field."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    fields = {name: field for root in roots if root is not None for name, field in root.fields.items()}
    return {
        f"{name}.{place}"
        for name, field in fields.items()
        for argument, taken in field.args.items()
        for place in _in_type(taken.type, argument)
    }


def _in_type(kind: GraphQLInputType, path: str) -> Iterator[str]:
    named = get_named_type(kind)
    if named.name == "ID":
        yield path
    elif isinstance(named, GraphQLInputObjectType):
        for name, member in named.fields.items():
            yield from _in_type(member.type, f"{path}.{name}")


def filled(body: dict[str, Any]) -> set[str]:
    """The places that a request gives a value to, ids or not."""
    operations = (node for node in parse(body["query"]).definitions if isinstance(node, OperationDefinitionNode))
    fields = [node for each in operations for node in each.selection_set.selections if isinstance(node, FieldNode)]
    return {
        f"{node.name.value}.{place}"
        for node in fields
        for argument in node.arguments or ()
        for place in _in_value(value_from_ast_untyped(argument.value, body.get("variables") or {}), argument.name.value)
    }


def _in_value(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _in_value(each, f"{path}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from _in_value(each, path)
    elif value is not None:
        yield path
