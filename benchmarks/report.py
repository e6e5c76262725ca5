"""benchmarks/RESULTS.md: the tables, the machine, and a chart of the CPU time per request."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from benchmarks import goals, layers, subscribers, workers
from benchmarks.chart import bars, stacks
from benchmarks.contenders import GATEWAY
from benchmarks.goals import ratio
from benchmarks.layer_shares import Shares
from benchmarks.markdown import table
from benchmarks.measure import Figures, Plan, Run
from benchmarks.operations import Operation
from benchmarks.stage import Stage
from benchmarks.subscribers import Heard
from benchmarks.values import Value, cpu_ms, per_core_second, per_gb_second, per_second

_PACKAGES: Final = ("strawberry-graphql", "starlette", "fastapi", "sqlalchemy", "uvicorn", "asyncmy", "aiomysql")
_NODE_PACKAGES: Final = ("mercurius", "graphql-jit", "fastify", "graphql-yoga", "@apollo/server", "graphql", "mysql2")


@dataclass(frozen=True)
class Further:
    """What is measured of the gateway alone; what was left out is empty."""

    heard: Mapping[str, Sequence[Heard]] = field(default_factory=dict)
    workers: Figures = field(default_factory=Figures)
    layers: Mapping[str, Shares] = field(default_factory=dict)


def document(run: Run, claims: int, further: Further) -> str:
    """The whole page."""
    names = [contender.name for contender in run.processes]
    by = run.figures
    operations = run.operations
    parts = [
        "# Results\n\nWritten by `make bench`; [README.md](README.md) says what is compared and how.\n",
        _machine(run.stage, run.plan, claims),
        goals.section(by, further.workers, further.heard, run.idle.get(GATEWAY)),
        table(["", ""], [[each.name, each.title] for each in operations]).replace("---:", "---"),
        _section("CPU milliseconds per request", by, names, operations, cpu_ms, "{:.3f}"),
        "![CPU per request](cpu.svg)\n",
        _ratios(by, names, operations),
        _section("Requests per second", by, names, operations, per_second, "{:.0f}"),
        _section("Median latency, ms", by, names, operations, lambda sample: sample.median * 1e3, "{:.2f}"),
        _section("99th percentile, ms", by, names, operations, lambda sample: sample.slowest * 1e3, "{:.2f}"),
        _section("Requests per second of a core", by, names, operations, per_core_second, "{:.0f}"),
        _section("Requests per second and GB of memory", by, names, operations, per_gb_second, "{:.0f}"),
        _section("Memory, MiB", by, names, operations, lambda sample: sample.memory / 2**20, "{:.0f}"),
        f"## CPU without requests, of a core\n\n{table(['', ''], [[name, f'{run.idle[name]:.2%}'] for name in names])}",
        _section("Requests without a good answer, in all rounds", by, names, operations, None, "{:.0f}"),
        _burst(run.burst, names),
        *_further(further),
    ]
    return "\n".join(parts)


def _further(further: Further) -> list[str]:
    found = []
    if further.heard:
        found.append(subscribers.section(further.heard))
    if further.workers.samples:
        found.append(workers.section(further.workers))
    if further.layers:
        found.append(layers.section(further.layers))
    return found


def write(run: Run, claims: int, folder: Path, further: Further) -> None:
    """Write the page and its charts into the folder."""
    (folder / "RESULTS.md").write_text(document(run, claims, further))
    names = [contender.name for contender in run.processes]
    groups = {
        operation.name: [
            (name, run.figures.typical(name, operation.name, cpu_ms))
            for name in names
            if run.figures.has(name, operation.name)
        ]
        for operation in run.operations
    }
    (folder / "cpu.svg").write_text(bars("CPU milliseconds per request (log scale)", groups))
    if further.layers:
        parts = layers.by_size(further.layers)
        (folder / "layers.svg").write_text(stacks("Time of the gateway's process by layer", parts, further.layers))


def _section(
    title: str, by: Figures, names: Sequence[str], operations: Sequence[Operation], value: Value | None, form: str
) -> str:
    rows = [[name, *[_cell(by, name, operation.name, value, form) for operation in operations]] for name in names]
    return f"## {title}\n\n{table(['', *[operation.name for operation in operations]], rows)}"


def _cell(by: Figures, name: str, operation: str, value: Value | None, form: str) -> str:
    if not by.has(name, operation):
        return ""
    if value is None:
        return form.format(sum(sample.failed for sample in by.samples[name, operation]))
    return form.format(by.typical(name, operation, value))


def _ratios(by: Figures, names: Sequence[str], operations: Sequence[Operation]) -> str:
    """How many times the CPU of each peer the gateway needs."""
    heads = ["", *[each.name for each in operations]]
    rows = [[name, *[_times(by, name, each.name) for each in operations]] for name in names if name != GATEWAY]
    return f"## CPU of the gateway, as a multiple of each peer's\n\n{table(heads, rows)}"


def _times(by: Figures, name: str, operation: str) -> str:
    found = ratio(by, name, operation)
    return "" if found is None else f"{found:.2f}"


def _burst(by: Figures, names: Sequence[str]) -> str:
    heads = ["", "requests/s", "p50 ms", "p99 ms", "not answered", "memory MiB"]
    rows = []
    for name in names:
        for step in ("50", "500"):
            if by.has(name, step):
                sample = by.samples[name, step][0]
                shown = (
                    f"{per_second(sample):.0f}",
                    f"{sample.median * 1e3:.1f}",
                    f"{sample.slowest * 1e3:.1f}",
                    str(sample.failed),
                    f"{sample.memory / 2**20:.0f}",
                )
                rows.append([f"{name}, {step} connections", *shown])
    return f"## From 50 to 500 connections, Q1\n\n{table(heads, rows)}"


def _machine(stage: Stage, plan: Plan, claims: int) -> str:
    python = [f"{name} {version(name)}" for name in _PACKAGES]
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[2]:.2f} in the last 15 minutes",
        "Python": f"{platform.python_version()}: {', '.join(python)}",
        "Node": f"{_node_version()}: {', '.join(_node_packages())}",
        "compiled": ", ".join(_compilers()),
        "servers": f"{stage.database_version}, Redis {stage.redis_version}",
        "driver of the gateway": make_url(stage.settings.database).get_driver_name(),
        "data": f"{claims} claims of 20 providers, 2 of them visible",
        "plan": f"{plan.rounds} rounds, {plan.seconds} s for each operation, {plan.connections} connections",
        "cores": "not pinned" if plan.server_cores is None else "server on one core, database and load on the others",
    }
    return table(["", ""], [[name, value] for name, value in facts.items()]).replace("---:", "---")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _node_version() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _compilers() -> list[str]:
    """The compilers of the machine, without those that are missing."""
    commands = [("go", "version"), ("rustc", "--version")]
    found = [each for each in commands if shutil.which(each[0])]
    return [subprocess.run(each, capture_output=True, text=True, check=True).stdout.strip() for each in found]


def _node_packages() -> list[str]:
    lock = json.loads((Path(__file__).parent / "peers" / "package-lock.json").read_text())["packages"]
    return [f"{name} {lock[f'node_modules/{name}']['version']}" for name in _NODE_PACKAGES]
