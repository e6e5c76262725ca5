"""The measurement: answers are compared first, then every server is loaded in turn, in several rounds."""

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Final

from benchmarks.contenders import GATEWAY, Contender, comparable
from benchmarks.load import Load, Reply, Requests, Tally, ask
from benchmarks.operations import Operation, Place, operations
from benchmarks.processes import ServerProcess, cpu_seconds, memory_bytes, pin, precise_cpu_seconds
from benchmarks.stage import Stage

_FIRST_PAGE: Final = (
    "{ claims(first: 100, orderBy: { field: CREATED_AT, direction: ASC }) "
    "{ nodes { id createdAt invoice { id } } pageInfo { endCursor } } }"
)
SETTLE_SECONDS: Final = 0.5
"""So that what a server writes in the background counts for the requests that caused it."""
_WARM_UP_SECONDS: Final = 0.5
_IDLE_SECONDS: Final = 15.0
_FEW: Final = 50
_MANY: Final = 500


class DifferentError(Exception):
    """A server answered something else than the gateway; the text names it and shows both."""


@dataclass(frozen=True)
class Plan:
    """How long and how much."""

    seconds: float
    rounds: int
    connections: int
    server_cores: set[int] | None


@dataclass(frozen=True)
class Sample:
    """What one load on one server showed; seconds, bytes and counts."""

    answers: int
    failed: int
    seconds: float
    cpu: float
    median: float
    slowest: float
    memory: int


@dataclass
class Figures:
    """Medians over the rounds, by server and operation."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def add(self, contender: str, operation: str, sample: Sample) -> None:
        """Another round."""
        self.samples[contender, operation].append(sample)

    def has(self, contender: str, operation: str) -> bool:
        """Whether there is a round."""
        return bool(self.samples.get((contender, operation)))

    def typical(self, contender: str, operation: str, value: Callable[[Sample], float]) -> float:
        """The median of a value over the rounds."""
        return median(value(sample) for sample in self.samples[contender, operation])


@dataclass
class Run:
    """The servers under way and what was asked of them."""

    stage: Stage
    plan: Plan
    processes: dict[Contender, ServerProcess]
    place: Place
    say: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)
    burst: Figures = field(default_factory=Figures)
    idle: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.operations = operations(self.place)

    async def check(self) -> None:
        """Compare every answer with the gateway's; DifferentError."""
        for operation in operations(replace(self.place, claim_ids=self.place.claim_ids[:1])):
            expected: Any = None
            for contender, process in self._asked(operation):
                reply = await ask(process.port, contender.requests(operation, self.stage, self.place)())
                found = self._data(contender, operation, reply)
                expected = found if contender.is_gateway else expected
                if found != expected:
                    raise DifferentError(f"{contender.name}, {operation.name}:\n{found}\nthe gateway:\n{expected}")

    def _data(self, contender: Contender, operation: Operation, reply: Reply) -> Any:
        if not reply.is_good:
            text = reply.body[:2_000].decode(errors="replace")
            raise DifferentError(f"{contender.name}, {operation.name}: {reply.status} {text}")
        return comparable(contender, operation, reply.body)

    async def warm_up(self) -> None:
        """Let compilers and caches do their first work."""
        for operation in self.operations:
            for contender, process in self._asked(operation):
                requests = contender.requests(operation, self.stage, self.place)
                await load_once(process, requests, self.plan.connections, _WARM_UP_SECONDS)

    async def measure(self) -> None:
        """Every operation on every server, in rounds; before them, what the servers cost without requests."""
        self.idle = await idle_shares({contender.name: process for contender, process in self.processes.items()})
        for turn in range(1, self.plan.rounds + 1):
            for operation in self.operations:
                for contender, process in self._asked(operation):
                    requests = contender.requests(operation, self.stage, self.place)
                    idle, number = self.idle[contender.name], self.plan.connections
                    sample = await sample_of(process, requests, number, self.plan.seconds, idle)
                    self.figures.add(contender.name, operation.name, sample)
            self.say(f"round {turn} of {self.plan.rounds} is done")

    async def measure_burst(self) -> None:
        """One claim at a time from 50 connections, then from 500."""
        operation = self.operations[0]
        for contender, process in self._asked(operation):
            load = Load(process.port, contender.requests(operation, self.stage, self.place))
            try:
                for number, name in ((_FEW, "50"), (_MANY - _FEW, "500")):
                    await load.open(number)
                    self.burst.add(
                        contender.name, name, await _sample(load, process, self.plan.seconds, self.idle[contender.name])
                    )
            finally:
                load.close()
        self.say("the burst is done")

    @property
    def gateway(self) -> ServerProcess:
        """The gateway's process."""
        return next(process for contender, process in self.processes.items() if contender.is_gateway)

    def requests_of(self, operation: str) -> Requests:
        """What makes the next request of this kind to the gateway, by the name of the operation."""
        asked = next(each for each in self.operations if each.name == operation)
        gateway = next(contender for contender in self.processes if contender.is_gateway)
        return gateway.requests(asked, self.stage, self.place)

    def _asked(self, operation: Operation) -> list[tuple[Contender, ServerProcess]]:
        return [(contender, process) for contender, process in self.processes.items() if contender.knows(operation)]


async def load_once(process: ServerProcess, requests: Requests, connections: int, seconds: float) -> Tally:
    """What a load on so many connections showed to the clients."""
    load = Load(process.port, requests)
    try:
        await load.open(connections)
        return await load.run(seconds)
    finally:
        load.close()


async def sample_of(
    process: ServerProcess, requests: Requests, connections: int, seconds: float, idle: float
) -> Sample:
    """What a load on so many connections showed; `idle` is what the process costs without requests."""
    load = Load(process.port, requests)
    try:
        await load.open(connections)
        return await _sample(load, process, seconds, idle)
    finally:
        load.close()


async def _sample(load: Load, process: ServerProcess, seconds: float, idle: float) -> Sample:
    before, began = cpu_seconds(process.pid), time.monotonic()
    tally = await load.run(seconds)
    memory = memory_bytes(process.pid)
    await asyncio.sleep(SETTLE_SECONDS)
    cpu = cpu_seconds(process.pid) - before - idle * (time.monotonic() - began)
    median_, slowest = tally.percentile(0.5), tally.percentile(0.99)
    return Sample(len(tally.latencies), tally.failed, tally.seconds, max(cpu, 0), median_, slowest, memory)


async def idle_shares(processes: Mapping[str, ServerProcess]) -> dict[str, float]:
    """What each costs without requests, as a share of a core."""
    before = {name: precise_cpu_seconds(process.pid) for name, process in processes.items()}
    began = time.monotonic()
    await asyncio.sleep(_IDLE_SECONDS)
    seconds = time.monotonic() - began
    return {name: (precise_cpu_seconds(process.pid) - before[name]) / seconds for name, process in processes.items()}


@contextlib.asynccontextmanager
async def running(
    stage: Stage, plan: Plan, contenders: list[Contender], say: Callable[[str], None]
) -> AsyncIterator[Run]:
    """Start the servers; they end with the block. The first one is the gateway."""
    processes = {contender: contender.process(stage) for contender in contenders}
    try:
        for contender, process in processes.items():
            await process.start()
            if plan.server_cores is not None:
                pin(process.pid, plan.server_cores)
            say(f"{contender.name} is up")
        gateway = next(process for contender, process in processes.items() if contender.name == GATEWAY)
        yield Run(stage, plan, processes, await _place(contenders[0], gateway, stage), say)
    finally:
        for process in processes.values():
            process.stop()


async def _place(gateway: Contender, process: ServerProcess, stage: Stage) -> Place:
    """The second hundred of claims, as the gateway lists them."""
    nothing = Place((), "", "", "", "")
    question = Operation("first page", "", _FIRST_PAGE, lambda _cursor: {})
    reply = await ask(process.port, gateway.requests(question, stage, nothing)())
    if not reply.is_good:
        raise DifferentError(f"the gateway lists no claims: {reply.body[:2_000].decode(errors='replace')}")
    found = json.loads(reply.body)["data"]["claims"]
    last = found["nodes"][-1]
    billed = tuple(node["id"] for node in found["nodes"] if node["invoice"])
    moment = last["createdAt"].replace("T", " ").removesuffix("Z")
    return Place(billed, found["pageInfo"]["endCursor"], moment, last["id"], last["createdAt"][:10])
