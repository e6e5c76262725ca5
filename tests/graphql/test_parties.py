"""Payers and providers are registered, changed and deactivated; what exists stays valid."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app.db.tables import outbox
from tests.factories import World, key, party_admin, refusals

PAYER = "payer { id ansCode name isActive version submissionWindowDays appealDeadlineDays paymentTermDays }"
PROVIDER = "provider { id cnes name taxId isActive version }"


def _free(number: str) -> str:
    """A number that no world has."""
    return f"7{number[1:]}"


async def _history(world: World, party: str) -> list[dict[str, Any]]:
    steps = "history { nodes { action version isActive changedFields actor } }"
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Payer {{ {steps} }} ... on Provider {{ {steps} }} }} }}"
    token = world.gateway.token("admin", providers=["*"])
    found: list[dict[str, Any]] = (await world.gateway.gql(query, {"id": party}, token=token)).data["node"]["history"][
        "nodes"
    ]
    return found


async def _event_data(world: World, party: str) -> list[Any]:
    async with world.gateway.database.reading() as connection:
        rows = select(outbox.c.name, outbox.c.data).where(outbox.c.aggregate_id == party).order_by(outbox.c.id)
        return [(name, orjson.loads(data)) for name, data in (await connection.execute(rows)).all()]


async def test_a_payer_is_registered_with_the_usual_terms_and_changed(server_world: World) -> None:
    world, code = server_world, _free(server_world.payer)
    once = key()
    found = await party_admin(
        world, "registerPayer", PAYER, payerAnsCode=code, name=" Operadora Nova ", idempotencyKey=once
    )
    expected = {"id": f"pyr_{code}", "ansCode": code, "name": "Operadora Nova", "isActive": True, "version": 1}
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
    assert found == {"payer": {**expected, **terms}, "errors": [], "replayed": False}
    values = {"payerAnsCode": code, "name": "Operadora Nova S.A.", "paymentTermDays": 45, "version": 1}
    changed = await party_admin(world, "updatePayer", PAYER, **values)
    renewed = {**expected, **terms, "name": "Operadora Nova S.A.", "paymentTermDays": 45, "version": 2}
    assert changed["payer"] == renewed
    assert refusals(await party_admin(world, "updatePayer", PAYER, **values)) == [("STALE_VERSION", "version", None)]
    same = await party_admin(world, "updatePayer", PAYER, payerAnsCode=code, name="Operadora Nova S.A.")
    assert (same["payer"], same["errors"]) == (renewed, [])
    again = await party_admin(
        world, "registerPayer", PAYER, payerAnsCode=code, name=" Operadora Nova ", idempotencyKey=once
    )
    assert (again["payer"], again["replayed"]) == ({**expected, **terms}, True)
    steps = [{"action": "REGISTER", "version": 1, "isActive": True, "changedFields": [], "actor": "steward"}]
    steps += [
        {
            "action": "UPDATE",
            "version": 2,
            "isActive": True,
            "changedFields": ["name", "paymentTermDays"],
            "actor": "steward",
        }
    ]
    assert await _history(world, f"pyr_{code}") == steps
    data = {"provider": None, "payer": code, "isActive": True}
    assert await _event_data(world, f"pyr_{code}") == [
        ("PayerRegistered", {**data, "version": 1}),
        ("PayerUpdated", {**data, "version": 2}),
    ]


async def test_a_provider_is_registered_and_changed(server_world: World) -> None:
    world, code = server_world, _free(server_world.provider)
    values = {"providerCnes": code, "name": "Hospital Novo", "idempotencyKey": key()}
    found = await party_admin(world, "registerProvider", PROVIDER, taxId="12ABC34501DE35", **values)
    expected = {"id": f"prv_{code}", "cnes": code, "name": "Hospital Novo", "isActive": True, "version": 1}
    assert (found["provider"] | {"taxId": None}, found["errors"]) == (expected | {"taxId": None}, [])
    person = await party_admin(world, "updateProvider", PROVIDER, providerCnes=code, taxId="52998224725")
    assert (person["provider"]["version"], person["errors"]) == (2, [])
    query = f'{{ provider(cnes: "{code}") {{ taxId name }} }}'
    seen = await world.gateway.gql(query, token=world.gateway.token("reviewer", providers=["*"]))
    assert seen.data["provider"] == {"taxId": "52998224725", "name": "Hospital Novo"}


@pytest.mark.parametrize("tax_id", ["11222333000182", "12ABC34501DE36", "52998224724", "11111111111", "1122233300018"])
async def test_a_wrong_taxpayer_number_is_refused(server_world: World, tax_id: str) -> None:
    values = {"providerCnes": _free(server_world.provider), "name": "Hospital", "idempotencyKey": key()}
    found = await party_admin(server_world, "registerProvider", PROVIDER, taxId=tax_id, **values)
    assert [(code, field) for code, field, _ in refusals(found)] == [("INVALID_IDENTIFIER", "taxId")]


async def test_wrong_values_are_refused_together(server_world: World) -> None:
    values = {"payerAnsCode": _free(server_world.payer), "name": " ", "idempotencyKey": key()}
    found = await party_admin(server_world, "registerPayer", PAYER, submissionWindowDays=0, **values)
    assert refusals(found) == [("INVALID_INPUT", "name", None), ("INVALID_INPUT", "submissionWindowDays", None)]


async def test_a_number_that_is_known_is_refused_with_the_one_that_has_it(server_world: World) -> None:
    world = server_world
    query = """mutation($input: RegisterPayerInput!) {
      registerPayer(input: $input) { errors { code field ... on DuplicatePartyError { existing { id } } } } }"""
    values = {"payerAnsCode": world.payer, "name": "Outra", "idempotencyKey": key()}
    token = world.gateway.token("admin", providers=["*"])
    found = (await world.gateway.gql(query, {"input": values}, token=token)).data["registerPayer"]["errors"]
    assert found == [{"code": "DUPLICATE_PARTY", "field": ["payerAnsCode"], "existing": {"id": f"pyr_{world.payer}"}}]


async def test_of_callers_who_register_the_same_payer_at_once_one_does(server_world: World) -> None:
    code = _free(server_world.payer)
    values = {"payerAnsCode": code, "name": "Corrida"}
    found = await asyncio.gather(
        *[party_admin(server_world, "registerPayer", PAYER, idempotencyKey=key(), **values) for _ in range(4)]
    )
    codes = sorted(code for each in found for code, _, _ in refusals(each))
    assert codes == ["DUPLICATE_PARTY"] * 3
    assert [name for name, _ in await _event_data(server_world, f"pyr_{code}")] == ["PayerRegistered"]


@pytest.mark.parametrize(("kind", "party"), [("Payer", "payerAnsCode"), ("Provider", "providerCnes")])
async def test_a_deactivated_party_gets_no_new_claims_and_its_old_ones_go_on(
    server_world: World, kind: str, party: str
) -> None:
    world, fields = server_world, PAYER if kind == "Payer" else PROVIDER
    code = world.payer if kind == "Payer" else world.provider
    draft = (await world.create_claim())["claim"]
    sent = await world.claim_in_review()
    found = await party_admin(world, f"deactivate{kind}", fields, **{party: code})
    assert (found[kind.lower()]["isActive"], found[kind.lower()]["version"], found["errors"]) == (False, 2, [])
    refused = [("DEACTIVATED", f"claim.{party}", None)]
    assert refusals(await world.create_claim()) == refused
    changed = await world.mutate("biller", "updateDraftClaim", "claim { id }", id=draft["id"])
    assert [code for code, _, _ in refusals(changed)] == ["DEACTIVATED"]
    submitted = await world.mutate(
        "biller", "submitClaims", "results { errors { code message } }", claimIds=[draft["id"]]
    )
    message = f"this {kind.lower()} is deactivated: reactivate it, or choose another"
    assert submitted["results"][0]["errors"] == [{"code": "DEACTIVATED", "message": message}]
    decided = await world.adjudicate(sent["id"], [{"sequence": 1, "approvedAmount": "100.00"}])
    assert (decided["errors"], (await world.create_invoice([sent["id"]]))["errors"]) == ([], [])
    once_more = await party_admin(world, f"deactivate{kind}", fields, **{party: code})
    assert refusals(once_more) == [("CONFLICT", party, None)]
    back = await party_admin(world, f"reactivate{kind}", fields, **{party: code}, version=2)
    assert (back[kind.lower()]["isActive"], back[kind.lower()]["version"]) == (True, 3)
    assert (await world.create_claim())["errors"] == []
    prefix = "pyr" if kind == "Payer" else "prv"
    actions = [(each["action"], each["isActive"]) for each in await _history(world, f"{prefix}_{code}")]
    assert actions == [("DEACTIVATE", False), ("REACTIVATE", True)]


async def test_a_claim_of_a_deactivated_payer_is_still_corrected(server_world: World) -> None:
    world = server_world
    claim = await world.approved_claim()
    await party_admin(world, "deactivatePayer", PAYER, payerAnsCode=world.payer)
    values = {"id": claim["id"], "providerClaimNumber": key()[:20], "idempotencyKey": key()}
    found = await world.mutate("biller", "replaceClaim", "claim { status }", **values)
    assert (found["claim"], found["errors"]) == ({"status": "DRAFT"}, [])


async def test_lists_show_active_payers_or_the_others(server_world: World) -> None:
    world = server_world
    await party_admin(world, "deactivatePayer", PAYER, payerAnsCode=world.payer)
    query = (
        "query($code: String!, $active: Boolean) { payers(search: $code, isActive: $active) { nodes { isActive } } }"
    )
    for active, found in ((True, []), (False, [{"isActive": False}]), (None, [{"isActive": False}])):
        assert (await world.call("biller", query, code=world.payer, active=active))["payers"]["nodes"] == found


async def test_an_administrator_of_one_provider_manages_it_and_no_payer(server_world: World) -> None:
    world = server_world
    own = world.token("admin")
    query = "mutation($input: Update%sInput!) { update%s(input: $input) { errors { code field } } }"
    payer = {"payerAnsCode": world.payer, "name": "Outra"}
    found = await world.gateway.gql(query % ("Payer", "Payer"), {"input": payer}, token=own)
    assert found.data["updatePayer"]["errors"] == [{"code": "NOT_FOUND", "field": ["payerAnsCode"]}]
    provider = {"providerCnes": world.provider, "name": "Outra"}
    found = await world.gateway.gql(query % ("Provider", "Provider"), {"input": provider}, token=own)
    assert found.data["updateProvider"]["errors"] == []
