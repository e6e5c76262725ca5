"""Emergency access is for an emergency: not for a list of patients, whether in one request, at once, or in a day."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db.access_log_tables import emergency_accesses
from tests.access.world import nurse_of
from tests.factories import World, new_world
from tests.figures import Figures
from tests.gateway import Gateway, embedded_settings, running_gateway

REASON = "Parada cardiorrespiratória no corredor"
OPEN = 'openEmergencyAccess(input: {{ patientId: "{}", reason: "{}" }}) {{ access {{ id }} errors {{ code message }} }}'
STILL_OPEN = {"code": "CONFLICT", "message": "your last emergency access is still open: close it first"}
TOO_MANY = {
    "code": "EMERGENCY_LIMIT",
    "message": "you may open 3 emergency accesses in 24 hours: ask a colleague, or an administrator",
}


async def _patients(gateway: Gateway, count: int) -> list[World]:
    """Worlds with a patient each, all known to their provider."""
    worlds = [await new_world(gateway) for _ in range(count)]
    for world in worlds:
        await world.submitted_claim()
    return worlds


def _token(worlds: list[World]) -> str:
    providers = [world.provider for world in worlds]
    return worlds[0].gateway.token("front_desk", providers=providers, sub=nurse_of(worlds[0]))


async def _stored(world: World) -> int:
    query = select(func.count()).select_from(emergency_accesses).where(emergency_accesses.c.actor == nurse_of(world))
    async with world.gateway.database.reading() as connection:
        return int((await connection.execute(query)).scalar_one())


async def _open(world: World, token: str, **changes: str) -> Any:
    text = OPEN.format(world.patient, changes.get("reason", REASON))
    return (await world.gateway.gql(f"mutation {{ {text} }}", token=token)).data["openEmergencyAccess"]


async def test_sixteen_patients_in_one_request_are_one_access(gateway: Gateway, figures: Figures) -> None:
    worlds = await _patients(gateway, 16)
    parts = [f"p{index}: {OPEN.format(world.patient, REASON)}" for index, world in enumerate(worlds)]
    found = (await gateway.gql(f"mutation {{ {' '.join(parts)} }}", token=_token(worlds))).data
    assert [bool(found[f"p{index}"]["access"]) for index in range(16)] == [True] + [False] * 15
    assert [found[f"p{index}"]["errors"] for index in range(1, 16)] == [[STILL_OPEN]] * 15
    assert await _stored(worlds[0]) == 1
    figures(patients_asked_for=16, accesses_opened=1)


async def test_eight_requests_at_once_are_one_access(gateway: Gateway) -> None:
    worlds = await _patients(gateway, 8)
    token = _token(worlds)
    found = await asyncio.gather(*(_open(world, token) for world in worlds))
    assert sorted(bool(each["access"]) for each in found) == [False] * 7 + [True]
    assert [each["errors"] for each in found if not each["access"]] == [[STILL_OPEN]] * 7
    assert await _stored(worlds[0]) == 1


@pytest.fixture
async def timed(tmp_path: Path) -> AsyncIterator[tuple[Gateway, list[datetime]]]:
    """A gateway and its clock."""
    clock = [datetime.now(UTC)]
    async with running_gateway(embedded_settings(tmp_path), clock=lambda: clock[0]) as gateway:
        yield gateway, clock


async def test_a_caller_has_three_in_twenty_four_hours(timed: tuple[Gateway, list[datetime]]) -> None:
    gateway, clock = timed
    worlds = await _patients(gateway, 2)
    token = _token(worlds)
    opened = gateway.parts.metrics.emergencies
    for number in range(3):
        assert (await _open(worlds[number % 2], token))["errors"] == []
        assert (await _open(worlds[0], token))["errors"] == [STILL_OPEN]
        clock[0] += timedelta(minutes=15)
        assert opened._value.get() == number + 1
    assert (await _open(worlds[0], token))["errors"] == [TOO_MANY]
    colleague = gateway.token("front_desk", providers=[worlds[0].provider], sub="colleague")
    assert (await _open(worlds[0], colleague))["errors"] == []
    clock[0] += timedelta(hours=23, minutes=14)
    assert (await _open(worlds[0], token))["errors"] == [TOO_MANY]
    clock[0] += timedelta(minutes=2)
    assert (await _open(worlds[0], token))["errors"] == []
    assert (await _stored(worlds[0]), opened._value.get()) == (4, 5)
