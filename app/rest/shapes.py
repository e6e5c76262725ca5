"""The JSON Schema of what an operation answers, from its selections and the GraphQL schema."""

from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from app.rest.endpoint import Endpoint

Schema = dict[str, Any]
_TYPES: Final = {"Int": "integer", "Boolean": "boolean", "Float": "number"}
"""Every other scalar is a text, exact amounts among them."""


def answer_of(endpoint: Endpoint, schema: GraphQLSchema) -> Schema:
    """The schema of an endpoint's answer when it succeeds."""
    operation = endpoint.forms[0].operation
    definition = parse(operation.text).definitions[0]
    assert isinstance(definition, OperationDefinitionNode)  # noqa: S101 - the table has operations only
    root = schema.mutation_type if operation.is_mutation else schema.query_type
    found = _object(root, definition.selection_set)
    (found,) = found["properties"].values()
    for step in filter(None, operation.result.split(".")):
        found = _whole(found)
        found = found["items"] if step.isdecimal() else found["properties"][step]
    found = _whole(found)
    found = _page(found) if endpoint.is_list else found
    redacted = {"type": "array", "items": {"type": "string"}, "description": "Members that the caller may not see"}
    return {**found, "properties": {**found["properties"], "redacted": redacted}}


def _page(connection: Schema) -> Schema:
    items = connection["properties"]["nodes"]
    cursor = {"type": ["string", "null"], "description": "`after` of the next page; null for the last one"}
    return {"type": "object", "properties": {"items": items, "next": cursor}, "required": ["items", "next"]}


def _whole(found: Schema) -> Schema:
    """The schema without null."""
    return found["anyOf"][0] if "anyOf" in found else found


def _of(kind: Any, selections: SelectionSetNode | None) -> Schema:
    if not isinstance(kind, GraphQLNonNull):
        return {"anyOf": [_of(GraphQLNonNull(kind), selections), {"type": "null"}]}
    kind = kind.of_type
    if isinstance(kind, GraphQLList):
        return {"type": "array", "items": _of(kind.of_type, selections)}
    if isinstance(kind, GraphQLEnumType):
        return {"type": "string", "enum": list(kind.values)}
    if selections is None:
        return {"type": _TYPES.get(kind.name, "string")}
    found = _object(kind, selections)
    # As `results.plain` makes them.
    names = set(found["properties"])
    return found["properties"].popitem()[1] if names in ({"value"}, {"nodes"}) else found


def _object(kind: GraphQLObjectType | None, selections: SelectionSetNode) -> Schema:
    assert kind is not None  # noqa: S101 - every operation was validated at the start
    properties = {}
    for node in selections.selections:
        assert isinstance(node, FieldNode)  # noqa: S101 - the table uses no fragments
        name = node.alias.value if node.alias else node.name.value
        properties[name] = _of(kind.fields[node.name.value].type, node.selection_set)
    return {"type": "object", "properties": properties}
