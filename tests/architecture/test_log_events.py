"""Every line of the log that warns is on the page of faults, and every line that the page names is one of the log."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = [ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))]
PAGES = [ROOT / "docs" / folder / "when-something-is-wrong.md" for folder in ("", "pt-BR")]
WARNS = {"warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+(_[a-z]+)+")
PASSED_ON = {"self._down", "self._back", "event"}
"""Names of events that others have given: an outage, and a unit of work that warns after its commit."""


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _logged(levels: set[str]) -> Iterator[ast.expr]:
    """What is logged at one of these levels, and what a unit of work warns of."""
    for name, call in _calls():
        logger, _, level = name.rpartition(".")
        if call.args and ((logger.endswith("_log") and level in levels) or (logger, level) == ("unit", "warn")):
            yield call.args[0]


def _outages(argument: str, ending: str) -> Iterator[str]:
    """The events of outages: what is given by its name, and what the name of a kind of jobs ends with."""
    for name, call in _calls():
        given = {each.arg: each.value for each in call.keywords}
        if name == "Outage":
            yield from _texts(given[argument])
        elif name == "JobWorker":
            yield from (f"{text}_{ending}" for text in _texts(given["name"]))


def _texts(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _events(levels: set[str]) -> set[str]:
    return {text for node in _logged(levels) for text in _texts(node)}


WARNINGS = _events(WARNS) | set(_outages("down", "failed"))
ALL = WARNINGS | _events({"info"}) | set(_outages("back", "back"))


def test_an_event_is_a_word_of_the_code() -> None:
    assert {ast.unparse(node) for node in _logged({*WARNS, "info"}) if not _texts(node)} <= PASSED_ON
    assert {each for each in ALL if not EVENT.fullmatch(each)} <= {"started", "stopped", "stopping", "purged"}
    assert {"database_down", "imports_failed", "emergency_access", "worker_silent"} <= WARNINGS


@pytest.mark.parametrize("page", PAGES, ids=["english", "portuguese"])
def test_a_warning_of_the_log_is_explained(page: Path) -> None:
    assert WARNINGS - set(re.findall(r"`(\w+)`", page.read_text())) == set()


@pytest.mark.parametrize("page", PAGES, ids=["english", "portuguese"])
def test_a_line_that_is_explained_is_one_of_the_log(page: Path) -> None:
    seen = [line.split(" | ")[0] for line in page.read_text().splitlines()]
    named = {
        name
        for cell in seen
        for part in re.findall(r"log (`\w+`(?:(?:, | or | ou )`\w+`)*)", cell)
        for name in re.findall(r"`(\w+)`", part)
    }
    assert len(named) > 30
    assert named - ALL == set()
