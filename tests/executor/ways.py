"""Every way that a subscription leads: for each field that gives objects, the shortest query from an event to it."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_abstract_type, is_leaf_type

from app.executor.reach import leads_out
from app.schema.root import schema

CORE = schema._schema
# Lines that wait, and lines that are debits, have no claim: the same type is reached through the remittance.
WITHOUT_CLAIMS = {"RemittanceLineWaitingEvent.lines", "RemittanceAdjustment.line"}


@dataclass(frozen=True)
class Way:
    """The fields from the root field on; `types` has the type to which each of them belongs."""

    fields: tuple[str, ...]
    types: tuple[str, ...]
    end: Any

    @property
    def name(self) -> str:
        """The last field, with its type."""
        return f"{self.types[-1]}.{self.fields[-1]}"

    @property
    def is_inside(self) -> bool:
        """Whether no field on the way leads out of what belongs to the event's parties."""
        steps: list[tuple[Any, str]] = [
            (CORE.type_map[kind], name) for kind, name in zip(self.types, self.fields, strict=True)
        ]
        return not any(leads_out(kind, kind.fields[name]) for kind, name in steps)

    @property
    def query(self) -> str:
        """The subscription to every plain field of the objects at the end."""
        text = leaves(self.end)
        for kind, field in reversed(list(zip(self.types, self.fields, strict=True))):
            text = f"... on {kind} {{ {field} {{ {text} }} }}"
        return f"subscription {{ {text} }}"


def leaves(kind: Any) -> str:
    """The selection of all plain fields of a type; of an interface, of all types that have it."""
    names = " ".join(name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type)))
    members = CORE.get_possible_types(kind) if is_abstract_type(kind) else ()
    return " ".join(["__typename", names, *(f"... on {each.name} {{ {leaves(each)} }}" for each in members)])


def ways() -> list[Way]:
    """A way to each field that gives objects, as far as the ways before it stay inside."""
    found: dict[str, Way] = {}
    waiting: deque[tuple[Any, tuple[str, ...], tuple[str, ...]]] = deque([(CORE.subscription_type, (), ())])
    seen: set[str] = set()
    while waiting:
        kind, fields, types = waiting.popleft()
        if kind.name in seen:
            continue
        seen.add(kind.name)
        for member in CORE.get_possible_types(kind) if is_abstract_type(kind) else ():
            waiting.append((member, fields, types))
        for name, field in kind.fields.items():
            end = get_named_type(field.type)
            if is_leaf_type(end):
                continue
            way = Way((*fields, name), (*types, kind.name), end)
            found.setdefault(way.name, way)
            if way.is_inside and way.name not in WITHOUT_CLAIMS:
                waiting.append((end, way.fields, way.types))
    return list(found.values())


def types_on(found: list[Way]) -> set[GraphQLObjectType]:
    """The types that these ways lead to, and the members of interfaces among them."""
    ends = {way.end for way in found}
    return ends | {each for kind in ends if is_abstract_type(kind) for each in CORE.get_possible_types(kind)}
