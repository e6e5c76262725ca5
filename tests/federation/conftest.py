"""A gateway that is a subgraph, on real servers."""

from collections.abc import AsyncIterator

import pytest

from tests.factories import World, new_world
from tests.gateway import Gateway, running_gateway, server_settings, with_driver
from tests.services import Services


@pytest.fixture(scope="package")
async def subgraph(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The gateway with `BILLING_FEDERATION`."""
    settings = await server_settings(tmp_path_factory.mktemp("subgraph"), services, federation=True)
    async with running_gateway(with_driver(settings, "aiomysql")) as found:
        yield found


@pytest.fixture
async def world(subgraph: Gateway) -> World:
    """Parties of this test's own, in the subgraph."""
    return await new_world(subgraph)
