"""Callers of other scopes get nothing by any id, list, sum, stream or mutation; and each WHERE that sees to it is
taken away once, which some probe must notice."""

import ast
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
from sqlalchemy import true

from app.auth import roles
from app.db import scoping
from app.db.session import Session
from app.db.statements import _Statement as CompiledOnce
from app.domain.data_scope import DataScope
from app.schema.root import schema
from tests.access.first_event import PATIENCE
from tests.access.ids import filled, id_places
from tests.access.inputs import ALWAYS_REFUSED
from tests.access.probes import Probe, attackers, probes
from tests.access.test_fields import ALL
from tests.access.world import Rich, add_targets, rich_world
from tests.figures import Figures
from tests.gateway import Gateway

DATABASE = Path(scoping.__file__).parent
ATTEMPTS = 5
CONDITIONS = frozenset(name for name in vars(scoping) if name.endswith("_in"))


@dataclass(frozen=True)
class Site:
    """A place where a statement takes the caller's scope into its WHERE."""

    module: str
    line: int
    condition: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.condition}"


def _sites() -> list[Site]:
    trees = {path.stem: ast.parse(path.read_text()) for path in sorted(DATABASE.glob("*.py")) if path.stem != "scoping"}
    return [
        Site(f"app.db.{name}", node.lineno, node.func.id)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CONDITIONS
    ]


SITES = _sites()
# Conditions on rows that another scope has let through already, each with the test that takes it away.
WITHIN_A_SCOPE = {"is_treated_in": "test_cards.py: a provider sees no documents of a patient whom it does not treat"}
OF_PAYERS = {"updatePayer", "deactivatePayer", "reactivatePayer"}
"""A caller who is narrowed to some providers changes no payer, not even its own."""
PACKAGE = DATABASE.parent
ASKED_BEFORE = {("resolvers", "context.py"), ("services", "imports.py")}
"""Where an event that a listener took is looked at once more, before others' answer to it is shared; and where a
document is given to the parties that it names, of which test_odd_batches.py gives a stranger nothing."""


def _asked() -> list[str]:
    """The file and line of every place where a service or a stream asks the scope itself, and nobody has before."""
    return [
        f"{path}:{number}"
        for path in sorted(PACKAGE.glob("*/*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "scope.contains(" in line and (path.parent.name, path.name) not in ASKED_BEFORE
    ]


@contextmanager
def compiled_again() -> Iterator[None]:
    """Statements are compiled whenever they run, and after the block once more: what is known of them is of before."""
    compiled, known = CompiledOnce.compiled, set[CompiledOnce]()

    def afresh(self: CompiledOnce, session: Session, arguments: Sequence[Any]) -> Any:
        known.add(self)
        self._compiled.clear()
        return compiled(self, session, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledOnce, "compiled", afresh)
        yield
    for each in known:
        each._compiled.clear()


@contextmanager
def noted(found: set[str]) -> Iterator[None]:
    """The names of all places where a scope is asked for are added to the set."""
    contains = DataScope.contains

    def noting(self: DataScope, **parts: str | None) -> bool:
        found.add(_line_of(sys._getframe(1)))
        return contains(self, **parts)

    with pytest.MonkeyPatch.context() as patch, compiled_again():
        patch.setattr(DataScope, "contains", noting)
        for name, condition in {(site.module, site.condition) for site in SITES}:
            patch.setattr(import_module(name), condition, _noting(name, condition, found))
        yield


def _noting(module: str, name: str, found: set[str]) -> Callable[[Any], Any]:
    condition = getattr(import_module(module), name)

    def noting(scope: Any) -> Any:
        found.add(str(Site(module, sys._getframe(1).f_lineno, name)))
        return condition(scope)

    return noting


def _line_of(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


@contextmanager
def without_asking(place: str) -> Iterator[None]:
    """There the scope holds everything."""
    contains = DataScope.contains

    def everything(self: DataScope, **parts: str | None) -> bool:
        return _line_of(sys._getframe(1)) == place or contains(self, **parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataScope, "contains", everything)
        yield


@contextmanager
def without(site: Site) -> Iterator[None]:
    """That statement takes no scope into its WHERE."""
    module = import_module(site.module)
    condition = getattr(module, site.condition)

    def everything(scope: Any) -> Any:
        return true() if sys._getframe(1).f_lineno == site.line else condition(scope)

    with pytest.MonkeyPatch.context() as patch, compiled_again():
        patch.setattr(module, site.condition, everything)
        yield


@pytest.fixture(scope="module")
def everything() -> Iterator[str]:
    """A role with every permission: nothing but the scope can be the reason of a refusal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(roles.ROLES, "everything", ALL)
        yield "everything"


async def _victim(gateway: Gateway) -> Rich:
    rich = await rich_world(gateway)
    await add_targets(rich)
    return rich


@pytest.fixture(scope="module")
async def embedded_worlds(embedded_gateway: Gateway) -> tuple[Rich, Rich]:
    """A victim with something for every mutation to act on, and another world."""
    return await _victim(embedded_gateway), await rich_world(embedded_gateway)


@pytest.fixture(scope="module")
async def server_worlds(server_gateway: Gateway) -> tuple[Rich, Rich]:
    """The same on the servers."""
    return await _victim(server_gateway), await rich_world(server_gateway)


@pytest.fixture
def worlds(request: pytest.FixtureRequest, gateway: Gateway) -> tuple[Rich, Rich]:
    """The same of the gateway of this test."""
    found: tuple[Rich, Rich] = request.getfixturevalue("embedded_worlds" if gateway.is_embedded else "server_worlds")
    return found


@contextmanager
def places_tried(gateway: Gateway) -> Iterator[set[str]]:
    """The places for an id that requests have filled."""
    tried: set[str] = set()

    def note(operation: bytes, _answer: bytes = b"") -> None:
        tried.update(filled(json.loads(operation)))

    async def note_stream(request: httpx.Request) -> None:
        if request.method == "POST":
            note(request.content)

    hooks = gateway.client.event_hooks["request"]
    hooks.append(note_stream)
    gateway.exchanges.append(note)
    try:
        yield tried
    finally:
        hooks.remove(note_stream)
        gateway.exchanges.remove(note)


async def test_no_caller_of_another_scope_gets_anything(
    gateway: Gateway, worlds: tuple[Rich, Rich], everything: str, short: list[bool], figures: Figures
) -> None:
    """At any place for an id."""
    victim, other = worlds
    tried, leaks = 0, []
    with places_tried(gateway) as places:
        for attacker in attackers(other, everything):
            for probe in probes(victim, attacker):
                tried += 1
                leak = await probe.run()
                if leak is not None:
                    leaks.append(f"{attacker.kind} by {probe.name}: {leak}")
    assert leaks == []
    assert len(id_places(schema._schema)) > 30
    assert id_places(schema._schema) - places == set()
    # Streams, files and the pages of the earlier service have no short way.
    assert all(short)
    assert len(short) > tried / 2
    figures(tried=tried, leaks=0, short=len(short))


async def test_each_probe_gets_something_in_its_own_scope(embedded_gateway: Gateway, everything: str) -> None:
    """Or it would be empty for the wrong reason."""
    victim = await _victim(embedded_gateway)
    silent = []
    for attacker in attackers(victim, everything):
        for probe in probes(victim, attacker):
            whose = "payer" if probe.name in OF_PAYERS else "provider"
            if probe.name not in ALWAYS_REFUSED and attacker.kind == whose and not await _leaks([probe]):
                silent.append(probe.name)
    assert silent == [], "\n".join(silent)


async def test_each_scope_that_is_taken_away_is_noticed(
    server_worlds: tuple[Rich, Rich], everything: str, short: list[bool], figures: Figures
) -> None:
    """Each kind of caller is asked for what the kinds before it did not notice. Where a probe asks for scopes is noted
    for the first kind, and for the others only if something is left that none of them has noticed."""
    victim, other = server_worlds
    taken = [(str(site), partial(without, site)) for site in SITES if site.condition not in WITHIN_A_SCOPE]
    taken += [(place, partial(without_asking, place)) for place in _asked()]
    callers = attackers(other, everything)
    places = [await _places_of(probe) for probe in probes(victim, callers[0])]
    unnoticed, asked = taken, list[tuple[Probe, set[str]]]()
    for attacker in callers:
        asked += zip(probes(victim, attacker), places, strict=True)
        unnoticed = [each for each in unnoticed if not await _is_noticed(*each, asked, 1)]
    further = [probe for attacker in callers[1:] for probe in probes(victim, attacker)]
    while unnoticed and further:
        probe = further.pop()  # the streams first, which are the likeliest to be left
        asked.append((probe, await _places_of(probe)))
        unnoticed = [each for each in unnoticed if not await _is_noticed(*each, asked[-1:], 1)]
    unnoticed = [each for each in unnoticed if not await _is_noticed(*each, asked, ATTEMPTS)]
    figures(removed=len(taken), noticed=len(taken) - len(unnoticed), short=len(short))
    assert unnoticed == [], "\n".join(name for name, _ in unnoticed)
    assert all(short)
    # At least the first caller has tried everything, and half of that asks the API.
    assert len(short) > len(places) / 2


async def _is_noticed(
    name: str, hole: Callable[[], AbstractContextManager[None]], asked: Sequence[tuple[Probe, set[str]]], attempts: int
) -> bool:
    """Whether a probe leaks something through the hole; those that ask for few scopes are the likeliest to."""
    likely = sorted((each for each in asked if name in each[1]), key=lambda each: len(each[1]))
    with hole():
        return await _leaks([probe for probe, _ in likely], attempts)


async def _places_of(probe: Probe) -> set[str]:
    """Where a scope is asked for while the probe runs: only there can it notice that one is taken away."""
    found: set[str] = set()
    with noted(found):
        await probe.run()
    return found


async def _leaks(tried: Sequence[Probe], attempts: int = ATTEMPTS) -> bool:
    """Streams are listened to for a moment only, which a busy machine may spend elsewhere: then for twice as long."""
    usual = PATIENCE.set(1.0)
    try:
        for attempt in range(attempts):
            PATIENCE.set(2.0**attempt)
            for probe in tried:
                if await probe.run() is not None:
                    return True
        return False
    finally:
        PATIENCE.reset(usual)
