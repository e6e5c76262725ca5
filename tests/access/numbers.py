"""What documents name by numbers that are no ids of ours, asked in another scope."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import appeal_batches, batches, contracts, parties, protocols
from app.domain.data_scope import DataScope
from app.resolvers.paging import PAGE_MAX
from tests.access.waiting import PROTOCOL
from tests.access.world import Rich

TAX_ID = "11222333000181"
"""That of every provider of the tests."""

APPEALED_PROTOCOL = "4711"
"""That of the claims whose appeals are in batches."""


def named_otherwise(victim: Rich, scope: DataScope) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Name and question; the answer is what leaked, None if nothing did."""
    world = victim.world
    asked: dict[str, Callable[[AsyncConnection], Awaitable[Any]]] = {
        "appeal_batches.by_protocol": lambda each: appeal_batches.by_protocol(
            each, scope, world.provider, world.payer, APPEALED_PROTOCOL
        ),
        "batches.numbered": lambda each: batches.numbered(each, scope, world.provider, world.payer, [*range(1, 20)]),
        "contracts.providers_with_code": lambda each: contracts.providers_with_code(each, scope, world.payer, "PREST1"),
        "parties.providers_with_tax_id": lambda each: parties.providers_with_tax_id(each, scope, TAX_ID, PAGE_MAX),
        "protocols.analysed": lambda each: protocols.analysed(each, scope, world.provider, world.payer, PROTOCOL),
    }
    for name, ask in asked.items():

        async def run(ask: Callable[[AsyncConnection], Awaitable[Any]] = ask) -> Any:
            async with victim.gateway.database.reading() as connection:
                found = await ask(connection)
            return [each for each in found if not isinstance(each, str) or each == world.provider] or None

        yield name, run
