"""One of everything on a gateway of each mode, for all tests of this folder: they add to it, and change nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.access.world import Rich, rich_world
from tests.executor.both import settings_of
from tests.gateway import running_gateway
from tests.services import Services


@asynccontextmanager
async def _rich(mode: str, services: Services, directory: Path) -> AsyncIterator[Rich]:
    async with running_gateway(await settings_of(mode, services, directory)) as gateway:
        yield await rich_world(gateway)


@pytest.fixture(scope="session")
async def sqlite_rich(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    async with _rich("sqlite", services, tmp_path_factory.mktemp("executor")) as found:
        yield found


@pytest.fixture(scope="session")
async def mysql_rich(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    async with _rich("mysql", services, tmp_path_factory.mktemp("executor")) as found:
        yield found
