"""Two workers beside one: requests per second, and the CPU that a request costs with each."""

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

from benchmarks.contenders import gateway_environment
from benchmarks.markdown import table
from benchmarks.measure import Figures, Run, idle_shares, load_once, sample_of
from benchmarks.processes import ServerProcess, pin
from benchmarks.stage import Stage
from benchmarks.values import cpu_ms, per_second
from tests.commands import inherited
from tests.servers.launch import free_port
from tests.services import Services, start_all

ASKED: Final = ("Q1", "Q2", "Q4")
GOAL: Final = 1.8
_ONE, _TWO = "1 worker", "2 workers"
CONNECTIONS: Final = {_ONE: 16, _TWO: 32}
"""As many for each worker; the kernel gives a connection to a worker by chance, and of few one may get nearly all."""
_CORES_WANTED: Final = 4
_WARM_UP_SECONDS: Final = 2.0


async def measure(run: Run) -> Figures:
    """Both gateways in turn, in rounds; ServerError without Kafka, which workers need."""
    figures = Figures()
    with await asyncio.to_thread(start_all, ["kafka"]) as services:
        async with _running(run, services) as processes:
            for operation in ASKED:
                for name, process in processes.items():
                    await load_once(process, run.requests_of(operation), CONNECTIONS[name], _WARM_UP_SECONDS)
            idle = await idle_shares(processes)
            for _ in range(run.plan.rounds):
                for operation in ASKED:
                    for name, process in processes.items():
                        requests, seconds = run.requests_of(operation), run.plan.seconds
                        sample = await sample_of(process, requests, CONNECTIONS[name], seconds, idle[name])
                        figures.add(name, operation, sample)
    run.say("two workers are done")
    return figures


@contextlib.asynccontextmanager
async def _running(run: Run, services: Services) -> AsyncIterator[dict[str, ServerProcess]]:
    processes = {_ONE: _process(run.stage, services, 1), _TWO: _process(run.stage, services, 2)}
    try:
        for process in processes.values():
            await process.start()
            if not _has_cores() and run.plan.server_cores is not None:
                pin(process.pid, run.plan.server_cores)
        yield processes
    finally:
        for process in processes.values():
            process.stop()


def _process(stage: Stage, services: Services, workers: int) -> ServerProcess:
    topic = uuid.uuid4().hex[:10]
    idempotent = "" if services.kafka.flavor == "apache" else "?idempotent=false"
    changes: dict[str, Any] = {
        "events_url": f"kafka://{services.kafka.url}{idempotent}",
        "events_topic": f"billing.events.{topic}",
        "remittances_topic": f"billing.remittances.{topic}",
        "admin_port": free_port(),
    }
    environment = {**inherited(), **gateway_environment(stage, **changes)}
    command = [sys.executable, "-m", "app.cli", "serve", "--workers", str(workers)]
    return ServerProcess(f"workers-{workers}", command, environment, stage.folder)


def section(figures: Figures) -> str:
    """The part of the results page."""
    rows = [[f"{name}: {operation}", *_cells(figures, name, operation)] for operation in ASKED for name in (_ONE, _TWO)]
    gains = [[operation, *_gains(figures, operation)] for operation in ASKED]
    gained = table(["two workers to one", "requests per second", "with a core for each"], gains)
    rates = table(["", "requests/s", "CPU per request, ms", "memory, MiB"], rows)
    return f"## Two workers\n\n{rates}\n{gained}\n{_caution()}"


def _cells(figures: Figures, name: str, operation: str) -> list[str]:
    memory = figures.typical(name, operation, lambda sample: sample.memory / 2**20)
    rate, cpu = (figures.typical(name, operation, value) for value in (per_second, cpu_ms))
    return [f"{rate:.0f}", f"{cpu:.3f}", f"{memory:.0f}"]


def gain(figures: Figures, operation: str) -> float:
    """Requests per second with two workers to those with one, if each worker has a core for itself."""
    one, two = (figures.typical(name, operation, cpu_ms) for name in (_ONE, _TWO))
    return 2 * one / max(two, 1e-9)


def _gains(figures: Figures, operation: str) -> list[str]:
    one, two = (figures.typical(name, operation, per_second) for name in (_ONE, _TWO))
    return [f"{two / max(one, 1e-9):.2f}", f"{gain(figures, operation):.2f}"]


def _has_cores() -> bool:
    return (os.cpu_count() or 1) >= _CORES_WANTED


def _caution() -> str:
    goal = f"The goal is at least {GOAL}."
    if _has_cores():
        return f"{goal}\n"
    return (
        f"{goal} This machine has fewer than {_CORES_WANTED} cores, and the load and the database need some of them: "
        "the workers share one core, and the requests per second show nothing. The last column is what follows from "
        "the CPU per request.\n"
    )
