"""Objects with a key of their own have an id too; providers are found by those who deal with them only."""

import pytest

from tests.factories import World, new_world
from tests.gateway import Gateway


async def _found(gateway: Gateway, token: str, *ids: str) -> list[str | None]:
    """The type of each object, or None."""
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    nodes = (await gateway.gql(query, {"ids": list(ids)}, token=token)).data["nodes"]
    assert [each["id"] for each in nodes if each] == [id for id, each in zip(ids, nodes, strict=True) if each]
    return [each and each["__typename"] for each in nodes]


async def test_payers_providers_and_terms_are_found_by_the_id_that_lists_show(world: World) -> None:
    await world.create_claim()
    query = "{ claims { nodes { payer { id } provider { id } items { term { id } } } } }"
    (claim,) = (await world.call("biller", query))["claims"]["nodes"]
    ids = [claim["payer"]["id"], claim["provider"]["id"], claim["items"][0]["term"]["id"]]
    assert ids == [f"pyr_{world.payer}", f"prv_{world.provider}", "tus_22_10101012"]
    assert await _found(world.gateway, world.token("biller"), *ids) == ["Payer", "Provider", "TussTerm"]


@pytest.mark.parametrize(
    "id",
    [
        "pyr_999999",
        "pyr_12345",
        "prv_12345678",
        "tus_22_",
        "tus_22_99999999",
        "pyr_\uff11\uff123456",
    ],
)
async def test_an_unknown_or_malformed_key_is_no_object(embedded_gateway: Gateway, id: str) -> None:
    world = await new_world(embedded_gateway)
    assert await _found(embedded_gateway, world.token("biller"), id) == [None]


async def test_a_provider_is_found_by_those_who_deal_with_it_only(gateway: Gateway) -> None:
    world, other = await new_world(gateway), await new_world(gateway)
    await world.create_claim()
    provider = f"prv_{world.provider}"
    assert await _found(gateway, world.token("payer_agent"), provider) == ["Provider"]
    assert await _found(gateway, world.token("patient"), provider) == ["Provider"]
    for role in ("biller", "payer_agent", "patient"):
        assert await _found(gateway, other.token(role), provider) == [None]
    assert await _found(gateway, gateway.token("biller", providers=[]), provider) == [None]


async def test_a_patient_finds_entries_of_the_own_access_log_only(gateway: Gateway) -> None:
    world, other = await new_world(gateway), await new_world(gateway)
    await world.create_claim()
    (entry, *_) = (await world.call("patient", "{ myAccessLog { nodes { id } } }"))["myAccessLog"]["nodes"]
    assert await _found(gateway, world.token("patient"), entry["id"]) == ["AccessLogEntry"]
    assert await _found(gateway, other.token("patient"), entry["id"]) == [None]
