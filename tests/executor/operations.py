"""Random operations over the whole schema with ids that exist: aliases, fragments, conditions, variables, merges."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

DEPTH_MAX: Final = 6
ROOTS: Final = {"claim": "claim", "invoice": "invoice", "remittance": "remittance", "contract": "contract"}
"""Root fields of one object, and which of the world's ids they are for."""


@dataclass
class Generated:
    """An operation and its variables."""

    query: str
    variables: dict[str, Any]


@dataclass
class Operations:
    """Makes operations; the same ones for the same `random`."""

    schema: GraphQLSchema
    random: Random
    ids: dict[str, str]
    texts: dict[str, list[str]]
    _variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _fragments: list[str] = field(default_factory=list)
    _number: int = 0

    def make(self) -> Generated:
        """The next query."""
        self._begin({})
        query = self.schema.query_type
        assert query is not None
        names = self.random.sample(sorted(query.fields), self.random.choice((1, 1, 1, 2, 3)))
        return self._written("query", " ".join(self._field(name, query.fields[name], 1) for name in names))

    def below(self, operation: str, name: str, argument: str, value: Any) -> Generated:
        """The next selection of the object that a root field gives, called with this value of an argument: `operation`
        is "mutation" or "subscription"."""
        root = {"mutation": self.schema.mutation_type, "subscription": self.schema.subscription_type}[operation]
        assert root is not None
        field = root.fields[name]
        self._begin({argument: (str(field.args[argument].type), value)})
        selected = self._selection(get_named_type(field.type), 2)
        return self._written(operation, f"{name}({argument}: ${argument}) {{ {selected} }}")

    def _begin(self, variables: dict[str, tuple[str, Any]]) -> None:
        self._variables, self._fragments, self._number = variables, [], 0

    def _written(self, operation: str, body: str) -> Generated:
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._variables.items())
        head = f"{operation} Generated({declared})" if declared else operation
        values = {name: value for name, (_, value) in self._variables.items()}
        return Generated(f"{head} {{ {body} }} {' '.join(self._fragments)}", values)

    def _is(self, share: float) -> bool:
        return self.random.random() < share

    def _name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number}"

    def _field(self, name: str, found: GraphQLField, depth: int, *, is_unique: bool = False) -> str:
        arguments = self._arguments(name, found)
        alias = f"{self._name('a')}: " if arguments or is_unique or self._is(0.15) else ""
        condition = self._condition()
        kind = get_named_type(found.type)
        if is_leaf_type(kind):
            return f"{alias}{name}{arguments}{condition}"
        below = self._selection(kind, depth + 1)
        once = f"{alias}{name}{arguments}{condition} {{ {below} }}"
        if not condition and self._is(0.1):
            # The same field again: what is selected of it is merged.
            return f"{once} {alias}{name}{arguments} {{ {self._selection(kind, depth + 1)} }}"
        return once

    def _condition(self) -> str:
        if not self._is(0.08):
            return ""
        directive = self.random.choice(("skip", "include"))
        if self._is(0.5):
            return f" @{directive}(if: {self.random.choice(('true', 'false'))})"
        name = self._name("v")
        self._variables[name] = ("Boolean!", self.random.choice((True, False)))
        return f" @{directive}(if: ${name})"

    def _selection(self, kind: Any, depth: int) -> str:
        if is_abstract_type(kind):
            return self._members(kind, depth)
        names = sorted(kind.fields)
        leaves = [name for name in names if is_leaf_type(get_named_type(kind.fields[name].type))]
        objects = [name for name in names if name not in leaves] if depth < DEPTH_MAX else []
        chosen = self._sample(leaves, 5) + self._sample(objects, 2 if depth < 3 else 1)
        if kind.name.endswith("Connection") and objects and self._is(0.8):
            chosen.append(self.random.choice([name for name in ("nodes", "edges") if name in objects]))
        chosen = list(dict.fromkeys(chosen))
        self.random.shuffle(chosen)
        parts = [self._field(name, kind.fields[name], depth) for name in chosen]
        if not parts or self._is(0.1):
            parts.append("__typename")
        if self._is(0.1):
            return self._in_fragment(kind.name, " ".join(parts))
        return " ".join(parts)

    def _sample(self, names: list[str], most: int) -> list[str]:
        return self.random.sample(names, min(len(names), self.random.randint(0 if most < 5 else 1, most)))

    def _members(self, kind: Any, depth: int) -> str:
        members = [each.name for each in self.schema.get_possible_types(kind)]
        parts = ["__typename", *(name for name in sorted(kind.fields) if self._is(0.5) and self._is_plain(kind, name))]
        for name in self.random.sample(sorted(members), min(len(members), self.random.randint(1, 8))):
            member: Any = self.schema.type_map[name]
            fields = self.random.sample(sorted(member.fields), min(len(member.fields), 4))
            body = " ".join(self._field(each, member.fields[each], depth, is_unique=True) for each in fields)
            parts.append(f"... on {name} {{ {body} }}")
        return " ".join(parts)

    def _is_plain(self, kind: Any, name: str) -> bool:
        return is_leaf_type(get_named_type(kind.fields[name].type)) and not kind.fields[name].args

    def _in_fragment(self, type_name: str, body: str) -> str:
        if self._is(0.5):
            return f"... on {type_name}{self._condition()} {{ {body} }} __typename"
        name = self._name("F")
        self._fragments.append(f"fragment {name} on {type_name} {{ {body} }}")
        return f"...{name}"

    def _arguments(self, name: str, found: GraphQLField) -> str:
        given = []
        left_out = self._other_way()
        for argument, definition in found.args.items():
            if argument in left_out:
                continue
            if is_required_argument(definition) or self._is(0.3):
                value = self._value(definition.type, self._kind_of(name, argument))
                given.append(f"{argument}: {self._given(str(definition.type), value)}")
        return f"({', '.join(given)})" if given else ""

    def _other_way(self) -> frozenset[str]:
        """The arguments of pages in the direction that is not chosen; none for a call that is refused."""
        if self._is(0.02):
            return frozenset()
        return frozenset({"last", "before"} if self._is(0.7) else {"first", "after"})

    def _kind_of(self, name: str, argument: str) -> str:
        return ROOTS.get(name, "") if argument == "id" else argument

    def _given(self, kind: str, value: Any) -> str:
        """The value as a literal or as a variable."""
        if self._is(0.7):
            return _literal(value)
        name = self._name("v")
        self._variables[name] = (kind, _plain(value))
        return f"${name}"

    def _value(self, kind: Any, hint: str) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, hint)
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type, hint) for _ in range(self.random.randint(1, 4))]
        if isinstance(kind, GraphQLEnumType):
            return _Name(self.random.choice(sorted(kind.values)))
        return self._input(kind) if isinstance(kind, GraphQLInputObjectType) else self._scalar(kind.name, hint)

    def _scalar(self, name: str, hint: str) -> Any:
        if name == "ID" and hint in self.ids and self._is(0.9):
            return self.ids[hint]
        usual: dict[str, Any] = {
            "ID": list(self.ids.values()),
            "Int": (1, 2, 3, 5, 5, 20, 0, 101) if hint in ("first", "last") else range(1, 10),
            "Boolean": (True, False),
        }
        return self.random.choice(self.texts.get(hint) or usual.get(name) or self.texts[name])

    def _input(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        fields = kind.fields
        if kind.is_one_of:
            chosen = [self.random.choice(sorted(fields))]
        else:
            chosen = [name for name, each in fields.items() if is_required_input_field(each) or self._is(0.2)]
        return {name: self._value(fields[name].type, name) for name in chosen}


class _Name(str):
    """The name of an enum's value."""

    __slots__ = ()


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_literal(part)}' for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | _Name) else f'"{value}"'


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value
