"""The servers, and a gateway on each of the two kinds of them: embedded, and MySQL + Redis + Kafka."""

import gc
import inspect
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from app.runtime.settings import Settings
from app.web.lane import Lane
from app.web.server import COLLECTED_AFTER
from tests.environment import clear_settings
from tests.factories import World, new_world
from tests.figures import figures
from tests.gateway import Gateway, embedded_settings, running_gateway, server_settings
from tests.leaks import Log, Messages, leaks, log_of_the_run
from tests.length import IS_FULL
from tests.prepared import FOLDER, share
from tests.servers.base import Server
from tests.services import ALL, Services, start_all

__all__ = ["figures"]

clear_settings()

MODES = ("embedded", "servers")
# Everything runs on the servers. The embedded gateway differs in its locks, its texts, its cache and its events: so do
# the modules about these run there too; BILLING_TEST_SCALE=full, or `-k embedded`, runs the others there as well. Every
# root field and every mutation is sent to it by tests/access, tests/executor and tests/fuzz.
EMBEDDED_TOO = (
    *("access/test_audit", "events/test_hub", "events/test_log", "events/test_relay."),
    *("graphql/test_bulk", "graphql/test_claim_stream.py", "graphql/test_idempotency", "graphql/test_modes"),
    *("graphql/test_pages", "graphql/test_races", "graphql/test_retention", "graphql/test_shared_answers.py"),
    *("graphql/test_statement_counts", "graphql/test_tuss"),
)
# The general way answers whatever the short one does; elsewhere a usual request takes the short one (app/web/lane.py).
BOTH_WAYS = "tests.transport."
LONG = "tests/machine/"
TOGETHER = ("tests/executor/",)
WAITING = "tests/faults/"
# Minutes of waiting for clocks, leases and restarts, and what other tests do in small; BILLING_TEST_SCALE=full runs it.
FULL_ONLY = (
    *(f"tests/faults/test_{name}.py" for name in ("held_rows", "relay_stopped", "rolling", "wrong_clock")),
    # tests/events/test_broker_down.py stops and empties a broker every time.
    "tests/faults/test_broker_faults.py::test_payments_go_on_and_the_backlog_leaves_in_order[back without its data]",
    "tests/faults/test_broker_faults.py::test_payments_go_on_and_the_backlog_leaves_in_order[down]",
    # test_long_statement_killed.py kills in a posting too.
    "tests/faults/test_posting_killed.py",
    # test_generated.py sends what the same generator makes, and test_rest.py runs the same command.
    "tests/fuzz/test_schemathesis.py",
)
# It starts eight servers, some of which need the packages that only `make bench` installs.
BENCH_ONLY = "tests/benchmarks/test_run.py"
ROOT = Path(__file__).parents[1]
_EXPLORER = "tests/graphql/test_explorer.py"
FACTS = ("kind", "url", "version", "flavor")


class Modules(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Modules for the workers, in their order; those of a folder of TOGETHER are one."""

    def _split_scope(self, nodeid: str) -> str:
        folder = next((each for each in TOGETHER if nodeid.startswith(each)), None)
        return folder or str(super()._split_scope(nodeid))


class SharedServers:
    """With several workers (`-n`) the first process starts the servers once and tells every worker where they are."""

    def __init__(self) -> None:
        self._services: Services | None = None

    def pytest_configure_node(self, node: Any) -> None:
        """Give the worker that is about to start the addresses."""
        if self._services is None:
            self._services = start_all()
        found = self._services.servers
        node.workerinput["servers"] = {name: {fact: getattr(found[name], fact) for fact in FACTS} for name in ALL}

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """A worker takes a module at a time, or a folder whose modules share what is made for all of them."""
        return Modules(config, log) if config.getoption("dist") == "loadscope" else None

    def pytest_unconfigure(self) -> None:
        """End the servers."""
        if self._services is not None:
            self._services.stop()


def pytest_configure(config: pytest.Config) -> None:
    """Share databases, and the servers where there are workers to share them."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="billing-prepared-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True))
    if config.pluginmanager.hasplugin("xdist") and getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(SharedServers())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What was imported and collected lives as long as the process, so that no collection of garbage is worth a walk
    through it; after that the tests' gateways collect as seldom as one of their own process. Python's own thresholds
    cost an eighth of the processor time of the tests of a gateway, nearly all of it in full collections."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED_AFTER)
        gc.enable()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the tests measured, those that failed included."""
    ended = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    measured = [report for report in ended if report.user_properties]
    if measured:
        terminalreporter.section("figures")
    for report in measured:
        # A test that was repeated has measured more than once; the last figures are those that are judged.
        found = ", ".join(f"{name}: {value}" for name, value in dict(report.user_properties).items())
        terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}\n    {found}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the transport that send something once for each way that a request may take."""
    if metafunc.module.__name__.startswith(BOTH_WAYS) and inspect.iscoroutinefunction(metafunc.function):
        metafunc.parametrize("way", ["short", "general"], indirect=True)


@pytest.fixture(autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Closes the short way for the test if it is to take the general one; which one it takes."""
    found: str = getattr(request, "param", "short")
    if found == "general":

        async def general(lane: Any, *asked: Any) -> None:
            await lane._general(*asked)

        monkeypatch.setattr(Lane, "__call__", general)
    return found


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Embedded where it matters; without what takes minutes or needs more; and then in an order without idle time."""
    if not IS_FULL and "embedded" not in config.option.keyword:
        left = [item for item in items if _is_twice(item)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not _is_twice(item)]
    if not IS_FULL:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid.startswith(FULL_ONLY)])
        items[:] = [item for item in items if not item.nodeid.startswith(FULL_ONLY)]
    if "BILLING_TEST_BENCH" not in os.environ:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid.startswith(BENCH_ONLY)])
        items[:] = [item for item in items if not item.nodeid.startswith(BENCH_ONLY)]
    if not _can_show_explorer():
        config.hook.pytest_deselected(items=[item for item in items if _EXPLORER in item.nodeid])
        items[:] = [item for item in items if _EXPLORER not in item.nodeid]
    places = {name: place for place, name in enumerate(_in_order([_module(item) for item in items]))}
    items.sort(key=lambda item: places[_module(item)])


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _in_order(names: list[str]) -> list[str]:
    """The long module first, so that no worker is left with it at the end; after every two others one of those that
    mostly wait, so that few wait at the same time."""
    modules = sorted(dict.fromkeys(names), key=lambda name: not name.startswith(LONG))
    waiting = [name for name in modules if name.startswith(WAITING)]
    found: list[str] = []
    for place, name in enumerate(each for each in modules if each not in waiting):
        found += [name, *waiting[place // 2 : place // 2 + 1]] if place % 2 else [name]
    return found + [name for name in waiting if name not in found]


def _can_show_explorer() -> bool:
    """Whether GraphiQL is built; CI has to build it."""
    return "CI" in os.environ or (ROOT / "app" / "web" / "static" / "index.html").is_file()


def _is_twice(item: pytest.Item) -> bool:
    """Whether the test also runs on the servers, and its module is none of those that matter in the embedded mode."""
    is_embedded = getattr(item, "callspec", None) is not None and item.callspec.params.get("gateway") == "embedded"  # type: ignore[attr-defined]
    return is_embedded and not item.nodeid.removeprefix("tests/").startswith(EMBEDDED_TOO)


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    """The real servers: MySQL or MariaDB, Redis, Kafka."""
    shared = getattr(request.config, "workerinput", {}).get("servers")
    if shared is not None:
        found = Services({name: Server(**facts, source="shared") for name, facts in shared.items()})
        share(found.mysql.url)
        yield found
        return
    with start_all() as found:
        share(found.mysql.url)
        yield found


@pytest.fixture(scope="session")
def log() -> Log:
    """What every gateway of this process logs."""
    return log_of_the_run()


@pytest.fixture(scope="session")
async def embedded_gateway(tmp_path_factory: pytest.TempPathFactory, log: Log) -> AsyncIterator[Gateway]:
    """A live gateway with the whole TUSS, on SQLite and nothing else."""
    async with _watched(embedded_settings(tmp_path_factory.mktemp("embedded")), log) as found:
        yield found


@pytest.fixture(scope="session")
async def server_gateway(
    services: Services, tmp_path_factory: pytest.TempPathFactory, log: Log
) -> AsyncIterator[Gateway]:
    """The same on MySQL, Redis and Kafka; for tests of locks and events alone."""
    async with _watched(await server_settings(tmp_path_factory.mktemp("servers"), services), log) as found:
        yield found


@asynccontextmanager
async def _watched(settings: Settings, log: Log) -> AsyncIterator[Gateway]:
    """A gateway that has told nothing of a patient where it must not, after all tests that used it."""
    async with running_gateway(settings) as found:
        messages = Messages(found)
        yield found
        assert any('"route":"/' in line for line in log.lines), "the log was not watched"
        assert await leaks(found, log, messages) == []


@pytest.fixture(params=MODES)
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """A live gateway; tests that use it run once in each mode."""
    found: Gateway = request.getfixturevalue("embedded_gateway" if request.param == "embedded" else "server_gateway")
    return found


@pytest.fixture
async def world(gateway: Gateway) -> World:
    """A payer, a provider and a covered patient of this test's own."""
    return await new_world(gateway)


@pytest.fixture
async def server_world(server_gateway: Gateway) -> World:
    """The same on the gateway with real servers."""
    return await new_world(server_gateway)
