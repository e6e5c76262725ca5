"""The stopped access log that tests of the check and of the archive spoil copies of."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.stopped_log import StoppedLog, copy_of, make_original


@pytest.fixture(scope="session")
async def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("stopped")
    await make_original(directory)
    return directory


@pytest.fixture
async def stopped(original: Path, tmp_path: Path) -> AsyncIterator[StoppedLog]:
    """A copy: STARTED, createClaim (written) | createClaim (answered), claim | STOPPED, sealed 1, 2 and 3 January."""
    log = copy_of(original, tmp_path / "stopped")
    yield log
    await log.database.dispose()
