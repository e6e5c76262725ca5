"""Every hostile request is refused with its own code, costs little, and leaves nothing in the log."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures, assert_within
from tests.gateway import Gateway, embedded_settings
from tests.hostile.documents import DOCUMENTS, INPUT
from tests.hostile.frames import BEFORE_INIT, CLOSED, REFUSED
from tests.hostile.requests import REQUESTS
from tests.hostile.wire import Answered, answer, cpu_seconds, post, spoken
from tests.length import IS_FULL

REPETITIONS = 20 if IS_FULL else 3
CPU_SECONDS_MAX = 0.05
Held = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One gateway process that has answered before."""
    settings = embedded_settings(tmp_path_factory.mktemp("hostile"))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        for number in range(30):
            await found.gql(f"{{ claims(first: 5) {{ nodes {{ id items {{ id }} }} }} a{number}: __typename }}")
        yield found


@pytest.fixture
def held(fleet: Fleet, figures: Figures) -> Held:
    """Runs an attack some times: its mean CPU is small, and the log knows of no fault."""

    async def run(attack: Callable[[], Awaitable[None]]) -> None:
        spent = await _mean_cpu_seconds(fleet, attack)
        if IS_FULL:
            figures(cpu_milliseconds=1000 * spent)
        assert_within(CPU_SECONDS_MAX, spent=spent)

    return run


async def _mean_cpu_seconds(fleet: Fleet, attack: Callable[[], Awaitable[None]]) -> float:
    (process,) = fleet.processes
    before = cpu_seconds(process)
    for _ in range(REPETITIONS):
        await attack()
    spent = (cpu_seconds(process) - before) / REPETITIONS
    log = process.log.read_text()
    assert "Traceback" not in log, log[-3000:]
    assert "internal error" not in log, log[-3000:]
    return spent


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_is_refused(fleet: Fleet, held: Held, name: str) -> None:
    text, code = DOCUMENTS[name]
    request = post(json.dumps({"query": text}).encode(), b"authorization: Bearer " + fleet.token("reviewer").encode())

    async def attack() -> None:
        found = await answer(fleet.processes[0], [request])
        assert (found.status, found.code) == (200 if code == INPUT else 400, code), found.text[:600]

    await held(attack)


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_is_answered(fleet: Fleet, held: Held, name: str) -> None:
    request, expected = REQUESTS[name]
    token = fleet.token("reviewer").encode()
    parts = [part.replace(b"<token>", token) for part in ([request] if isinstance(request, bytes) else request)]

    async def attack() -> None:
        found: Answered = await answer(fleet.processes[0], parts)
        assert (found.status, found.code) == expected, found.text[:600]

    await held(attack)


@pytest.mark.parametrize("name", [*BEFORE_INIT, *CLOSED])
async def test_frames_close_the_socket(fleet: Fleet, held: Held, name: str) -> None:
    frames, code = {**BEFORE_INIT, **CLOSED}[name]
    token = None if name in BEFORE_INIT else f"Bearer {fleet.token('finance')}"

    async def attack() -> None:
        assert (await spoken(fleet.processes[0], frames, token))[0] == code

    await held(attack)


def _has_error(told: list[Any]) -> bool:
    return any(one["type"] == "error" for one in told)


@pytest.mark.parametrize("name", REFUSED)
async def test_an_operation_over_a_socket_is_refused_and_the_socket_stays(fleet: Fleet, held: Held, name: str) -> None:
    frames, code = REFUSED[name]

    async def attack() -> None:
        closed, told = await spoken(fleet.processes[0], frames, f"Bearer {fleet.token('finance')}", enough=_has_error)
        assert closed in {None, 1000}
        assert [one["payload"][0]["extensions"]["code"] for one in told if one["type"] == "error"] == [code]

    await held(attack)


async def test_a_flood_of_pings_is_answered_ping_by_ping(fleet: Fleet, held: Held) -> None:
    async def attack() -> None:
        token = f"Bearer {fleet.token('finance')}"
        closed, told = await spoken(
            fleet.processes[0], ['{"type":"ping"}'] * 300, token, enough=lambda told: len(told) >= 300
        )
        assert (closed in {None, 1000}, [one["type"] for one in told]) == (True, ["pong"] * 300)

    await held(attack)


OPERATIONS = {
    "100 claims of 100 claims",
    "a list of 950 literals",
    "a page of two thousand millions",
    "fragments that read what one skips",
    "lists of lists by aliases",
}
"""What is refused although it is a good document: by what it costs, or by one of its fields."""


async def test_a_document_is_refused_by_the_short_way_or_passed_on_by_it(
    embedded_gateway: Gateway, short: list[bool]
) -> None:
    answered: dict[str, bool] = {}
    for name, (text, code) in DOCUMENTS.items():
        found = await embedded_gateway.gql(text, token=embedded_gateway.token("reviewer"))
        assert set(found.codes) == {code}, name
        answered[name] = short.pop()
    assert short == []
    assert {name for name, is_answered in answered.items() if is_answered} == OPERATIONS
