"""What the import of a zip of TISS batches costs: guides per second, memory above idle, and the latency of another
caller beside it.

    python -m benchmarks.import_documents [--batches 100] [--guides 100] [--items 10]
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.processes import memory_bytes
from tests.example_lotes import zipped
from tests.factories import World, key, new_world, today
from tests.faults.processes import Fleet
from tests.faults.stage import staged
from tests.gateway import server_settings
from tests.lotes import Line, guide, lote
from tests.services import start_all

QUIET_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.05
MIB: Final = 1024 * 1024
START: Final = "mutation($input: ImportBatchInput!) { importBatch(input: $input) { job { id } errors { message } } }"
READ: Final = "query($id: ID!) { importJob(id: $id) { status totalCount refusedCount } }"
CLAIM: Final = "query($id: ID!) { claim(id: $id) { id status items { code totalAmount } patient { name } } }"


class Steady:
    """Another caller, who reads a claim twenty times a second; how long each answer took, in milliseconds."""

    def __init__(self, fleet: Fleet, world: World, claim_id: str) -> None:
        self._fleet, self._token, self._claim_id = fleet, world.token("reviewer"), claim_id
        self.milliseconds: list[float] = []

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Ask while the block runs, counted anew."""
        self.milliseconds = []
        task = asyncio.create_task(self._ask())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ask(self) -> None:
        while True:
            begun = time.perf_counter()
            answer = await self._fleet.gql(CLAIM, {"id": self._claim_id}, token=self._token)
            if answer.body.get("errors") or answer.data["claim"] is None:
                raise RuntimeError(answer.body)
            self.milliseconds.append((time.perf_counter() - begun) * 1_000)
            await asyncio.sleep(PAUSE_SECONDS)

    def figures(self) -> tuple[float, float]:
        """The median and the 99th percentile."""
        return median(self.milliseconds), quantiles(self.milliseconds, n=100)[98]


def _documents(world: World, batches: int, guides: int, items: int) -> bytes:
    lines = [Line(price="10.00", day=today().isoformat()) for _ in range(items)]
    total = f"{items * 10}.00"
    return zipped(
        {
            f"{batch}.xml": lote(world, *[guide(world, f"B{batch}G{n}", *lines, total=total) for n in range(guides)])
            for batch in range(batches)
        }
    )


async def _started(fleet: Fleet, world: World, content: bytes) -> str:
    token = world.token("biller")
    headers = {"authorization": f"Bearer {token}", "content-type": "application/zip"}
    answer = await fleet.client.post(f"{fleet.processes[0].url}/documents", content=content, headers=headers)
    values = {"documentId": answer.json()["id"], "idempotencyKey": key()}
    found = (await fleet.gql(START, {"input": values}, token=token)).data["importBatch"]
    return str(found["job"]["id"])


async def _ended(fleet: Fleet, world: World, job_id: str, pid: int) -> tuple[Any, int]:
    """The job at its end, and the most memory meanwhile."""
    most = 0
    while True:
        most = max(most, memory_bytes(pid))
        job = (await fleet.gql(READ, {"id": job_id}, token=world.token("biller"))).data["importJob"]
        if job["status"] not in {"QUEUED", "RUNNING"}:
            return job, most
        await asyncio.sleep(0.5)


async def measure(batches: int, guides: int, items: int) -> None:
    """Print the figures of one import."""
    with start_all() as services, tempfile.TemporaryDirectory() as folder:
        settings = await server_settings(Path(folder), services)
        async with staged(settings) as fleet:
            world: World = await new_world(fleet)  # type: ignore[arg-type] # of the shape that a world needs
            steady = Steady(fleet, world, (await world.submitted_claim())["id"])
            pid = fleet.processes[0].pid
            async with steady.asking():
                await asyncio.sleep(QUIET_SECONDS)
            idle, quiet = memory_bytes(pid), steady.figures()
            content = _documents(world, batches, guides, items)
            begun = time.perf_counter()
            async with steady.asking():
                job_id = await _started(fleet, world, content)
                job, most = await _ended(fleet, world, job_id, pid)
            seconds, beside = time.perf_counter() - begun, steady.figures()
    count = job["totalCount"]
    lines = [
        f"{batches} batches, {count} guides of {items} items, zip of {len(content) / MIB:.1f} MiB: {job['status']}",
        f"refused: {job['refusedCount']}; {seconds:.1f} s, {count / seconds:.0f} guides/s",
        f"memory: {idle / MIB:.0f} MiB idle, {(most - idle) / MIB:.0f} MiB more at most (goal: 200)",
        f"another caller, quiet: p50 {quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms",
        f"beside the import: p50 {beside[0]:.1f} ms, p99 {beside[1]:.1f} ms, p99 x{beside[1] / quiet[1]:.1f} (goal: 2)",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=5, help="lotes in the zip")
    parser.add_argument("--guides", type=int, default=100, help="SP/SADT guides of each")
    parser.add_argument("--items", type=int, default=10, help="items of each guide")
    given = parser.parse_args()
    asyncio.run(measure(given.batches, given.guides, given.items))
