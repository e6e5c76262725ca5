"""A thousand subscribers: what an event costs, when the last of them has it, and what a connection costs in memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.factories import World, new_world
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures, assert_within
from tests.gateway import embedded_settings
from tests.hostile.length import IS_FULL
from tests.hostile.many_subscribers import Crowd, subscribed
from tests.hostile.wire import cpu_seconds

CLIENTS = 1_000
EVENTS = 20 if IS_FULL else 5
WATCH = "subscription { settlementRecorded { cursor settlement { id amount invoice { id status } } } }"
MARK = b'{"settlementRecorded":'
CPU_MICROSECONDS_MAX = 40.0
LAST_MILLISECONDS_MAX = 100.0
# Until the access log has written its entries.
QUIET_SECONDS = 1.2


@dataclass(frozen=True)
class Stage:
    fleet: Fleet
    world: World
    invoice: str
    alone: float

    def tokens(self, *, has_own_scopes: bool) -> list[str]:
        """A token for each client, of subjects of their own; each for another second provider, or all for one."""
        return [
            self.fleet.token(
                "finance",
                providers=[self.world.provider, str(9_000_000 + number)] if has_own_scopes else [self.world.provider],
                sub=f"watcher-{number}",
            )
            for number in range(CLIENTS)
        ]


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    settings = embedded_settings(
        tmp_path_factory.mktemp("crowd"), connections_max=3 * CLIENTS, connections_per_address=2 * CLIENTS
    )
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as fleet:
        world: World = await new_world(fleet)  # type: ignore[arg-type]
        invoice = (await world.issued_invoice("100.00"))["id"]
        await _events(fleet, world, invoice, None)
        alone, _ = await _events(fleet, world, invoice, None)
        yield Stage(fleet, world, invoice, alone)


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


@pytest.mark.parametrize("has_own_scopes", [False, True], ids=["of one provider", "of a thousand providers"])
@pytest.mark.parametrize("over", ["socket", "events"])
async def test_an_event_reaches_a_thousand_subscribers_at_once(
    stage: Stage, figures: Figures, over: str, has_own_scopes: bool
) -> None:
    fleet, (process,) = stage.fleet, stage.fleet.processes
    memory = process.resident_bytes()
    tokens = stage.tokens(has_own_scopes=has_own_scopes)
    async with subscribed(fleet, tokens, WATCH, MARK, over) as crowd:
        per_connection = (process.resident_bytes() - memory) / CLIENTS / 1024
        together, took = await _events(fleet, stage.world, stage.invoice, crowd)
    cpu = 1e6 * (together - stage.alone) / CLIENTS / EVENTS
    figures(
        cpu_microseconds_a_client=cpu,
        last_one_milliseconds=1000 * sorted(took)[len(took) // 2],
        kibibytes_a_connection=per_connection,
    )
    assert_within(CPU_MICROSECONDS_MAX, cpu=cpu)
