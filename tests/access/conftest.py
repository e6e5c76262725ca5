"""The stopped access log that tests of the check and of the archive spoil copies of; and which way requests took."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.web.lane import Lane
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


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request of the test that looked like a usual one, whether it was answered by the short way."""
    found: list[bool] = []
    has_answered = Lane._has_answered

    async def noted(lane: Lane, *asked: Any) -> bool:
        found.append(await has_answered(lane, *asked))
        return found[-1]

    monkeypatch.setattr(Lane, "_has_answered", noted)
    return found
