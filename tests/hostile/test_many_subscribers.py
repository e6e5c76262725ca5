"""Hundreds of subscribers: what an event costs, when the last one has it, and what a connection costs in memory."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.factories import World, new_world
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures, assert_within
from tests.gateway import embedded_settings
from tests.hostile.many_subscribers import Crowd, subscribed
from tests.hostile.wire import cpu_seconds
from tests.length import IS_FULL

CLIENTS = 1_000 if IS_FULL else 400
EVENTS = 20 if IS_FULL else 8
WATCH = "subscription { settlementRecorded { cursor settlement { id amount invoice { id status } } } }"
MARK = b'{"settlementRecorded":'
# Of the gateway's processor, its access log included: about twice of what it takes on a quiet machine. A second waking
# of each client would take 15 more, an execution for each some milliseconds.
CPU_MICROSECONDS_MAX = 80.0
LAST_SECONDS_MAX = 0.5
# How much more all clients and the events themselves may cost if every client has another data scope.
SCOPES_RATIO_MAX = 1.5
KIBIBYTES_MAX = 30.0
ARENA_KIBIBYTES = 1_024
"""Python takes memory in such steps, of which the last one may be nearly empty."""
# Until the access log has written its entries.
QUIET_SECONDS = 1.2


@dataclass(frozen=True)
class Stage:
    """A gateway with an issued invoice, and the CPU seconds that its settlements take while nobody listens."""

    fleet: Fleet
    over: str
    world: World
    invoice: str
    alone: float

    @property
    def process(self) -> GatewayProcess:
        """The only one."""
        return self.fleet.processes[0]

    def tokens(self, *, has_own_scopes: bool) -> list[str]:
        """A token for each client, of a subject of its own; each for another second provider, or all for one."""
        sign, own = self.fleet.token, self.world.provider
        return [
            sign("finance", providers=[own, str(9_000_000 + number)] if has_own_scopes else [own], sub=f"w-{number}")
            for number in range(CLIENTS)
        ]


@pytest.fixture(params=["socket", "events"])
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A gateway of its own, whose memory no other test has used."""
    settings = embedded_settings(tmp_path, connections_max=3 * CLIENTS, connections_per_address=2 * CLIENTS)
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as fleet:
        world: World = await new_world(fleet)  # type: ignore[arg-type]
        invoice = (await world.issued_invoice("100.00"))["id"]
        await _events(fleet, world, invoice, None)
        alone, _ = await _events(fleet, world, invoice, None)
        yield Stage(fleet, request.param, world, invoice, alone)


async def _events(fleet: Fleet, world: World, invoice: str, crowd: Crowd | None) -> tuple[float, list[float]]:
    """CPU seconds of the gateway for some events, its access log included, and how long each took to the last one."""
    (process,) = fleet.processes
    before, took = cpu_seconds(process), []
    for _ in range(EVENTS):
        began = time.perf_counter()
        await world.settle(invoice, "1.00")
        if crowd is not None:
            took.append(await crowd.heard() - began)
    await asyncio.sleep(QUIET_SECONDS)
    return cpu_seconds(process) - before, took


async def test_an_event_for_many_subscribers_costs_little_whatever_their_data_scopes_are(
    stage: Stage, figures: Figures
) -> None:
    first = stage.tokens(has_own_scopes=False)[:1]
    # It makes what is made once, such as compiled statements and the methods of records.
    async with subscribed(stage.fleet, first, WATCH, MARK, stage.over) as crowd:
        await _events(stage.fleet, stage.world, stage.invoice, crowd)
    memory, found = stage.process.resident_bytes(), {}
    for name, has_own_scopes in (("equal", False), ("own_scopes", True)):
        tokens = stage.tokens(has_own_scopes=has_own_scopes)
        async with subscribed(stage.fleet, tokens, WATCH, MARK, stage.over) as crowd:
            grown = stage.process.resident_bytes() - memory
            together, took = await _events(stage.fleet, stage.world, stage.invoice, crowd)
        found[name] = (1e6 * (together - stage.alone) / CLIENTS / EVENTS, statistics.median(took), grown, together)
    cpu = {f"{name}_cpu_microseconds_a_client": each[0] for name, each in found.items()}
    last = {f"{name}_seconds_to_the_last": each[1] for name, each in found.items()}
    connection = found["equal"][2] / CLIENTS / 1024
    figures(clients=CLIENTS, **cpu, **last, kibibytes_a_connection=connection)
    assert connection <= KIBIBYTES_MAX + ARENA_KIBIBYTES / CLIENTS
    assert_within(CPU_MICROSECONDS_MAX, **cpu)
    assert_within(LAST_SECONDS_MAX, **last)
    assert_within(SCOPES_RATIO_MAX, ratio=found["own_scopes"][3] / found["equal"][3])
