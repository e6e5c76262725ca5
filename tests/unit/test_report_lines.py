"""What a document or another system says stays within its line of a report or log, and moves no cursor."""

import json
import logging
from collections.abc import Callable

import pytest
import structlog

from app.commands import console
from app.domain.text import visible
from app.telemetry.logs import configure_logs

HOSTILE = "1\nguide 2: created\r\x1b[2J\x1b]0;title\x07\u202e\u2028\x85\x00\ud800 ok"
SHOWN = "1\\nguide 2: created\\r\\x1b[2J\\x1b]0;title\\x07\\u202e\\u2028\\x85\\x00\\ud800 ok"


def test_hostile_text_is_one_visible_line() -> None:
    assert visible(HOSTILE) == SHOWN
    assert (
        visible("Dra. Ângela\u00a0Conceição - R$ 1.234,50 =1+1 🙂")
        == "Dra. Ângela\u00a0Conceição - R$ 1.234,50 =1+1 🙂"
    )


@pytest.mark.parametrize(("place", "write"), [("out", console.say), ("err", console.note)])
def test_a_report_has_one_line_for_each_call(
    place: str, write: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    write(f"guide {HOSTILE}: created [bold]")
    assert getattr(capsys.readouterr(), place) == f"guide {SHOWN}: created [bold]\n"


def test_a_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs("info")
        structlog.get_logger("billing").info("foreign_message", reason=HOSTILE, **{HOSTILE: "x"})
        logging.getLogger("billing").warning("from a library: %s", HOSTILE)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 3
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[0])["reason"] == HOSTILE
    assert json.loads(lines[1])["event"] == f"from a library: {HOSTILE}"
