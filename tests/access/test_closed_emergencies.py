"""An emergency access ends when it is closed: by its caller, or by whoever reviews all accesses."""

import asyncio
from typing import Any

from tests.access.world import nurse_of
from tests.factories import World, key, new_world, refusals
from tests.gateway import Gateway

REASON = "Parada cardiorrespiratória no corredor"
HEALTH = "query($id: ID!) { claim(id: $id) { clinicalIndication } }"
CLOSE = """mutation($input: CloseEmergencyAccessInput!) { closeEmergencyAccess(input: $input) {
  access { id actor closedBy grantedAt expiresAt } errors { code message field tissCode } replayed } }"""
OPEN = """mutation($input: OpenEmergencyAccessInput!) { openEmergencyAccess(input: $input) {
  access { id closedBy expiresAt } errors { code field tissCode } replayed } }"""
ENDED = ("CONFLICT", "emergencyAccessId", None)


def _nurse(world: World) -> str:
    return world.gateway.token("front_desk", providers=[world.provider], sub=nurse_of(world))


async def _open(world: World, **changes: Any) -> Any:
    values = {"patientId": world.patient, "reason": REASON, **changes}
    return (await world.gateway.gql(OPEN, {"input": values}, token=_nurse(world))).data["openEmergencyAccess"]


async def _close(world: World, access: str, token: str, **changes: Any) -> Any:
    values = {"emergencyAccessId": access, **changes}
    return (await world.gateway.gql(CLOSE, {"input": values}, token=token)).data["closeEmergencyAccess"]


async def test_the_health_data_is_closed_and_another_access_may_be_opened(world: World) -> None:
    claim = await world.submitted_claim(clinicalIndication="Dor toracica em repouso")
    access, token = (await _open(world))["access"], _nurse(world)
    seen = await world.gateway.gql(HEALTH, {"id": claim["id"]}, token=token)
    assert seen.data["claim"]["clinicalIndication"] == "Dor toracica em repouso"
    closed = await _close(world, access["id"], token)
    assert (closed["errors"], closed["access"]["closedBy"]) == ([], nurse_of(world))
    assert closed["access"]["grantedAt"] < closed["access"]["expiresAt"] < access["expiresAt"]
    refused = await world.gateway.gql(HEALTH, {"id": claim["id"]}, token=token)
    assert (refused.codes, refused.body["data"]["claim"]["clinicalIndication"]) == (["FORBIDDEN"], None)
    assert (await _open(world))["errors"] == []


async def test_it_is_closed_once(world: World) -> None:
    await world.submitted_claim()
    access, token = (await _open(world))["access"]["id"], _nurse(world)
    both = await asyncio.gather(*(_close(world, access, token) for _ in range(2)))
    assert sorted(refusals(each) for each in both) == [[], [ENDED]]
    assert refusals(await _close(world, access, token)) == [ENDED]


async def test_a_key_closes_once_and_the_answer_of_opening_stays(world: World) -> None:
    await world.submitted_claim()
    opening, closing, token = key(), key(), _nurse(world)
    opened = await _open(world, idempotencyKey=opening)
    first, second = [await _close(world, opened["access"]["id"], token, idempotencyKey=closing) for _ in range(2)]
    assert (first["replayed"], second["replayed"], second["access"]) == (False, True, first["access"])
    again = await _open(world, idempotencyKey=opening)
    assert (again["replayed"], again["access"]) == (True, opened["access"])


async def test_colleagues_do_not_close_it_and_reviewers_do(gateway: Gateway, world: World) -> None:
    await world.submitted_claim()
    access = (await _open(world))["access"]["id"]
    missing = [("NOT_FOUND", "emergencyAccessId", None)]
    colleague = gateway.token("front_desk", providers=[world.provider], sub="colleague")
    assert refusals(await _close(world, access, colleague)) == missing
    elsewhere = gateway.token("admin", providers=[(await new_world(gateway)).provider])
    assert refusals(await _close(world, access, elsewhere)) == missing
    assert refusals(await _close(world, "emg_00000000000000000000000000", colleague)) == missing
    closed = await _close(world, access, gateway.token("admin", providers=["*"]))
    assert (closed["errors"], closed["access"]["actor"], closed["access"]["closedBy"]) == (
        ([], nurse_of(world), "dev-admin")
    )
