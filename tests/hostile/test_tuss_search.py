"""The dearest searches of TUSS terms beside a client that behaves well."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.factories import new_world
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.figures import Figures, assert_within
from tests.gateway import Gateway, embedded_settings
from tests.length import IS_FULL
from tests.loop_time import measured
from tests.prepared import prepare

SECONDS = 5.0 if IS_FULL else 1.5
READERS = 2
ME = "{ me { subject } }"
ALIASES = 20
WORDS = "de em co ma pr re"
LETTERS = " ".join("abcdefghijklmnopqrstuvwxy" * 2)
LONGEST_MILLISECONDS = 25


def _searches(words: str) -> str:
    fields = "".join(f'a{number}: tussTerms(search: "{words}") {{ totalCount }} ' for number in range(ALIASES))
    return f"{{ {fields} }}"


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path_factory.mktemp("searches"))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found


async def _ask(client: httpx.AsyncClient, token: str, query: str) -> Any:
    answer = await client.post("/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return answer.json()


async def _times(client: httpx.AsyncClient, token: str, seconds: float) -> list[float]:
    """How many milliseconds each of a steady client's requests took."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        assert "errors" not in await _ask(client, token, ME)
        found.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.01)
    return found


async def test_others_are_served_beside_two_readers_of_all_terms(fleet: Fleet, figures: Figures) -> None:
    (process,) = fleet.processes
    reader, steady = fleet.token("biller"), fleet.token("reviewer")
    async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        first = (await _ask(client, reader, _searches(WORDS)))["data"]
        assert {each["totalCount"] for each in first.values()} == {484}
        quiet = await _times(client, steady, SECONDS)

        async def read() -> int:
            count, end = 0, time.monotonic() + SECONDS
            while time.monotonic() < end:
                assert (await _ask(client, reader, _searches(WORDS)))["data"] == first
                count += 1
            return count

        readers = [asyncio.create_task(read()) for _ in range(READERS)]
        beside = await _times(client, steady, SECONDS)
        answers = sum(await asyncio.gather(*readers))
    figures(
        quiet_median_milliseconds=statistics.median(quiet),
        beside_median_milliseconds=statistics.median(beside),
        searches=answers * ALIASES,
    )
    assert answers > 0
    # Seconds before; beside others of the test machine a turn may take several times as long.
    assert_within(statistics.median(quiet) + 100, beside=statistics.median(beside))


async def test_fifty_letters_are_refused_at_once(fleet: Fleet) -> None:
    (process,) = fleet.processes
    async with httpx.AsyncClient(base_url=process.url) as client:
        found = await _ask(client, fleet.token("biller"), _searches(LETTERS))
    refused = {
        (error["path"][0], error["extensions"]["reason"], *error["extensions"]["field"]) for error in found["errors"]
    }
    assert refused == {(f"a{number}", "INVALID_INPUT", "search") for number in range(ALIASES)}
    assert set(found["data"].values()) == {None}


async def test_no_step_of_a_search_takes_the_loop_for_long(server_gateway: Gateway, figures: Figures) -> None:
    world = await new_world(server_gateway)
    # As if the terms had just been changed: they are read again.
    server_gateway.parts.tuss._checked_at, server_gateway.parts.tuss._read_of = float("-inf"), None
    with measured() as reading:
        await world.call("biller", _searches("hemograma plaquetas"))
    with measured() as searching:
        found = await world.call("biller", _searches(WORDS))
    assert {each["totalCount"] for each in found.values()} == {484}
    figures(first_search_milliseconds=reading.longest_milliseconds, search_milliseconds=searching.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, reading=reading.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, searching=searching.longest_milliseconds)
