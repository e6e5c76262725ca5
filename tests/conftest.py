"""The servers, and a gateway on each of the two kinds of them: embedded, and MySQL + Redis + Kafka."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.factories import World, new_world
from tests.gateway import Gateway, embedded_settings, running_gateway, server_settings
from tests.services import Services, start_all

MODES = ("embedded", "servers")


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """The real servers: MySQL or MariaDB, Redis, Kafka."""
    with start_all() as found:
        yield found


@pytest.fixture(scope="session", params=MODES)
async def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A live gateway with the whole TUSS; tests that use it run once in each mode."""
    directory: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        settings = embedded_settings(directory)
    else:
        settings = await server_settings(directory, request.getfixturevalue("services"))
    async with running_gateway(settings) as found:
        yield found


@pytest.fixture(scope="session")
async def server_gateway(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A live gateway on MySQL, Redis and Kafka only, for tests of locks and events."""
    settings = await server_settings(tmp_path_factory.mktemp("server"), services)
    async with running_gateway(settings) as found:
        yield found


@pytest.fixture
async def world(gateway: Gateway) -> World:
    """A payer, a provider and a covered patient of this test's own."""
    return await new_world(gateway)


@pytest.fixture
async def server_world(server_gateway: Gateway) -> World:
    """The same on the gateway with real servers."""
    return await new_world(server_gateway)
