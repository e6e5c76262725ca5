"""What clients see of a schema, by coordinate: `Claim`, `Claim.history`, `Query.claims(filter:)`, `@cost(weight:)`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    ConstDirectiveNode,
    DirectiveDefinitionNode,
    InputValueDefinitionNode,
    Node,
    NonNullTypeNode,
    TypeDefinitionNode,
    TypeNode,
    parse,
    print_ast,
)

REPETITION: Final = "repetition"
_KINDS: Final = {
    "scalar_type_definition": "scalar",
    "object_type_definition": "type",
    "interface_type_definition": "interface",
    "union_type_definition": "union",
    "enum_type_definition": "enum",
    "input_object_type_definition": "input type",
    "field_definition": "field",
    "enum_value_definition": "enum value",
    "input_value_definition": "input field",
    "directive_definition": "directive",
}


@dataclass(frozen=True)
class Element:
    """One definition: its children (fields, values, arguments) are elements of their own."""

    kind: str
    parent: str | None
    description: str
    type: TypeNode | None
    default: str | None
    directives: dict[str, list[ConstDirectiveNode]]
    members: frozenset[str]
    """Interfaces of a type, types of a union, places where a directive may be."""

    @property
    def is_input(self) -> bool:
        """Whether clients send it."""
        return self.kind in {"argument", "input field"}

    @property
    def is_required(self) -> bool:
        """Whether clients must send it."""
        return self.is_input and isinstance(self.type, NonNullTypeNode) and self.default is None


def elements(sdl: str) -> dict[str, Element]:
    """The definitions of a schema by their coordinates, in the order of the text."""
    return dict(_definitions(sdl))


def _definitions(sdl: str) -> Iterator[tuple[str, Element]]:
    for node in parse(sdl, no_location=True).definitions:
        if isinstance(node, DirectiveDefinitionNode):
            yield from _with_arguments(f"@{node.name.value}", None, node)
        elif isinstance(node, TypeDefinitionNode):
            name = node.name.value
            yield name, _element(node, None)
            for child in (*_all(node, "fields"), *_all(node, "values")):
                yield from _with_arguments(f"{name}.{child.name.value}", name, child)


def _with_arguments(coordinate: str, parent: str | None, node: Node) -> Iterator[tuple[str, Element]]:
    yield coordinate, _element(node, parent)
    for argument in _all(node, "arguments"):
        yield f"{coordinate}({argument.name.value}:)", _element(argument, coordinate)


def _element(node: Any, parent: str | None) -> Element:
    description = getattr(node, "description", None)
    default = getattr(node, "default_value", None)
    directives: dict[str, list[ConstDirectiveNode]] = {}
    for directive in _all(node, "directives"):
        directives.setdefault(directive.name.value, []).append(directive)
    return Element(
        kind=_kind(node, parent),
        parent=parent,
        description=description.value if description else "",
        type=getattr(node, "type", None),
        default=print_ast(default) if default else None,
        directives=directives,
        members=frozenset(_members(node)),
    )


def _kind(node: Node, parent: str | None) -> str:
    is_argument = isinstance(node, InputValueDefinitionNode) and parent is not None and not parent.isidentifier()
    return "argument" if is_argument else _KINDS[node.kind]


def _members(node: Node) -> Iterator[str]:
    for name in ("interfaces", "types"):
        yield from (member.name.value for member in _all(node, name))
    if isinstance(node, DirectiveDefinitionNode):
        yield from (location.value for location in node.locations)
        if node.repeatable:
            yield REPETITION


def _all(node: Node, attribute: str) -> tuple[Any, ...]:
    return tuple(getattr(node, attribute, None) or ())
