"""Deny by default: no schema is built with a field that has neither a rule nor a place in the list of open fields."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import filter as filter_names
from fnmatch import translate
from functools import cached_property
from typing import Final

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
)
from strawberry.types.field import StrawberryField

from app.domain.access_log import DataClass
from app.schema.base.permissions import Requires, Sensitive

LIST: Final = "app/schema/open_fields.py"
ROOTS: Final = ("Query", "Mutation", "Subscription")
PATIENT: Final = "Patient"
PAGES: Final = ("PatientConnection", "PatientEdge")
"""Structure around patients; the fields that lead to it are about a person."""
CALLER: Final = "Me"
"""The type whose fields are all about the caller."""
# Words in a field's name that mean a document of a person, something private, or free text: never in the open list.
PRIVATE: Final = re.compile(
    r"(?i)cpf|cnpj|taxid|passport|birth|gender|address|phone|e_?mail|card(?!Valid)|patient|diagnos|indication"
    r"|justification|reason$|notes?$|comment|remark|observation"
)
Listed = Mapping[str, tuple[str, ...]]


class UnruledFields(Exception):
    """Fields of the schema without a rule; the text has one line for each, with what to do."""


@dataclass(frozen=True)
class OpenFields:
    """The reviewed lists, by reason: fields that whoever sees their object may see, and texts with no sensitive data.

    Names are `Type.field`; `*` in the type is for structure that Strawberry generates, such as `*Connection.edges`.
    """

    fields: Listed
    texts: Listed

    def has(self, name: str, *, is_text: bool) -> bool:
        """Whether the field is listed; a text has to be listed as a text."""
        names, pattern = self._text_entries if is_text else self._field_entries
        return name in names or pattern.fullmatch(name) is not None

    @cached_property
    def _field_entries(self) -> tuple[frozenset[str], re.Pattern[str]]:
        return _entries(self.fields)

    @cached_property
    def _text_entries(self) -> tuple[frozenset[str], re.Pattern[str]]:
        return _entries(self.texts)


def _entries(listed: Listed) -> tuple[frozenset[str], re.Pattern[str]]:
    """The entries that are names, and a pattern for the others."""
    entries = frozenset(_names(listed))
    patterns = [translate(each) for each in entries if "*" in each]
    return entries, re.compile("|".join(patterns) or "(?!)")


def _names(listed: Listed) -> Iterator[str]:
    return (name for names in listed.values() for name in names)


def rule_of(field: GraphQLField) -> Requires | None:
    """The rule of the field; None if it is visible to every caller who sees its object."""
    definition = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField):
        return None
    return next((each for each in definition.extensions if isinstance(each, Requires)), None)


def classes_of(field: GraphQLField) -> tuple[DataClass, ...]:
    """The classes of sensitive data in the field, as its directives say."""
    definition = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField):
        return ()
    return tuple(each.data for each in definition.directives if isinstance(each, Sensitive))


def require_rules(schema: GraphQLSchema, open_fields: OpenFields, by_id: Mapping[str, tuple[DataClass, ...]]) -> None:
    """UnruledFields for every field that is open without being listed, and for a wrong entry of the list.

    `by_id` has the types of objects that are found by id alone, with the classes of data recorded for that.
    """
    found = [*_unruled(schema, open_fields), *_unrecorded(schema, by_id), *_stale(schema, open_fields)]
    if found:
        raise UnruledFields("\n".join(found))


def _objects(schema: GraphQLSchema) -> Iterator[tuple[str, Mapping[str, GraphQLField]]]:
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)) and not kind.name.startswith("__"):
            yield kind.name, kind.fields


def _unruled(schema: GraphQLSchema, open_fields: OpenFields) -> Iterator[str]:
    for type_name, fields in _objects(schema):
        for field_name, field in fields.items():
            problem = _problem(type_name, field_name, field, open_fields)
            if problem is not None:
                yield f"{type_name}.{field_name} {problem}"


def _problem(type_name: str, name: str, field: GraphQLField, open_fields: OpenFields) -> str | None:
    """What is missing of the field's rule, and what to do; None if nothing is."""
    target, full = get_named_type(field.type).name, f"{type_name}.{name}"
    is_text, is_ruled = target == "String", rule_of(field) is not None
    if type_name in ROOTS and not is_ruled:
        return "is a root field without a rule: give it extensions=[Requires(...)]"
    if classes_of(field) or type_name in PAGES or (type_name in ROOTS and target not in PAGES):
        return None
    if target in (PATIENT, *PAGES) or (type_name == PATIENT and name != "id") or _is_private(type_name, name, field):
        return "is about a person: give it a rule with a data class, such as extensions=personal(...) or health(...)"
    if is_text and not open_fields.has(full, is_text=True):
        rule = "give it a rule with a data class, such as extensions=personal(...)"
        return f"is text: {rule}, or list it in {LIST}: _OPEN_TEXTS"
    if is_ruled or is_text or open_fields.has(full, is_text=False):
        return None
    return f"has no rule: give it extensions=[Requires(...)], or list it in {LIST}: _OPEN, with the reason"


def _is_private(type_name: str, name: str, field: GraphQLField) -> bool:
    """Whether a value (of an object its own fields are asked, an enum's values are known) has a private name."""
    is_value = isinstance(get_named_type(field.type), GraphQLScalarType)
    return is_value and type_name != CALLER and PRIVATE.search(name) is not None


def _unrecorded(schema: GraphQLSchema, by_id: Mapping[str, tuple[DataClass, ...]]) -> Iterator[str]:
    """A field with `@sensitive` and no rule is recorded only by the fields that lead to its object: all have to."""
    ways = _ways(schema)
    for type_name, fields in _objects(schema):
        for name, field in fields.items():
            classes = classes_of(field)
            if not classes or rule_of(field) is not None:
                continue
            for data in classes:
                for way in _unrecorded_ways(ways[type_name], by_id, type_name, data):
                    yield f"{type_name}.{name} is {data.value}, and {way} leads to it without recording that"


def _ways(schema: GraphQLSchema) -> Mapping[str, list[tuple[str, GraphQLField]]]:
    """By type, the fields that lead to it, as `Type.field` with the field."""
    ways: defaultdict[str, list[tuple[str, GraphQLField]]] = defaultdict(list)
    for type_name, fields in _objects(schema):
        for name, field in fields.items():
            ways[get_named_type(field.type).name].append((f"{type_name}.{name}", field))
    return ways


def _unrecorded_ways(
    ways: list[tuple[str, GraphQLField]], by_id: Mapping[str, tuple[DataClass, ...]], target: str, data: DataClass
) -> Iterator[str]:
    if target in by_id and data not in by_id[target]:
        yield "NODE_TYPES in app/schema/node.py"
    for name, field in ways:
        rule = rule_of(field)
        if rule is None or data not in rule.data:
            yield name


def _stale(schema: GraphQLSchema, open_fields: OpenFields) -> Iterator[str]:
    """Entries for fields that do not exist or have a rule, and lists that are not sorted."""
    needed = {
        f"{type_name}.{name}": get_named_type(field.type).name == "String"
        for type_name, fields in _objects(schema)
        for name, field in fields.items()
        if not classes_of(field) and (rule_of(field) is None or get_named_type(field.type).name == "String")
    }
    for is_text, listed in ((False, open_fields.fields), (True, open_fields.texts)):
        for names in listed.values():
            if list(names) != sorted(set(names)):
                yield f"sort the names of {names[0]} in {LIST}"
        wanted = {name for name, text in needed.items() if text is is_text}
        for entry in _names(listed):
            if entry not in wanted and not ("*" in entry and filter_names(wanted, entry)):
                yield f"{entry} in {LIST} is not needed: remove it"
