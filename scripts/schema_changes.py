"""The changes from one schema to the next, each with its level: does it break what a client has?"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import Any, Final, NamedTuple

from graphql import ConstDirectiveNode, ListTypeNode, NamedTypeNode, NonNullTypeNode, TypeNode, print_ast
from graphql.utilities import value_from_ast_untyped

from scripts.schema_elements import Element, elements

SIGNED_IN: Final = "a token"
"""What `@authenticated` asks for, and every permission too."""
OPEN: Final = frozenset({frozenset[str]()})
VERBS: Final = {"union": "contains", "directive": "allows"}
"""What an element does to its members; a type or interface implements them."""


class Level(StrEnum):
    """What a change means for a client that worked before."""

    BREAKING = "BREAKING"
    """It may be refused, or get an answer that it cannot read."""
    DANGEROUS = "DANGEROUS"
    """It works, but may meet something new or behave differently."""
    SAFE = "SAFE"
    """It notices nothing."""


class Change(NamedTuple):
    """One change of the element at a coordinate."""

    level: Level
    coordinate: str
    text: str

    def __str__(self) -> str:
        """The line of the report."""
        return f"{self.level:<9} {self.coordinate}: {self.text}"


Finding = tuple[Level, str]


def changes(old_sdl: str, new_sdl: str) -> list[Change]:
    """Every change, in the order of coordinates. What is inside a type that came, left or changed its kind is no change
    of its own."""
    old, new = elements(old_sdl), elements(new_sdl)
    found: list[Change] = []
    for coordinate in sorted(old.keys() | new.keys()):
        before, after = old.get(coordinate), new.get(coordinate)
        parent = (before or new[coordinate]).parent
        if parent is None or _is_same(old.get(parent), new.get(parent)):
            found += [Change(level, coordinate, text) for level, text in _findings(coordinate, before, after)]
    return found


def _is_same(old: Element | None, new: Element | None) -> bool:
    return old is not None and new is not None and old.kind == new.kind


def _findings(coordinate: str, old: Element | None, new: Element | None) -> Iterator[Finding]:
    if new is None:
        yield Level.BREAKING, "removed"
    elif old is None:
        yield _added(coordinate, new)
    elif old.kind != new.kind:
        yield Level.BREAKING, f"changed from {old.kind} to {new.kind}"
    else:
        looks = (_type, _default, _members, _permissions, _longest, _description)
        yield from chain.from_iterable(look(old, new) for look in looks)
        yield from _directives(old, new)


def _added(coordinate: str, new: Element) -> Finding:
    if new.is_required:
        return Level.BREAKING, f"required {new.kind} added"
    is_sent = new.is_input and not coordinate.startswith("@")
    return Level.DANGEROUS if is_sent or new.kind == "enum value" else Level.SAFE, f"{new.kind} added"


def _type(old: Element, new: Element) -> Iterator[Finding]:
    if old.type is None or new.type is None or print_ast(old.type) == print_ast(new.type):
        return
    fits = _fits(new.type, old.type) if new.is_input else _fits(old.type, new.type)
    yield Level.SAFE if fits else Level.BREAKING, f"type {print_ast(old.type)} became {print_ast(new.type)}"


def _fits(wanted: TypeNode, given: TypeNode) -> bool:
    """Whether every value of the given type is one of the wanted type."""
    if isinstance(given, NonNullTypeNode):
        return _fits(wanted.type if isinstance(wanted, NonNullTypeNode) else wanted, given.type)
    if isinstance(wanted, ListTypeNode) and isinstance(given, ListTypeNode):
        return _fits(wanted.type, given.type)
    are_named = isinstance(wanted, NamedTypeNode) and isinstance(given, NamedTypeNode)
    return are_named and print_ast(wanted) == print_ast(given)


def _default(old: Element, new: Element) -> Iterator[Finding]:
    if old.default == new.default:
        return
    if new.default is None:
        yield Level.DANGEROUS, f"default {old.default} removed"
    elif old.default is None:
        yield Level.SAFE, f"default {new.default} added"
    else:
        yield Level.DANGEROUS, f"default {old.default} became {new.default}"


def _members(old: Element, new: Element) -> Iterator[Finding]:
    verb = VERBS.get(new.kind, "implements")
    for member in sorted(old.members - new.members):
        yield Level.BREAKING, f"no longer {verb} {member}"
    for member in sorted(new.members - old.members):
        yield Level.SAFE if new.kind == "directive" else Level.DANGEROUS, f"now {verb} {member}"


def _permissions(old: Element, new: Element) -> Iterator[Finding]:
    """One of the sets is enough for a caller; who had one of the old ones must have one of the new ones."""
    before, after = _sets_of_permissions(old), _sets_of_permissions(new)
    if before == after:
        return
    still = all(any(enough <= had for enough in after) for had in before)
    needs = sorted(" and ".join(sorted(one - {SIGNED_IN}) or sorted(one)) or "nothing" for one in after)
    yield Level.DANGEROUS if still else Level.BREAKING, f"now needs {' or '.join(needs)}"


def _sets_of_permissions(element: Element) -> frozenset[frozenset[str]]:
    for directive in element.directives.get("requiresScopes", ()):
        found: list[list[str]] = _argument(directive, "scopes")
        return frozenset(frozenset({SIGNED_IN, *each}) for each in found)
    return frozenset({frozenset({SIGNED_IN})}) if "authenticated" in element.directives else OPEN


def _longest(old: Element, new: Element) -> Iterator[Finding]:
    """The longest list that is accepted."""
    before, after = _max_items(old), _max_items(new)
    if after is not None and after != before:
        is_less = before is None or after < before
        yield Level.BREAKING if is_less else Level.SAFE, f"now accepts {after} at most"
    elif after is None and before is not None:
        yield Level.SAFE, "now accepts any number"


def _max_items(element: Element) -> int | None:
    found: list[int] = [_argument(each, "maxItems") for each in element.directives.get("constraint", ())]
    return min(found, default=None)


def _description(old: Element, new: Element) -> Iterator[Finding]:
    if old.description != new.description:
        yield Level.SAFE, "description changed"


def _directives(old: Element, new: Element) -> Iterator[Finding]:
    """Directives without a rule of their own, `@deprecated` among them."""
    for name in sorted(old.directives.keys() | new.directives.keys()):
        before, after = _printed(old, name), _printed(new, name)
        if before == after or name in {"requiresScopes", "authenticated", "constraint"}:
            continue
        if name == "oneOf":
            yield (
                (Level.BREAKING, "now takes exactly one field")
                if after
                else (Level.SAFE, "now takes any number of fields")
            )
        else:
            yield Level.SAFE, f"{before} became {after}" if before and after else after or f"@{name} removed"


def _printed(element: Element, name: str) -> str:
    return " ".join(sorted(print_ast(each) for each in element.directives.get(name, ())))


def _argument(directive: ConstDirectiveNode, name: str) -> Any:
    return next(value_from_ast_untyped(each.value) for each in directive.arguments or () if each.name.value == name)
