"""The root fields of one request answer each for itself: what one is refused takes nothing from the others."""

from typing import Any

import pytest

from tests.factories import World, key, today
from tests.inputs import shaped

SETTLEMENT = "$settle: SettleInvoiceInput!"
BOTH = (
    f"mutation($create: CreateClaimInput!, {SETTLEMENT}) "
    "{ a: createClaim(input: $create) { claim { id status } errors { code } } "
    "b: settleInvoice(input: $settle) { settlement { id } } "
    "c: createClaim(input: $create) { claim { id } replayed } }"
)


async def test_a_mutation_that_was_made_is_answered_beside_one_that_is_refused(server_world: World) -> None:
    world = server_world
    settle = {"invoiceId": "inv_x", "paidOn": today().isoformat(), "idempotencyKey": key()}
    variables: dict[str, Any] = {"create": shaped("createClaim", world.claim_input()), "settle": settle}
    answer = await world.gateway.gql(BOTH, variables, token=world.token("biller"))
    data = answer.body["data"]
    assert (data["a"]["claim"]["status"], data["a"]["errors"], data["b"]) == ("DRAFT", [], None)
    assert data["c"] == {"claim": {"id": data["a"]["claim"]["id"]}, "replayed": True}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.body["errors"]] == [(["b"], "FORBIDDEN")]


@pytest.mark.parametrize(
    ("refused", "code"),
    [("settlements { totalCount }", "FORBIDDEN"), ('refused: claims(after: "x") { totalCount }', "BAD_USER_INPUT")],
)
async def test_a_list_that_is_refused_leaves_the_others(server_world: World, refused: str, code: str) -> None:
    query = f"{{ claims {{ totalCount }} {refused} }}"
    answer = await server_world.gateway.gql(query, token=server_world.token("front_desk"))
    name = refused.partition(":")[0].partition(" ")[0]
    assert (answer.codes, answer.body["data"]) == ([code], {"claims": {"totalCount": 0}, name: None})


async def test_an_object_that_may_not_be_read_is_null_at_its_place(server_world: World) -> None:
    world = server_world
    claim = (await world.create_claim())["claim"]["id"]
    invoice = (await world.issued_invoice("10.00"))["id"]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [claim, "rem_00000000000000000000000000", invoice, "unknown"]
    answer = await world.gateway.gql(query, {"ids": ids}, token=world.token("biller"))
    assert answer.body["data"] == {"nodes": [{"id": claim}, None, {"id": invoice}, None]}
    (error,) = answer.body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["nodes", 1], "FORBIDDEN")
    assert error["extensions"]["permission"] == "remittances:read"


async def test_a_field_that_is_refused_in_every_object_has_one_error(server_world: World) -> None:
    world = server_world
    for _ in range(3):
        await world.create_claim()
    query = "{ claims(first: 3) { nodes { patient { name } items { code } providerClaimNumber } } }"
    answer = await world.gateway.gql(query, token=world.token("billing_reader"))
    assert [each["patient"] for each in answer.body["data"]["claims"]["nodes"]] == [None] * 3
    assert [(error["path"], error["extensions"]) for error in answer.body["errors"]] == [
        (
            ["claims", "nodes", 0, "patient"],
            {"code": "FORBIDDEN", "permission": "patients:read or patients:read_masked", "count": 3},
        ),
        (["claims", "nodes", 0, "items"], {"code": "FORBIDDEN", "permission": "claims:read_items", "count": 3}),
    ]
    assert answer.body["extensions"]["redacted"] == ["claims.nodes[0-2].patient", "claims.nodes[0-2].items"]
