"""Deny by default: no schema is built with a field that nobody gave a rule or reviewed as open."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
)
from strawberry.types.field import StrawberryField

from app.domain.access_log import DataClass
from app.schema import root
from app.schema.base.field_rules import OpenFields, UnruledFields, require_rules
from app.schema.base.permissions import Requires, financial, marked, personal
from app.schema.node import NODE_TYPES
from app.schema.open_fields import OPEN_FIELDS

APP = Path(root.__file__).parents[1]
CORE = root.schema._schema
BY_ID = {each.type_name: each.data for each in NODE_TYPES.values()}
DATE = CORE.get_type("Date")
PATIENT = CORE.get_type("Patient")
assert isinstance(DATE, GraphQLScalarType)
assert isinstance(PATIENT, GraphQLObjectType)

TEXT = (
    "is text: give it a rule with a data class, such as extensions=personal(...), or list it in "
    "app/schema/open_fields.py: _OPEN_TEXTS"
)
ABOUT_A_PERSON = "is about a person: give it a rule with a data class, such as extensions=personal(...) or health(...)"
NO_RULE = (
    "has no rule: give it extensions=[Requires(...)], or list it in app/schema/open_fields.py: _OPEN, with the reason"
)
ROOT = "is a root field without a rule: give it extensions=[Requires(...)]"


def _field(kind: GraphQLOutputType, **parts: Any) -> GraphQLField:
    definition = StrawberryField(extensions=parts.get("extensions", []), directives=parts.get("directives", []))
    for each in definition.extensions:
        each.apply(definition)
    return GraphQLField(kind, extensions={"strawberry-definition": definition})


@contextmanager
def _added(place: str, field: GraphQLField) -> Iterator[None]:
    """The schema with one more field."""
    type_name, _, name = place.partition(".")
    kind = CORE.get_type(type_name)
    assert isinstance(kind, GraphQLObjectType)
    kind.fields[name] = field
    try:
        yield
    finally:
        del kind.fields[name]


def _complaints(open_fields: OpenFields = OPEN_FIELDS) -> list[str]:
    try:
        require_rules(CORE, open_fields, BY_ID)
    except UnruledFields as found:
        return str(found).splitlines()
    return []


def test_the_schema_has_a_rule_or_a_reason_for_every_field() -> None:
    assert _complaints() == []


@pytest.mark.parametrize(
    ("place", "field", "complaint"),
    [
        ("Claim.nickname", _field(GraphQLString), TEXT),
        ("Claim.tags", _field(GraphQLList(GraphQLString)), TEXT),
        # A permission alone is not enough for a text: what it shows would not be recorded.
        ("Claim.story", _field(GraphQLString, extensions=[Requires("claims:read")]), TEXT),
        ("Claim.cpf", _field(GraphQLString), ABOUT_A_PERSON),
        ("Claim.motherCpf", _field(GraphQLString, extensions=[Requires("claims:read")]), ABOUT_A_PERSON),
        ("Claim.secondaryDiagnosis", _field(GraphQLList(GraphQLString)), ABOUT_A_PERSON),
        ("Invoice.birthDate", _field(DATE), ABOUT_A_PERSON),
        ("Patient.weight", _field(GraphQLInt), ABOUT_A_PERSON),
        ("Invoice.payers", _field(GraphQLList(PATIENT), extensions=[Requires("claims:read")]), ABOUT_A_PERSON),
        ("Claim.attempts", _field(GraphQLInt), NO_RULE),
        ("Claim.undefined", GraphQLField(GraphQLInt), NO_RULE),
        ("Query.version", _field(GraphQLString), ROOT),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:30] else "",
)
def test_a_field_that_is_added_is_closed_until_somebody_decides(
    place: str, field: GraphQLField, complaint: str
) -> None:
    with _added(place, field):
        assert _complaints() == [f"{place} {complaint}"]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("Claim.nickname", _field(GraphQLString, extensions=personal("patients:read"))),
        ("Patient.weight", _field(GraphQLInt, extensions=financial("amounts:read"))),
        ("Claim.attempts", _field(GraphQLInt, extensions=[Requires("claims:read")])),
        ("ClaimItem.story", _field(GraphQLString, directives=marked(DataClass.HEALTH))),
    ],
)
def test_a_field_with_a_rule_is_accepted(place: str, field: GraphQLField) -> None:
    with _added(place, field):
        assert _complaints() == []


def test_a_mark_without_a_rule_counts_only_where_every_way_to_the_object_is_recorded() -> None:
    with _added("Denial.story", _field(GraphQLString, directives=marked(DataClass.HEALTH))):
        found = _complaints()
    way = "Denial.story is HEALTH, and {} leads to it without recording that"
    assert way.format("DenialConnection.nodes") in found
    assert way.format("NODE_TYPES in app/schema/node.py") in found
    assert way.format("InvoiceLine.denial") not in found


def test_the_list_has_no_entry_too_many_and_is_sorted() -> None:
    listed = {"a reason": ("Claim.status", "Claim.nothing", "Claim.cardNumber")}
    changed = OpenFields({**OPEN_FIELDS.fields, **listed}, OPEN_FIELDS.texts)
    assert _complaints(changed) == [
        "sort the names of Claim.status in app/schema/open_fields.py",
        "Claim.nothing in app/schema/open_fields.py is not needed: remove it",
        "Claim.cardNumber in app/schema/open_fields.py is not needed: remove it",
    ]


def test_a_copy_of_the_gateway_with_two_open_fields_does_not_start(tmp_path: Path) -> None:
    shutil.copytree(APP, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", "static"))
    objects = tmp_path / "app" / "schema" / "objects.py"
    place = "    version: int = strawberry.field(\n"
    more = '    patient_cpf: str = strawberry.field(description="CPF.")\n'
    more += '    main_diagnosis: str = strawberry.field(description="CID.")\n'
    objects.write_text(objects.read_text().replace(place, more + place, 1))
    done = subprocess.run(
        [sys.executable, "-c", "import app.schema.root"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        f"app.schema.base.field_rules.UnruledFields: Claim.patientCpf {ABOUT_A_PERSON}",
        f"Claim.mainDiagnosis {ABOUT_A_PERSON}",
    ]
