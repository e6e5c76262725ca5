"""What the import of a zip of TISS batches costs: guides per second, memory above idle, and the latency of another
caller beside it; and the CPU time of writing a batch of what was imported.

    python -m benchmarks.import_documents [--batches 100] [--guides 100] [--items 10] [--patients 2000]

The guides are those of so many patients, whose cards nobody knows before; each of their guides is of another day.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.processes import children_cpu_seconds, cpu_seconds, memory_bytes
from tests.example_lotes import zipped
from tests.factories import World, key, new_world, today
from tests.faults.processes import Fleet
from tests.faults.stage import staged
from tests.gateway import server_settings
from tests.lotes import Line, guide, lote
from tests.services import start_all

QUIET_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 2.0
"""Between looks at the job and at the memory, which cost the machine milliseconds that the other caller would wait."""
MIB: Final = 1024 * 1024
START: Final = "mutation($input: ImportBatchInput!) { importBatch(input: $input) { job { id } errors { message } } }"
DONE: Final = ("takenCount", "takenWithWarningsCount", "unchangedCount", "refusedCount")
READ: Final = f"query($id: ID!) {{ importJob(id: $id) {{ status totalCount {' '.join(DONE)} }} }}"
SENDABLE: Final = "query { claims(first: 100, filter: { status: [SUBMITTED] }) { nodes { id } } }"
EXPORT: Final = (
    "mutation($input: ExportBatchInput!) { exportBatch(input: $input) { batch { hash } errors { message } } }"
)
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


def _documents(world: World, batches: int, guides: int, items: int, patients: int) -> bytes:
    def written(number: int) -> str:
        day = today() - timedelta(days=number // patients)
        lines = [Line(price="10.00", day=day.isoformat())] * items
        card = f"{world.payer}{number % patients:08d}"
        return guide(world, f"G{number}", *lines, total=f"{items * 10}.00", card=card)

    return zipped(
        {
            f"{batch}.xml": lote(world, *[written(batch * guides + number) for number in range(guides)])
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
    most, told, begun = 0, 0, time.perf_counter()
    while True:
        most = max(most, await asyncio.to_thread(memory_bytes, pid))
        job = (await fleet.gql(READ, {"id": job_id}, token=world.token("biller"))).data["importJob"]
        if job["status"] not in {"QUEUED", "RUNNING"}:
            return job, most
        done = sum(job[each] for each in DONE)
        if done - told >= 1_000:
            told = done
            sys.stdout.write(f"{told} of {job['totalCount']} guides after {time.perf_counter() - begun:.0f} s\n")
            sys.stdout.flush()
        await asyncio.sleep(LOOK_SECONDS)


async def _written(fleet: Fleet, world: World, pid: int) -> tuple[int, float, float]:
    """How many guides a batch has, and the seconds of CPU of writing it: beside the event loop, and of the gateway."""
    token = world.token("biller")
    claims = (await fleet.gql(SENDABLE, token=token)).data["claims"]["nodes"]
    children, all_of_it = children_cpu_seconds(pid), cpu_seconds(pid)
    values = {"claimIds": [claim["id"] for claim in claims], "idempotencyKey": key()}
    answer = (await fleet.gql(EXPORT, {"input": values}, token=token)).data["exportBatch"]
    if answer["batch"] is None:
        raise RuntimeError(answer)
    beside = children_cpu_seconds(pid) - children
    return len(claims), beside, cpu_seconds(pid) - all_of_it - beside


async def measure(batches: int, guides: int, items: int, patients: int) -> None:
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
            content = _documents(world, batches, guides, items, patients)
            begun = time.perf_counter()
            async with steady.asking():
                job_id = await _started(fleet, world, content)
                job, most = await _ended(fleet, world, job_id, pid)
            seconds, beside = time.perf_counter() - begun, steady.figures()
            written = await _written(fleet, world, pid)
    count = job["totalCount"]
    size, p99 = len(content) / MIB, beside[1] / quiet[1]
    size_of_batch, off_loop, on_loop = written
    lines = [
        f"{batches} batches, {count} guides of {items} items, {patients} patients, {size:.1f} MiB: {job['status']}",
        f"refused: {job['refusedCount']}; {seconds:.1f} s, {count / seconds:.0f} guides/s",
        f"memory: {idle / MIB:.0f} MiB idle, {(most - idle) / MIB:.0f} MiB more at most (goal: 200)",
        f"another caller, quiet: p50 {quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms",
        f"beside the import: p50 {beside[0]:.1f} ms, p99 {beside[1]:.1f} ms, p99 x{p99:.1f} (goal: 2)",
        f"a batch of {size_of_batch} guides: {off_loop:.2f} s of CPU beside the loop (goal: 0.3), {on_loop:.2f} on it",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=5, help="lotes in the zip")
    parser.add_argument("--guides", type=int, default=100, help="SP/SADT guides of each")
    parser.add_argument("--items", type=int, default=10, help="items of each guide")
    parser.add_argument("--patients", type=int, default=2_000, help="whose guides they are")
    given = parser.parse_args()
    asyncio.run(measure(given.batches, given.guides, given.items, given.patients))
