"""What a long statement costs, from its upload to its posting: lines per second, memory above idle, and the latency of
another caller beside it.

    python -m benchmarks.import_statements [--lines 100000] [--items 4]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.import_documents import LOOK_SECONDS, MIB, QUIET_SECONDS, Steady
from benchmarks.processes import memory_bytes
from tests.factories import World, key, new_world, today
from tests.faults.processes import Fleet
from tests.faults.stage import staged
from tests.gateway import server_settings
from tests.hostile.big_data import copied_claims
from tests.payer_documents import Guide, Item, analysis, message
from tests.services import start_all

CLAIMS_AT_ONCE: Final = 500
ITEM: Final = {"codeSystem": "22", "code": "10101012", "quantity": "1", "unitPrice": "100"}
IMPORT: Final = "mutation($i: ImportRemittanceInput!) { importRemittance(input: $i) { job { id } errors { message } } }"
JOB: Final = (
    "query($id: ID!) { importJob(id: $id) { status totalCount takenCount errors { message } remittances { id } } }"
)
POST: Final = "mutation($i: PostRemittanceInput!) { postRemittance(input: $i) { errors { message } } }"
READ: Final = "query($id: ID!) { remittance(id: $id) { status } }"
BOOKS: Final = "query($p: AnsCode) { reconciliation(payerAnsCode: $p) { paidAmount unexplainedAmount } }"
ENDED: Final = {"DONE", "FAILED", "PARTIALLY_POSTED", "POSTED"}


class Measured:
    """One phase: how long it took, the most memory meanwhile, and the other caller's latency."""

    def __init__(self, seconds: float, memory: int, latency: tuple[float, float]) -> None:
        self.seconds, self.memory, self.latency = seconds, memory, latency

    def lines(self, name: str, count: int, idle: int, quiet: tuple[float, float]) -> list[str]:
        """The figures as text."""
        more = (self.memory - idle) / MIB
        p50, p99 = self.latency
        return [
            f"{name}: {self.seconds:.1f} s, {count / self.seconds:.0f} lines/s, {more:.0f} MiB above idle (goal: 200)",
            f"  another caller: p50 {p50:.1f} ms, p99 {p99:.1f} ms, p99 x{p99 / quiet[1]:.1f} (goal: 2)",
        ]


async def _claims(fleet: Fleet, world: World, count: int, items: int) -> list[str]:
    """The numbers of so many submitted claims."""
    first = (await world.submitted_claim(items=[ITEM] * items))["id"]
    found: list[str] = []
    while len(found) < count:
        some = min(CLAIMS_AT_ONCE, count - len(found))
        found += await copied_claims(fleet, first, some)  # type: ignore[arg-type] # of the shape that it needs
    return [each[-20:] for each in found]


def _document(world: World, claims: list[str], items: int) -> bytes:
    parts = tuple(Item(paid="60.00", denials=(("1705", "40.00"),), sequence=str(n + 1)) for n in range(items))
    said = analysis(world, "L-1", *[Guide(each, world.card, parts) for each in claims])
    # Of each payment a share of it is withheld.
    tax = (
        f"<debitosCreditos><indicador>1</indicador><tipoDebitoCredito>01</tipoDebitoCredito>{_tax(len(claims) * items)}"
    )
    closing = "</demonstrativoAnaliseConta>"
    text = message(world.payer, said.replace(closing, f"{tax}</debitosCreditos>{closing}"))
    return text.encode("iso-8859-1")


def _tax(lines: int) -> str:
    """1.5 % of 60.00 for each line."""
    return f"<valorDbCr>{lines * 90 // 100}.{lines * 90 % 100:02d}</valorDbCr>"


async def _call(fleet: Fleet, world: World, text: str, **variables: Any) -> Any:
    answer = await fleet.gql(text, variables, token=world.token("finance"))
    if answer.body.get("errors"):
        raise RuntimeError(answer.body)
    return next(iter(answer.data.values()))


async def _import(fleet: Fleet, world: World, content: bytes) -> Callable[[], Awaitable[Any]]:
    """Start the import; the result reads its job."""
    headers = {"authorization": f"Bearer {world.token('finance')}", "content-type": "application/xml"}
    answer = await fleet.client.post(
        f"{fleet.processes[0].url}/documents", content=content, headers=headers, timeout=300
    )
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "paidOn": today().isoformat()}
    content_id = {"content": {"documentId": answer.json()["id"]}, "idempotencyKey": key()}
    started = await _call(fleet, world, IMPORT, i=given | content_id)
    return lambda: _call(fleet, world, JOB, id=started["job"]["id"])


async def _post(fleet: Fleet, world: World, remittance_id: str) -> Callable[[], Awaitable[Any]]:
    await _call(fleet, world, POST, i={"remittanceId": remittance_id, "idempotencyKey": key()})
    return lambda: _call(fleet, world, READ, id=remittance_id)


async def _measured(steady: Steady, pid: int, begin: Awaitable[Callable[[], Awaitable[Any]]]) -> tuple[Any, Measured]:
    begun, most = time.perf_counter(), 0
    async with steady.asking():
        read = await begin
        while (found := await read())["status"] not in ENDED:
            most = max(most, await asyncio.to_thread(memory_bytes, pid))
            await asyncio.sleep(LOOK_SECONDS)
    return found, Measured(time.perf_counter() - begun, most, steady.figures())


async def measure(lines: int, items: int) -> None:
    """Print the figures of one statement."""
    with start_all() as services, tempfile.TemporaryDirectory() as folder:
        settings = await server_settings(Path(folder), services)
        async with staged(settings) as fleet:
            world: World = await new_world(fleet)  # type: ignore[arg-type] # of the shape that a world needs
            content = _document(world, await _claims(fleet, world, lines // items, items), items)
            steady = Steady(fleet, world, (await world.submitted_claim())["id"])
            pid = fleet.processes[0].pid
            async with steady.asking():
                await asyncio.sleep(QUIET_SECONDS)
            idle, quiet = memory_bytes(pid), steady.figures()
            job, imported = await _measured(steady, pid, _import(fleet, world, content))
            (remittance,) = job["remittances"]
            posting, posted = await _measured(steady, pid, _post(fleet, world, remittance["id"]))
            books = await _call(fleet, world, BOOKS, p=world.payer)
    report = [
        (
            f"{job['totalCount']} lines of {items} items a guide, {len(content) / MIB:.1f} MiB: {job['status']}, "
            f"{job['takenCount']} matched; {posting['status']}, paid {books['paidAmount']}, "
            f"unexplained {books['unexplainedAmount']}"
        ),
        f"quiet: {idle / MIB:.0f} MiB; another caller: p50 {quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms",
        *imported.lines("import, with the upload", lines, idle, quiet),
        *posted.lines("posting", lines, idle, quiet),
    ]
    sys.stdout.write("\n".join(report) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000, help="lines of the statement")
    parser.add_argument("--items", type=int, default=4, help="lines of each guide")
    given = parser.parse_args()
    asyncio.run(measure(given.lines, given.items))
