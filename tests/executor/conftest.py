"""One of everything on a gateway of each mode, for all tests of this folder: they add to it, and change nothing. Beside
it others, that they may change.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.access.world import Rich, add_targets, rich_world
from tests.chance import Chance
from tests.executor.both import MODES, settings_of
from tests.figures import Figures
from tests.gateway import running_gateway
from tests.services import Services


@asynccontextmanager
async def _rich(mode: str, services: Services, directory: Path) -> AsyncIterator[Rich]:
    async with running_gateway(await settings_of(mode, services, directory)) as gateway:
        yield await rich_world(gateway)


async def _changing(rich: Rich) -> Rich:
    found = await rich_world(rich.gateway)
    await add_targets(found)
    return found


@pytest.fixture(scope="session")
async def sqlite_rich(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    async with _rich("sqlite", services, tmp_path_factory.mktemp("executor")) as found:
        yield found


@pytest.fixture(scope="session")
async def mysql_rich(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rich]:
    async with _rich("mysql", services, tmp_path_factory.mktemp("executor")) as found:
        yield found


@pytest.fixture(scope="session")
async def sqlite_changing(sqlite_rich: Rich) -> Rich:
    """Other parties there, with something for every mutation to act on."""
    return await _changing(sqlite_rich)


@pytest.fixture(scope="session")
async def mysql_changing(mysql_rich: Rich) -> Rich:
    """The same on MySQL."""
    return await _changing(mysql_rich)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Each mode; only on MySQL plans read some columns of records."""
    found: str = request.param
    return found


@pytest.fixture
def rich(request: pytest.FixtureRequest, mode: str) -> Rich:
    """One of everything in the mode of the test."""
    found: Rich = request.getfixturevalue(f"{mode}_rich")
    return found


@pytest.fixture
def changing(request: pytest.FixtureRequest, mode: str) -> Rich:
    """The parties that may be changed in the mode of the test."""
    found: Rich = request.getfixturevalue(f"{mode}_changing")
    return found


@pytest.fixture
def chance(figures: Figures) -> Chance:
    """What the test chooses by."""
    found = Chance()
    figures(repeated_by=found)
    return found
