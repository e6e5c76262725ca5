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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.db import migrate
from app.runtime.build import database_of
from app.runtime.settings import Settings
from tests.gateway import AT_ONCE, Gateway, running_gateway
from tests.scale import rows
from tests.scale.size import Size
from tests.servers import mysql

MEMORY: Final = ("--innodb-buffer-pool-size=3G", "--loose-innodb-log-file-size=2G")
WARM_UP: Final = 10
SETTLE_SECONDS: Final = 20.0
"""A gateway that has just started sums all its money once."""
EVERYBODY: Final = "*"


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list: who asks for it, with the data scope of one provider or of all."""

    role: str
    page: str
    nodes: str = "id"
    provider: str = EVERYBODY


def _of_days(name: str, first: str, last: str) -> str:
    return f'{name}: {{ from: "{first}", to: "{last}" }}'


_DAY: Final = _of_days("serviceDate", "2025-03-01", "2025-03-01")
_WEEK: Final = _of_days("serviceDate", "2025-03-01", "2025-03-07")
_MONTH: Final = _of_days("serviceDate", "2025-03-01", "2025-03-31")
_LINES: Final = "unmatchedRemittanceLines(first: 50)"
PAGES: Final = {
    "claims": Listed("reviewer", "claims(first: 50)"),
    "claims of a provider": Listed("reviewer", "claims(first: 50)", provider=rows.PROVIDER),
    "claims of a status": Listed("reviewer", "claims(first: 50, filter: { status: [SUBMITTED, UNDER_REVIEW] })"),
    "claim by its number": Listed("reviewer", 'claims(filter: { providerClaimNumber: "N77" })'),
    # As few as there are with 10,000 claims.
    "5 claims of a day": Listed("reviewer", f"claims(first: 5, filter: {{ {_DAY} }})"),
    "claims of a week": Listed("reviewer", f"claims(first: 50, filter: {{ {_WEEK} }})"),
    "claims of a month": Listed("reviewer", f"claims(first: 50, filter: {{ {_MONTH} }})"),
    "claims by amount": Listed("reviewer", "claims(first: 50, orderBy: { field: CLAIMED_AMOUNT, direction: DESC })"),
    "claims in dispute": Listed("reviewer", "claims(first: 50, filter: { inDispute: true })"),
    "claims without an invoice": Listed("reviewer", "claims(first: 50, filter: { invoiced: false })"),
    "denials": Listed("reviewer", "denials(first: 50)"),
    "denials of a provider": Listed("reviewer", "denials(first: 50)", provider=rows.PROVIDER),
    "open denials": Listed("reviewer", "denials(first: 50, filter: { status: [OPEN] })"),
    "denials to recover": Listed("reviewer", "denials(first: 50, filter: { recoveryInvoiced: false })"),
    "invoices": Listed("finance", "invoices(first: 50)"),
    "overdue invoices": Listed("finance", "invoices(first: 20, filter: { overdue: true })"),
    "overdue invoices by total": Listed(
        "finance",
        "invoices(first: 20, filter: { overdue: true }, orderBy: { field: TOTAL_AMOUNT, direction: DESC })",
    ),
    "settlements by day": Listed("finance", "settlements(first: 50, orderBy: { field: PAID_ON, direction: DESC })"),
    "remittances": Listed("finance", "remittances(first: 50)"),
    "waiting lines": Listed("finance", _LINES),
    "waiting lines of a provider": Listed("finance", "unmatchedRemittanceLines(first: 5)", provider=rows.PROVIDER),
    "announced payments": Listed("finance", "announcedPayments(first: 20)"),
    "announced payments of a provider": Listed("finance", "announcedPayments(first: 1)", provider=rows.PROVIDER),
    "bank entries": Listed("finance", "bankEntries(first: 50)"),
    "bank entries of an amount": Listed(
        "finance", 'bankEntries(first: 1, filter: { amount: { from: "507.77", to: "507.77" } })'
    ),
    "unapplied credits that are left": Listed("finance", "unappliedCredits(first: 20, filter: { isLeft: true })"),
    "batches of appeals": Listed("finance", "appealBatches(first: 50)"),
    "underpayments": Listed("reviewer", "underpayments(first: 50)", "performedOn"),
    "underpayments of a payer": Listed(
        "reviewer", f'underpayments(first: 5, filter: {{ payerAnsCode: ["{rows.PAYER}"] }})', "performedOn"
    ),
    "eligibility checks": Listed("reviewer", "eligibilityHistory(first: 50)"),
    "practitioners": Listed("reviewer", "practitioners(first: 50)", "name"),
    "practitioners of a provider": Listed("reviewer", "practitioners(first: 50)", "name", provider=rows.PROVIDER),
    "patients by card": Listed("reviewer", 'patients(cardNumber: "10000007")'),
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
    await rows.fill(database, Size(claims), "0" * 32)
    sys.stderr.write(f"{claims:,} claims after {time.monotonic() - began:.0f} s\n")


async def _medians(gateways: Sequence[Gateway], listed: Listed, requests: int) -> list[float]:
    """Seconds of a request to each gateway. They are asked in turn: what else the machine does meets all alike."""
    tokens = [gateway.token(listed.role, providers=[listed.provider]) for gateway in gateways]
    seconds: list[list[float]] = [[] for _ in gateways]
    for _ in range(requests + WARM_UP):
        for gateway, token, times in zip(gateways, tokens, seconds, strict=True):
            began = time.perf_counter()
            answer = await gateway.gql(f"{{ {listed.page} {{ nodes {{ {listed.nodes} }} }} }}", token=token)
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
        for name, listed in PAGES.items():
            medians = await _medians(gateways, listed, requests)
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
