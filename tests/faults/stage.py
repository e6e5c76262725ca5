"""The stage of a fault: a database with the few terms it needs, and issued invoices."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from app.runtime.settings import Settings
from tests import prepared
from tests.factories import World, new_world
from tests.faults.processes import Fleet, GatewayProcess, running_fleet


async def prepare(settings: Settings) -> None:
    """Migrate the database, and load the terms that the tests' claims use."""
    await prepared.prepare(settings, has_all_terms=False)


@asynccontextmanager
async def staged(
    settings: Settings,
    *,
    processes: int = 1,
    through: Settings | None = None,
    make: Callable[[Settings], GatewayProcess] = GatewayProcess,
) -> AsyncIterator[Fleet]:
    """A fleet on a prepared database; `through` are the gateways' own settings where a proxy stands in between."""
    await prepare(settings)
    members = [make(through or settings) for _ in range(processes)]
    async with running_fleet(settings, members) as fleet:
        yield fleet


async def invoices(fleet: Fleet, count: int, amount: str = "9000.00") -> list[Any]:
    """Issued invoices, each in a world of its own."""
    found = []
    for _ in range(count):
        world: World = await new_world(fleet)  # type: ignore[arg-type]
        found.append(await world.issued_invoice(amount))
    return found
