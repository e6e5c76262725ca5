"""The pages about the schema: every type with its fields, and what each field needs, from the text that clients see."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from graphql import (
    ConstDirectiveNode,
    DirectiveDefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    StringValueNode,
    TypeDefinitionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    parse,
    print_ast,
    value_from_ast_untyped,
)

from app.reference.page import contents, heading, line, link, text
from app.values.frozen import frozen

ROOTS: Final = {"Query": "queries", "Mutation": "mutations", "Subscription": "subscriptions"}
KINDS: Final[dict[type, str]] = {
    ObjectTypeDefinitionNode: "objects",
    UnionTypeDefinitionNode: "interfaces",
    InterfaceTypeDefinitionNode: "interfaces",
    InputObjectTypeDefinitionNode: "inputs",
    EnumTypeDefinitionNode: "enums",
    ScalarTypeDefinitionNode: "scalars",
    DirectiveDefinitionNode: "directives",
}
BUILT_IN: Final = frozenset({"String", "Int", "Float", "Boolean", "ID"})
INTRODUCTIONS: Final = {
    "queries": "What can be read. A field's permission, the class of its data and what it takes of the caller's rate "
    "stand below its description.",
    "mutations": "What can be done. Each is carried out once for an `idempotencyKey`, however often it is sent.",
    "subscriptions": "What can be watched, over a WebSocket or as an event stream.",
    "objects": "What is read, written and watched. A nullable field that the caller may not see is null.",
    "interfaces": "What several objects have in common.",
    "inputs": "What arguments are made of.",
    "enums": "The values that a field or an argument may have. Clients accept new ones.",
    "scalars": "How single values are written.",
    "directives": "What the text of the schema says beside its types.",
}
Definition = TypeDefinitionNode | DirectiveDefinitionNode
Directives = Sequence[ConstDirectiveNode] | None
Field = FieldDefinitionNode | InputValueDefinitionNode | EnumValueDefinitionNode


@frozen
class Facts:
    """What a field needs: one of the lists of `permissions`, all in it; an empty one is any token."""

    permissions: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]


class Types:
    """The types of a schema by the pages that they are on; `sdl` is its text."""

    def __init__(self, sdl: str) -> None:
        document: DocumentNode = parse(sdl, no_location=True)
        self.pages: dict[str, list[Definition]] = {page: [] for page in INTRODUCTIONS}
        for each in document.definitions:
            if type(each) in KINDS:
                assert isinstance(each, TypeDefinitionNode | DirectiveDefinitionNode)  # noqa: S101 - as KINDS says
                self.pages[ROOTS.get(each.name.value, KINDS[type(each)])].append(each)
        self._page_of = {each.name.value: page for page, found in self.pages.items() for each in found}

    def page(self, name: str) -> str:
        """The body of a page."""
        found = self.pages[name]
        anchors = [each.name.value for each in found]
        if name in ROOTS.values():
            anchors = [f"{each.name.value}.{field.name.value}" for each in found for field in fields_of(each)]
        sections = "".join(self._section(each) for each in found)
        return f"{heading(name, INTRODUCTIONS[name])}{contents(anchors)}{sections}"

    def fields(self) -> Iterator[tuple[str, str, Facts]]:
        """The page, coordinate and facts of every field of an object or interface."""
        for page, found in self.pages.items():
            for each in found:
                for field in fields_of(each):
                    if isinstance(field, FieldDefinitionNode):
                        yield page, f"{each.name.value}.{field.name.value}", facts_of(field.directives)

    def _section(self, each: Definition) -> str:
        name = each.name.value
        fields = "".join(self._field(name, field) for field in fields_of(each))
        listed = f"<dl>{fields}</dl>" if fields else ""
        described = text(each.description.value) if each.description else ""
        return f'<section id="{name}">\n<h2>{name}</h2>\n{described}{self._relations(each)}{listed}\n</section>\n'

    def _relations(self, each: Definition) -> str:
        if isinstance(each, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode) and each.interfaces:
            return f"<p>Implements {', '.join(self._type(one) for one in each.interfaces)}.</p>"
        if isinstance(each, UnionTypeDefinitionNode):
            return f"<p>One of {', '.join(self._type(one) for one in each.types or ())}.</p>"
        if isinstance(each, DirectiveDefinitionNode):
            return f"<p>On {', '.join(place.value for place in each.locations)}.</p>"
        return ""

    def _field(self, owner: str, field: Field) -> str:
        name = f"{owner}.{field.name.value}"
        kind = "" if isinstance(field, EnumValueDefinitionNode) else f": {self._type(field.type)}{_default(field)}"
        arguments = "".join(self._argument(each) for each in getattr(field, "arguments", None) or ())
        parts = [
            line(field.description.value) if field.description else "",
            _facts(name, facts_of(field.directives), field.directives),
            f"<ul>{arguments}</ul>" if arguments else "",
        ]
        return (
            f'<dt id="{name}"><a href="#{name}"><code>{field.name.value}</code></a>{kind}</dt>\n'
            f"<dd>{''.join(part if part.startswith('<ul') else f'<p>{part}</p>' for part in parts if part)}</dd>\n"
        )

    def _argument(self, each: InputValueDefinitionNode) -> str:
        described = f" {line(each.description.value)}" if each.description else ""
        return f"<li><code>{each.name.value}</code>: {self._type(each.type)}{_default(each)}{described}</li>"

    def _type(self, node: TypeNode) -> str:
        if isinstance(node, NonNullTypeNode):
            return f"{self._type(node.type)}!"
        if isinstance(node, ListTypeNode):
            return f"[{self._type(node.type)}]"
        name = node.name.value  # type: ignore[attr-defined]  # the third kind of type is a name
        return f"<code>{name}</code>" if name in BUILT_IN else link(self._page_of[name], name)


def fields_of(each: Definition) -> Sequence[Field]:
    """The fields of an object, an interface or an input, the values of an enum, or the arguments of a directive."""
    if isinstance(each, EnumTypeDefinitionNode):
        return each.values or ()
    if isinstance(each, DirectiveDefinitionNode):
        return each.arguments or ()
    return getattr(each, "fields", None) or ()


def facts_of(directives: Directives) -> Facts:
    """What the directives of a field say of it."""
    scopes = _values(directives, "requiresScopes", "scopes")
    is_any = any(each.name.value == "authenticated" for each in directives or ())
    permissions = tuple(tuple(each) for each in scopes[0]) if scopes else ((),) * is_any
    return Facts(permissions, tuple(str(each) for each in _values(directives, "sensitive", "data")))


def _facts(name: str, facts: Facts, directives: Directives) -> str:
    """The same in words, with the cost: a root field without one takes 1."""
    found = []
    if facts.permissions:
        ways = [" and ".join(link("permissions", one) for one in each) or "any token" for each in facts.permissions]
        found.append(f"Permission: {' or '.join(ways)}")
    if facts.classes:
        found.append(f"Data: {', '.join(link('data-classes', each) for each in facts.classes)}")
    if name.partition(".")[0] in ROOTS:
        cost = [*_values(directives, "cost", "weight"), "1"][0]
        found.append(f"Cost: {cost} of the caller's rate")
    found += [f"Counted as a list of {size}" for size in _values(directives, "listSize", "assumedSize")]
    found += [f"At most {most}" for most in _values(directives, "constraint", "maxItems")]
    found += [f"Deprecated: {escape(why)}" for why in _values(directives, "deprecated", "reason")]
    return " · ".join(found)


def _values(directives: Directives, name: str, argument: str) -> list[Any]:
    return [
        value_from_ast_untyped(one.value)
        for each in directives or ()
        if each.name.value == name
        for one in each.arguments or ()
        if one.name.value == argument
    ]


def _default(node: FieldDefinitionNode | InputValueDefinitionNode) -> str:
    value = getattr(node, "default_value", None)
    if value is None:
        return ""
    shown = f'"{value.value}"' if isinstance(value, StringValueNode) else print_ast(value)
    return f" = <code>{escape(shown)}</code>"
