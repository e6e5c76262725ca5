"""What the log masks, and what it must not."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from app.telemetry.logs import LIBRARY_LEVELS, configure_logs

Line = Callable[..., dict[str, Any]]
DIGEST = "bd26067aaeaf4db25a9ac5fe9a886e7aa94c8fddc63ec2b328728f5529982247"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A function that logs one line and returns it as it is written."""
    root = logging.getLogger()
    handlers, level, structured = root.handlers[:], root.level, structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in LIBRARY_LEVELS}
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logs("info")

    def line(**facts: str) -> dict[str, Any]:
        structlog.get_logger("billing.test").info("tested", **facts)
        found: dict[str, Any] = json.loads(written.getvalue().splitlines()[-1])
        return found

    yield line
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**structured)
    for name, library_level in levels.items():
        logging.getLogger(name).setLevel(library_level)


@pytest.mark.parametrize(
    ("logged", "written"),
    [
        ("CPF 52998224725", "CPF ***"),
        ("card of abc123456789def", "card of abc***def"),
        ("12345678", "12345678"),
        (f"digest {DIGEST}", f"digest {DIGEST[:-10]}***"),
    ],
)
def test_long_numbers_are_masked(lines: Line, logged: str, written: str) -> None:
    assert lines(text=logged)["text"] == written


def test_a_seal_is_logged_exactly(lines: Line) -> None:
    """`billing audit-verify --expect` needs it from the log."""
    assert lines(hash=DIGEST)["hash"] == DIGEST
