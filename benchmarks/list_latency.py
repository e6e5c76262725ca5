"""What a page of each list costs with few claims and with many: the median of a request, and how it grows.

    python -m benchmarks.list_latency [--claims 10000 1000000] [--requests 100]

starts MySQL as the tests do, fills a database of each size, and asks a gateway for each in turn for the same pages, one
request at a time. Filling a database with a million claims takes some minutes. Compare the ratios: the goal is 1.3.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from app.db import migrate
from app.runtime.build import database_of
from app.runtime.settings import Settings
from tests.gateway import AT_ONCE, Gateway, running_gateway
from tests.scale import rows
from tests.servers import mysql

MEMORY: Final = ("--innodb-buffer-pool-size=3G", "--loose-innodb-log-file-size=2G")
WARM_UP: Final = 10
SETTLE_SECONDS: Final = 20.0
"""A gateway that has just started sums all its money once."""
PAGES: Final = {
    "claims": ("reviewer", "claims(first: 50)"),
    "claims of a status": ("reviewer", "claims(first: 50, filter: { status: [SUBMITTED, UNDER_REVIEW] })"),
    "claim by its number": ("reviewer", 'claims(filter: { providerClaimNumber: "N77" })'),
    "claims of a day": (
        "reviewer",
        'claims(first: 50, filter: { serviceDate: { from: "2025-03-01", to: "2025-03-01" } })',
    ),
    "claims by amount": ("reviewer", "claims(first: 50, orderBy: { field: CLAIMED_AMOUNT, direction: DESC })"),
    "denials": ("reviewer", "denials(first: 50)"),
    "open denials": ("reviewer", "denials(first: 50, filter: { status: [OPEN] })"),
    "invoices": ("finance", "invoices(first: 50)"),
    "overdue invoices": ("finance", "invoices(first: 50, filter: { overdue: true })"),
    "settlements by day": ("finance", "settlements(first: 50, orderBy: { field: PAID_ON, direction: DESC })"),
    "remittances": ("finance", "remittances(first: 50)"),
}


async def _settings(server: str, directory: Path, claims: int) -> Settings:
    name = f"claims_{claims}"
    directory = directory / name
    await asyncio.to_thread(directory.mkdir)
    await asyncio.to_thread(mysql.create_database, server, name)
    address: dict[str, Any] = {"database_url": f"{server}{name}", "database_timeout_seconds": 60}
    return Settings(var_dir=directory, port=0, **address, **AT_ONCE)


async def _filled(settings: Settings, claims: int) -> None:
    database = database_of(settings)
    await migrate.upgrade(database)
    began = time.monotonic()
    await rows.fill(database, rows.Size(claims), "0" * 32)
    sys.stderr.write(f"{claims:,} claims after {time.monotonic() - began:.0f} s\n")


async def _medians(gateways: Sequence[Gateway], role: str, page: str, requests: int) -> list[float]:
    """Seconds of a request to each gateway. They are asked in turn: what else the machine does meets all alike."""
    tokens = [gateway.token(role, providers=["*"]) for gateway in gateways]
    seconds: list[list[float]] = [[] for _ in gateways]
    for _ in range(requests + WARM_UP):
        for gateway, token, times in zip(gateways, tokens, seconds, strict=True):
            began = time.perf_counter()
            answer = await gateway.gql(f"{{ {page} {{ nodes {{ id status }} }} }}", token=token)
            times.append(time.perf_counter() - began)
            answer.data  # noqa: B018 - it fails for errors
    return [statistics.median(times[WARM_UP:]) for times in seconds]


async def measure(server: str, sizes: Sequence[int], requests: int) -> None:
    """Print the medians in milliseconds and the ratio of the last size to the first."""
    lines = ["| page | " + " | ".join(f"{each:,} claims" for each in sizes) + " | ratio |"]
    lines.append("| --- |" + " --- |" * (len(sizes) + 1))
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = [await _settings(server, directory, each) for each in sizes]
        for settings, size in zip(found, sizes, strict=True):
            await _filled(settings, size)
        gateways = [await stack.enter_async_context(running_gateway(each, is_prepared=True)) for each in found]
        await asyncio.sleep(SETTLE_SECONDS)
        for name, (role, page) in PAGES.items():
            medians = await _medians(gateways, role, page, requests)
            shown = " | ".join(f"{each * 1_000:.2f} ms" for each in medians)
            lines.append(f"| {name} | {shown} | {medians[-1] / medians[0]:.2f} |")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--requests", type=int, default=100)
    given = parser.parse_args()
    server = mysql.native(*MEMORY)
    try:
        asyncio.run(measure(server.url, given.claims, given.requests))
    finally:
        server.discard()


if __name__ == "__main__":
    main()
