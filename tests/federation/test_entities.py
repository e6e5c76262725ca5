"""Entities are found by their keys just as `nodes` finds objects: same permissions, data scope, limits, access log."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.schema.federation import sdl
from app.schema.federation import subgraph as subgraph_schema
from app.schema.node import NODE_TYPES
from app.schema.root import schema
from tests.access.test_audit import entries_of
from tests.factories import World, new_world
from tests.gateway import Answer, Gateway
from tests.inputs import dotted

ROOT = Path(__file__).parents[2]
ENTITIES = """query($representations: [_Any!]!) { _entities(representations: $representations) { __typename
  ... on Claim { id status claimedAmount }  ... on Payer { id ansCode }  ... on Provider { id cnes taxId }
  ... on TussTerm { id term }  ... on ClaimItem { id totalAmount }  ... on Patient { id cpf }
  ... on ClaimStep { actor } } }"""
NODES = ENTITIES.replace("_Any", "ID").replace("_entities(representations:", "nodes(ids:")


async def _found(world: World, role: str, *given: Any) -> Answer:
    return await world.gateway.gql(ENTITIES, {"representations": list(given)}, token=world.token(role))


def _of(kind: str, identifier: str) -> dict[str, str]:
    return {"__typename": kind, "id": identifier}


async def test_an_entity_is_found_by_each_of_its_keys(world: World) -> None:
    claim = (await world.create_claim())["claim"]["id"]
    term = {"__typename": "TussTerm", "codeSystem": "22", "code": "10101012"}
    answer = await _found(
        world,
        "biller",
        _of("Claim", claim),
        {"__typename": "Payer", "ansCode": world.payer, "name": "of another subgraph"},
        _of("Payer", f"pyr_{world.payer}"),
        {"__typename": "Provider", "cnes": world.provider},
        term,
    )
    payer = {"__typename": "Payer", "id": f"pyr_{world.payer}", "ansCode": world.payer}
    provider = {"id": f"prv_{world.provider}", "cnes": world.provider, "taxId": answer.data["_entities"][3]["taxId"]}
    assert answer.data["_entities"] == [
        {"__typename": "Claim", "id": claim, "status": "DRAFT", "claimedAmount": "100.00"},
        payer,
        payer,
        {"__typename": "Provider", **provider},
        {
            "__typename": "TussTerm",
            "id": "tus_22_10101012",
            "term": "Consulta em consultório (no horário normal ou preestabelecido)",
        },
    ]


def _named(found: dict[str, Any], name: str) -> list[str] | None:
    """The paths that are redacted, as they are under another root field."""
    redacted = found["extensions"].get("redacted")
    return redacted and [each.replace("_entities", name) for each in redacted]


async def test_what_a_caller_sees_of_an_entity_is_what_nodes_shows(world: World) -> None:
    """Refused, masked and out of scope alike; a refusal takes the place of its object."""
    await world.create_claim()
    query = "{ claims { nodes { id items { id } patient { id } history { nodes { id } } } } }"
    (claim,) = (await world.call("reviewer", query))["claims"]["nodes"]
    objects = [
        _of("Claim", claim["id"]),
        _of("ClaimItem", claim["items"][0]["id"]),
        _of("Patient", claim["patient"]["id"]),
        _of("ClaimStep", claim["history"]["nodes"][0]["id"]),
        _of("Provider", f"prv_{world.provider}"),
    ]
    other = await new_world(world.gateway)
    ids = [each["id"] for each in objects]
    shown = {}
    for caller, role in ((world, "biller"), (world, "finance"), (world, "payer_agent"), (other, "biller")):
        found = (await _found(caller, role, *objects)).body
        same = (await world.gateway.gql(NODES, {"representations": ids}, token=caller.token(role))).body
        assert found["data"]["_entities"] == same["data"]["nodes"]
        assert found["extensions"]["cost"] == same["extensions"]["cost"]
        assert _named(found, "nodes") == same["extensions"].get("redacted")
        shown[caller is world, role] = found
        for mine, theirs in zip(found.get("errors", []), same.get("errors", []), strict=True):
            assert mine["extensions"] == theirs["extensions"]
            assert mine["path"][1:] == theirs["path"][1:]
    assert shown[False, "biller"]["data"]["_entities"] == [None] * 5
    assert "errors" not in shown[False, "biller"]
    assert [each and each["__typename"] for each in shown[True, "biller"]["data"]["_entities"]] == [
        each["__typename"] for each in objects
    ]


async def test_a_refusal_is_an_error_at_the_place_of_its_entity(world: World) -> None:
    claim = (await world.create_claim())["claim"]["id"]
    answer = await _found(world, "admin", {"__typename": "Payer", "ansCode": world.payer}, _of("Claim", claim))
    found = [(each["path"], each["extensions"]["code"]) for each in answer.body["errors"]]
    assert (["_entities", 1], "FORBIDDEN") in found
    assert answer.body["data"]["_entities"][1] is None


async def test_the_id_of_another_type_is_no_object(world: World) -> None:
    """As an unknown or malformed id, so that nothing tells what exists."""
    claim = (await world.create_claim())["claim"]["id"]
    answer = await _found(
        world,
        "biller",
        _of("Invoice", claim),
        _of("Claim", "nonsense"),
        _of("Claim", "clm_01k00000000000000000000000"),
        {"__typename": "Payer", "ansCode": "999999"},
        {"__typename": "TussTerm", "codeSystem": "", "code": "22_10101012"},
    )
    assert answer.data["_entities"] == [None] * 5


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("clm_1", "representations.0"),
        ({}, "representations.0.__typename"),
        ({"__typename": "PageInfo"}, "representations.0.__typename"),
        ({"__typename": ["Claim"]}, "representations.0.__typename"),
        ({"__typename": "Claim"}, "representations.0.id"),
        ({"__typename": "Claim", "id": 7}, "representations.0.id"),
        ({"__typename": "Claim", "ansCode": "123456"}, "representations.0.id"),
        ({"__typename": "TussTerm", "code": "10101012"}, "representations.0.id"),
        ({"__typename": "Payer", "id": None, "ansCode": "123456"}, "representations.0.id"),
    ],
)
async def test_a_malformed_representation_is_refused_with_its_place(subgraph: Gateway, given: Any, field: str) -> None:
    answer = await subgraph.gql(ENTITIES, {"representations": [given]}, token=subgraph.token("biller"))
    (error,) = answer.body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["_entities", 0], "BAD_USER_INPUT")
    assert dotted(error["extensions"]["field"]) == field
    assert answer.body["data"] == {"_entities": [None]}


async def test_as_many_representations_as_nodes_takes_ids(world: World) -> None:
    one = {"__typename": "Payer", "ansCode": world.payer}
    assert len((await _found(world, "biller", *[one] * 100)).data["_entities"]) == 100
    answer = await _found(world, "biller", *[one] * 101)
    assert answer.body["data"] is None
    assert answer.body["errors"][0]["extensions"]["field"] == ["representations"]


async def test_reading_an_entity_is_an_entry_of_the_access_log(world: World) -> None:
    claim = (await world.create_claim(clinicalIndication="tosse"))["claim"]["id"]
    query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Claim { clinicalIndication } } }"
    answer = await world.gateway.gql(query, {"r": [_of("Claim", claim)]}, token=world.token("reviewer"))
    assert answer.data == {"_entities": [{"clinicalIndication": "tosse"}]}
    (logged,) = await entries_of(world.gateway, answer.headers["x-request-id"])
    assert (logged.entry.operation, len(logged.persons)) == ("_entities", 1)


async def test_the_subgraphs_schema_needs_the_permission_of_introspection(world: World) -> None:
    query = "{ _service { sdl } }"
    assert (await world.gateway.gql(query, token=world.token("biller"))).codes == ["FORBIDDEN"]
    assert (await world.gateway.gql(query)).codes == ["UNAUTHENTICATED"]
    assert (await world.call("admin", query)) == {"_service": {"sdl": sdl()}}


async def test_without_the_setting_there_is_no_subgraph(embedded_gateway: Gateway) -> None:
    token = embedded_gateway.token("admin", providers=[])
    for query in ("{ _service { sdl } }", "{ _entities(representations: []) { __typename } }"):
        answer = await embedded_gateway.gql(query, token=token)
        assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]


def test_every_type_with_an_id_has_a_key_and_nothing_else_is_different() -> None:
    text = sdl()
    plain = text.partition("\n\n")[2].replace(' @key(fields: "id")', "").replace(" @shareable", "")
    for key in ("ansCode", "cnes", "codeSystem code"):
        assert f'@key(fields: "id") @key(fields: "{key}") {{' in text
        plain = plain.replace(f' @key(fields: "{key}")', "")
    subgraph_schema()
    assert f"{plain}\n" == (ROOT / "schema.graphql").read_text() == f"{schema.as_str()}\n"
    keyed = set(re.findall(r'^type (\w+) implements [\w& ]+ @key\(fields: "id"\)', text, re.MULTILINE))
    interface = "ClaimHistoryEntry"
    assert keyed == {each.type_name for each in NODE_TYPES.values()} - {interface} | {"ClaimStep", "DenialStep"}
