"""Each mutation refuses a form with many faults for all of them: inputs are made of the schema, with a fault in every
value, and are compared with the same inputs that have one fault each, and with null where that is allowed."""

from collections.abc import Collection
from typing import Any, Final

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
)

from app.auth.roles import ROLES
from app.services.actions import ACTIONS
from tests.factories import World, key, today
from tests.inputs import dotted, input_type
from tests.published import SCHEMA

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
NONE: Final[Faults] = frozenset()


class Form:
    """The input of a mutation, with a fault at these places (None: everywhere) and null at those.

    `faulty` are the places that can have a fault, `nullable` those that can be null.
    """

    def __init__(self, mutation: str, faults: Faults | None = None, nulls: Faults = NONE) -> None:
        self._faults, self._nulls = faults, nulls
        self.faulty: list[Fault] = []
        self.nullable: list[Fault] = []
        kind = get_nullable_type(MUTATIONS[mutation].args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        self.values = self._object(kind, "")

    def _value(self, kind: GraphQLInputType, name: str, path: str) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, name, path)
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type, name, f"{path}.0")]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, path)
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        scalar = get_named_type(kind).name
        if scalar not in FAULTS or name == "idempotencyKey":
            return key() if scalar == "String" else GOOD[scalar]
        self.faulty.append(path)
        is_faulty = self._faults is None or path in self._faults
        return FAULTS[scalar] if is_faulty else GOOD.get(scalar, TEXTS.get(name, "abc"))

    def _object(self, kind: GraphQLInputObjectType, path: str) -> dict[str, Any]:
        fields = {name: field for name, field in kind.fields.items() if name != "version"}
        directives = (kind.ast_node and kind.ast_node.directives) or ()
        is_choice = any(each.name.value == "oneOf" for each in directives)
        if is_choice:
            chosen = next((name for name, each in fields.items() if not _is_text(each.type)), next(iter(fields)))
            fields = {chosen: fields[chosen]}
        found: dict[str, Any] = {}
        for name, each in fields.items():
            place = f"{path}.{name}" if path else name
            if not (is_choice or isinstance(each.type, GraphQLNonNull) or name == "idempotencyKey"):
                self.nullable.append(place)
            found[name] = None if place in self._nulls else self._value(each.type, name, place)
        return found


def _is_text(kind: GraphQLInputType) -> bool:
    return get_named_type(kind).name in {"String", "ID"}


async def _refused(world: World, mutation: str, form: Form, language: str = "en") -> dict[Any, str]:
    """The message of each refusal, by its code and path."""
    role = next(role for role, permissions in ROLES.items() if NEEDS[mutation] in permissions)
    query = f"mutation($input: {input_type(mutation)}!) {{ {mutation}(input: $input) {{ {ERRORS} }} }}"
    headers = {"accept-language": language}
    answer = await world.gateway.gql(query, {"input": form.values}, token=world.token(role), **headers)
    assert answer.codes == [], answer.body
    return {(each["code"], dotted(each["field"])): each["message"] for each in answer.data[mutation]["errors"]}


def _is_at(place: str | None, nulls: Collection[Fault]) -> bool:
    """Whether it is one of these places, or in one."""
    return any(f"{place}.".startswith(f"{each}.") for each in nulls)


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
async def test_a_form_is_refused_for_all_its_faults_at_once(server_world: World, mutation: str) -> None:
    world = server_world
    whole = Form(mutation)
    together = await _refused(world, mutation, whole)
    alone: set[Any] = set()
    for place in whole.faulty:
        found = await _refused(world, mutation, Form(mutation, frozenset({place})))
        alone |= {(code, field) for code, field in found if field == place}
    assert alone - set(together) == set()
    portuguese = await _refused(world, mutation, whole, "pt-BR")
    assert portuguese.keys() == together.keys()
    assert {each for each in together if portuguese[each] == together[each]} == set()
    await _nulls_hide_nothing(world, mutation, alone)


async def _nulls_hide_nothing(world: World, mutation: str, alone: set[Any]) -> None:
    """Null wherever it may be, and each null that is refused beside faults everywhere else."""
    nulls = frozenset(Form(mutation).nullable)
    refused = await _refused(world, mutation, Form(mutation, NONE, nulls)) if nulls else {}
    for places in [nulls, *(frozenset({place}) for place in nulls if any(_is_at(at, {place}) for _, at in refused))]:
        good = await _refused(world, mutation, Form(mutation, NONE, places))
        bad = await _refused(world, mutation, Form(mutation, None, places))
        expected = {each for each in alone if not _is_at(each[1], places)}
        expected |= {each for each in good if _is_at(each[1], places)}
        assert expected - set(bad) == set()
