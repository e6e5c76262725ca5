"""Guides whose executor has no CNES: the contract's code for the provider, or its CNPJ, says who bills."""

import re
from typing import Any

import pytest

from tests.example_lotes import hashed, lote
from tests.factories import World, new_world
from tests.graphql.test_imports import import_document

NO_CNES = b"<ans:CNES>9999999</ans:CNES>"
CODE = "codigoPrestadorNaOperadora"
REMEDY = "save the code as providerCode of its contract, or write the CNES into the guide"


def _without(world: World, number: str, named: str, value: str) -> bytes:
    content = re.sub(rb"<ans:CNES>\d+</ans:CNES>", NO_CNES, lote(world, [number]))
    element = f"<ans:{named}>{value}</ans:{named}>".encode()
    content, count = re.subn(rb"(<ans:contratadoExecutante>)<ans:\w+>[^<]*</ans:\w+>", rb"\g<1>" + element, content)
    assert count == 1
    return hashed(content)


async def _code_of_contract(world: World, code: str) -> None:
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
    values = {"provider": world.provider, "payer": world.payer, **terms, "providerCode": code}
    assert (await world.mutate("admin", "saveContract", "contract { id }", **values))["errors"] == []


async def _provider_of(world: World, found: Any) -> str:
    query = "query($id: ID!) { claim(id: $id) { provider { cnes } } }"
    claim = (await world.call("biller", query, id=found["results"][0]["claim"]["id"]))["claim"]
    return str(claim["provider"]["cnes"])


async def test_the_code_at_the_payer_names_the_provider(server_world: World) -> None:
    world = server_world
    await _code_of_contract(world, "P-77")
    content = _without(world, "N1", CODE, "P-77")
    found = await import_document(world, content)
    assert [(each["outcome"], each["errors"]) for each in found["results"]] == [("TAKEN", [])]
    assert await _provider_of(world, found) == world.provider
    claim = found["results"][0]["claim"]["id"]
    sent = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[claim])
    assert sent["errors"] == []
    assert NO_CNES.decode() in sent["batch"]["xml"]


async def test_the_code_of_another_provider_is_not_found(server_world: World) -> None:
    world = server_world
    other = await new_world(world.gateway)
    mixed = World(world.gateway, world.payer, other.provider, other.patient, other.card)
    await _code_of_contract(mixed, "P-78")
    (result,) = (await import_document(world, _without(world, "N2", CODE, "P-78")))["results"]
    message = f"the guide has no CNES, and none of your providers fit the code P-78: {REMEDY}"
    assert [(each["code"], each["message"], each["tissCode"]) for each in result["errors"]] == [
        ("INVALID_IDENTIFIER", message, "1202")
    ]


@pytest.mark.parametrize("is_only", [True, False])
async def test_the_cnpj_names_the_only_provider_that_has_it(server_world: World, is_only: bool) -> None:
    world = server_world
    content = _without(world, "N3", "cnpjContratado", "11222333000181")
    token = world.token("biller") if is_only else world.gateway.token("biller", providers=["*"])
    found = await import_document(world, content, token=token)
    outcomes = [(each["outcome"], [error["code"] for error in each["errors"]]) for each in found["results"]]
    assert outcomes == [("TAKEN", []) if is_only else ("REFUSED", ["INVALID_IDENTIFIER"])]
