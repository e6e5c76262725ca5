"""The schema in the repository is the schema that the code prints, and every root field says who may use it."""

from pathlib import Path

import pytest
from graphql import (
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
)

from app.schema.root import schema

ROOT = Path(__file__).parents[2]
PRINTED = schema.as_str()
DOCUMENT = parse(PRINTED)
ROOT_TYPES = ("Query", "Mutation", "Subscription")


def _objects() -> dict[str, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode]:
    kinds = (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode)
    return {node.name.value: node for node in DOCUMENT.definitions if isinstance(node, kinds)}


def _fields(type_name: str) -> list[FieldDefinitionNode]:
    return list(_objects()[type_name].fields or ())


def test_the_schema_file_is_what_the_code_prints() -> None:
    assert (ROOT / "schema.graphql").read_text() == PRINTED + "\n"


@pytest.mark.parametrize("field", [f"{name}.{field.name.value}" for name in ROOT_TYPES for field in _fields(name)])
def test_a_root_field_states_its_permission(field: str) -> None:
    type_name, _, name = field.partition(".")
    found = next(each for each in _fields(type_name) if each.name.value == name)
    directives = {directive.name.value for directive in found.directives or ()}
    assert directives & {"requiresScopes", "authenticated"}, f"{field} is open to everybody"


SENSITIVE = {
    "PERSONAL": ["Claim.cardNumber", "Claim.patient", "Claim.authorization", "Patient.name", "Patient.cpf"],
    "HEALTH": ["Claim.items", "Claim.diagnosisCodes", "Claim.clinicalIndication"],
    "FINANCIAL": ["Claim.claimedAmount", "Denial.amount", "Invoice.totalAmount", "Settlement.bankReference"],
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, fields in SENSITIVE.items() for field in fields])
def test_a_sensitive_field_says_what_it_is_and_whom_it_needs(kind: str, field: str) -> None:
    type_name, _, name = field.partition(".")
    found = next(each for each in _fields(type_name) if each.name.value == name)
    printed = {directive.name.value: directive for directive in found.directives or ()}
    assert print_ast(printed["sensitive"]) == f"@sensitive(data: {kind})"
    assert "requiresScopes" in printed


def test_everything_is_described() -> None:
    missing = []
    for node in DOCUMENT.definitions:
        if isinstance(node, TypeDefinitionNode) and node.description is None and node.name.value not in ROOT_TYPES:
            missing.append(node.name.value)
        if isinstance(node, (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode, InputObjectTypeDefinitionNode)):
            name = node.name.value
            missing += [f"{name}.{field.name.value}" for field in node.fields or () if field.description is None]
        if isinstance(node, EnumTypeDefinitionNode):
            missing += [
                f"{node.name.value}.{each.name.value}" for each in node.values or () if each.description is None
            ]
    for type_name in _objects():
        missing += [each for field in _fields(type_name) for each in _arguments_without_description(type_name, field)]
    assert missing == []


def _arguments_without_description(type_name: str, field: FieldDefinitionNode) -> list[str]:
    return [
        f"{type_name}.{field.name.value}({argument.name.value}:)"
        for argument in field.arguments or ()
        if argument.description is None
    ]


def test_a_field_that_can_be_refused_is_nullable() -> None:
    """So that a refusal or an outage never takes its neighbours along. A subscription refuses before its first event
    and has only one root field, so those may be non-null."""
    guarded = [
        (name, field) for name in _objects() if name != "Subscription" for field in _fields(name) if _guards(field)
    ]
    assert len(guarded) > 100
    assert [f"{name}.{field.name.value}" for name, field in guarded if isinstance(field.type, NonNullTypeNode)] == []


def _guards(field: FieldDefinitionNode) -> set[str]:
    return {each.name.value for each in field.directives or ()} & {"requiresScopes", "authenticated"}
