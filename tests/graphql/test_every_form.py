"""Each mutation refuses a form with many faults for all of them: inputs are made of the schema, with a fault in every
value, and are compared with the same inputs that have one fault each."""

from pathlib import Path
from typing import Any, Final

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    build_schema,
    get_named_type,
    get_nullable_type,
)

from app.auth.roles import ROLES
from app.services.actions import ACTIONS
from tests.factories import World, key, today
from tests.inputs import dotted, input_type

SCHEMA: Final = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())
MUTATIONS: Final = SCHEMA.mutation_type.fields if SCHEMA.mutation_type else {}
NEEDS: Final = {action.name: action.needs for action in ACTIONS}
GOOD: Final = {
    "AnsCode": "999999",
    "Cnes": "9999999",
    "Cpf": "52998224725",
    "TaxId": "52998224725",
    "Money": "1.00",
    "Quantity": "1",
    "Factor": "1.00",
    "Date": today().isoformat(),
    "DateTime": "2026-10-21T12:00:00Z",
    "Time": "08:00",
    "YearMonth": "2026-01",
    "ID": "unknown",
    "Int": 1,
    "Boolean": False,
}
"""A value of each scalar that has its form, and names nothing."""
TEXTS: Final = {
    "council": "06",
    "state": "35",
    "cbo": "225125",
    "code": "10101012",
    "codeSystem": "22",
    "csv": "kind",
    "diagnosisCodes": "A09",
}
TOO_LONG: Final = "a" * 1_500 + "\a"
FAULTS: Final = {**{name: "?" for name in GOOD if name not in {"ID", "Int", "Boolean"}}, "String": TOO_LONG, "Int": -7}
ERRORS: Final = "errors { code field message }"
Fault = str
Faults = frozenset[Fault]


def _value(kind: GraphQLInputType, name: str, path: str, faults: Faults | None, found: list[Fault]) -> Any:
    """A value of the type, with a fault at these places (None: everywhere); `found` gets the places of all."""
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type, name, path, faults, found)
    if isinstance(kind, GraphQLList):
        return [_value(kind.of_type, name, f"{path}.0", faults, found)]
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind, path, faults, found)
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    scalar = get_named_type(kind).name
    if scalar not in FAULTS or name == "idempotencyKey":
        return key() if scalar == "String" else GOOD[scalar]
    found.append(path)
    return FAULTS[scalar] if faults is None or path in faults else GOOD.get(scalar, TEXTS.get(name, "abc"))


def _object(kind: GraphQLInputObjectType, path: str, faults: Faults | None, found: list[Fault]) -> dict[str, Any]:
    fields = {name: field for name, field in kind.fields.items() if name != "version"}
    directives = (kind.ast_node and kind.ast_node.directives) or ()
    if any(each.name.value == "oneOf" for each in directives):
        chosen = next((name for name, each in fields.items() if not _is_text(each.type)), next(iter(fields)))
        fields = {chosen: fields[chosen]}
    return {
        name: _value(each.type, name, f"{path}.{name}" if path else name, faults, found)
        for name, each in fields.items()
    }


def _is_text(kind: GraphQLInputType) -> bool:
    return get_named_type(kind).name in {"String", "ID"}


def _input(mutation: str, faults: Faults | None) -> tuple[dict[str, Any], list[Fault]]:
    kind = get_nullable_type(MUTATIONS[mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    found: list[Fault] = []
    return _object(kind, "", faults, found), found


async def _refused(world: World, mutation: str, faults: Faults | None, language: str = "en") -> dict[Any, str]:
    """The message of each refusal, by its code and path."""
    role = next(role for role, permissions in ROLES.items() if NEEDS[mutation] in permissions)
    query = f"mutation($input: {input_type(mutation)}!) {{ {mutation}(input: $input) {{ {ERRORS} }} }}"
    values, _ = _input(mutation, faults)
    headers = {"accept-language": language}
    answer = await world.gateway.gql(query, {"input": values}, token=world.token(role), **headers)
    assert answer.codes == [], answer.body
    return {(each["code"], dotted(each["field"])): each["message"] for each in answer.data[mutation]["errors"]}


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
async def test_a_form_is_refused_for_all_its_faults_at_once(server_world: World, mutation: str) -> None:
    world = server_world
    _, places = _input(mutation, None)
    together = await _refused(world, mutation, None)
    alone: set[Any] = set()
    for place in places:
        found = await _refused(world, mutation, frozenset({place}))
        alone |= {(code, field) for code, field in found if field == place}
    assert alone - set(together) == set()
    portuguese = await _refused(world, mutation, None, "pt-BR")
    assert portuguese.keys() == together.keys()
    assert {each for each in together if portuguese[each] == together[each]} == set()
