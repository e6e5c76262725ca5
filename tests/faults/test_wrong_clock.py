"""Gateways on machines with a wrong clock: they are not ready, expire and delete nothing, and poison no cache."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import clock
from app.db.tables import denials, outbox
from app.runtime.settings import Settings
from tests.factories import World, new_world
from tests.faults.processes import Fleet, GatewayProcess
from tests.faults.stage import staged
from tests.faults.waiting import all_published, until_true
from tests.gateway import server_settings
from tests.services import Services

SIXTY_DAYS = 60 * 86_400
TWO_HOURS = 2 * 3_600


def _wrong(settings: Settings, seconds: int) -> GatewayProcess:
    extra = {"WRONG_BY_SECONDS": str(seconds)}
    return GatewayProcess(settings, module="tests.faults.wrong_clock", extra=extra, is_forked=False)


@asynccontextmanager
async def _running(*processes: GatewayProcess) -> AsyncIterator[tuple[GatewayProcess, ...]]:
    try:
        await asyncio.gather(*[each.start() for each in processes])
        yield processes
    finally:
        for each in processes:
            each.kill()


@pytest.fixture(scope="module")
async def fleet(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """A gateway on a right clock, and two on wrong ones: two hours ahead and two hours behind."""
    settings = await server_settings(tmp_path_factory.mktemp("clock"), services, events_url="memory://")
    wrong = [_wrong(settings, seconds) for seconds in (TWO_HOURS, -TWO_HOURS)]
    async with staged(settings) as found, _running(*wrong):
        found.processes += wrong
        yield found


async def _open_denial(world: World) -> None:
    claim_id = (await world.claim_in_review())["id"]
    decision = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []


async def _stored(fleet: Fleet) -> tuple[list[str], int]:
    """The status of every denial, and the number of events in the log."""
    async with fleet.database.reading() as connection:
        statuses = (await connection.execute(select(denials.c.status))).scalars().all()
        events = (await connection.execute(select(func.count()).select_from(outbox))).scalar_one()
    return [each.value for each in statuses], events


async def _readiness(fleet: Fleet, process: GatewayProcess) -> tuple[int, str, dict[str, str]]:
    answer = await fleet.client.get(f"{process.url}/health/ready")
    body = answer.json()
    return answer.status_code, body["status"], {name: body["checks"][name] for name in ("database", "clock")}


async def test_sixty_days_ahead_nothing_expires_and_no_event_is_deleted(
    services: Services, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("ahead")
    settings = await server_settings(directory, services, events_url="memory://", sweep_interval_seconds=1)
    async with staged(settings) as fleet:
        await _open_denial(await new_world(fleet))  # type: ignore[arg-type]
        await all_published(fleet.database)
        before = await _stored(fleet)
        fleet.processes[0].kill()
        async with _running(_wrong(settings, SIXTY_DAYS)) as (ahead,):
            await until_true(lambda: _has_swept_and_leads(fleet, ahead))
            # Twice the relay's poll, after each of which it would delete.
            await asyncio.sleep(1)
        assert before[0] == ["OPEN"]
        assert await _stored(fleet) == before
        assert ahead.log.read_text().count("clocks_differ") == 1


async def _has_swept_and_leads(fleet: Fleet, process: GatewayProcess) -> bool:
    swept = [line for line in await _lines(fleet, process) if line.startswith('billing_books_cents{part="billed"}')]
    return swept != [] and await fleet.metric("billing_relay_is_leader", process) == 1


async def _lines(fleet: Fleet, process: GatewayProcess) -> list[str]:
    return (await fleet.client.get(f"{process.url}/metrics")).text.splitlines()


async def test_a_wrong_clock_is_named_and_makes_the_gateway_unready(fleet: Fleet) -> None:
    assert [await _readiness(fleet, process) for process in fleet.processes] == [
        (200, "ready", {"database": "up", "clock": "up"}),
        (503, "unready", {"database": "up", "clock": "down"}),
        (503, "unready", {"database": "up", "clock": "down"}),
    ]
    measured = []
    for process in fleet.processes:
        name = 'billing_clock_skew_seconds{server="database"}'
        (line,) = [line for line in await _lines(fleet, process) if line.startswith(name)]
        measured.append(round(float(line.rpartition(" ")[2])))
    assert measured == [0, TWO_HOURS, -TWO_HOURS]


async def test_two_hours_behind_a_token_is_refused_by_a_gateway_that_is_not_ready(fleet: Fleet) -> None:
    behind = fleet.processes[2]
    answer = await fleet.gql("{ me { subject } }", token=fleet.token("biller"), url=behind.url)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert (await _readiness(fleet, behind))[0] == 503


async def test_two_hours_ahead_the_shared_cache_gets_answers_with_the_time_of_the_database(fleet: Fleet) -> None:
    right, ahead, _ = fleet.processes
    world: World = await new_world(fleet)  # type: ignore[arg-type]
    async with fleet.database.reading() as connection:
        now = await clock.now(connection)
    found = [await _check(fleet, world, url) for url in (ahead.url, right.url)]
    assert [each["source"] for each in found] == ["PAYER", "CACHE"]
    for each in found:
        assert abs(datetime.fromisoformat(each["answeredAt"]) - now) < timedelta(seconds=10)
        assert datetime.fromisoformat(each["expiresAt"]) <= now + timedelta(hours=1, seconds=10)


async def _check(fleet: Fleet, world: World, url: str) -> Any:
    query = (
        "mutation($input: CheckEligibilityInput!) { checkEligibility(input: $input) "
        "{ eligibility { source answeredAt expiresAt } errors { code } } }"
    )
    given = {"providerCnes": world.provider, "payerAnsCode": world.payer, "cardNumber": world.card}
    answer = await fleet.gql(query, {"input": given}, token=world.token("front_desk"), url=url)
    assert answer.data["checkEligibility"]["errors"] == []
    return answer.data["checkEligibility"]["eligibility"]
