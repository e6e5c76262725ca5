"""What one request costs the server: CPU milliseconds of its process and statements at the database.

    python -m benchmarks.cost [--driver aiomysql] [--requests 400] [--claims 2000]

starts MySQL and Redis as the tests do, fills a database with demo claims, starts one gateway with every duty of
production (scope, permissions, rate limit, access log, request log, metrics) and sends each kind of request from a few
connections. Absolute figures are those of this machine: compare runs of one hour on one machine, as ratios.

Q1 is one claim with its items and its invoice, Q2 fifty claims after a cursor with the same fields, Q3 createClaim with
three TUSS items and a key, Q4 `{ __typename }`. The last line is what the process costs without requests.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.demo.parties import CODES, HOSPITAL, PAYER, PROVIDER
from app.runtime.settings import Settings
from benchmarks.operations import CLAIM
from benchmarks.processes import cpu_seconds
from tests.commands import billing
from tests.factories import today
from tests.faults.processes import GatewayProcess, environment_of, running_fleet
from tests.gateway import server_settings, with_driver
from tests.services import start_all

CONNECTIONS: Final = 4
WARM_UP: Final = 60
IDLE_SECONDS: Final = 10.0
POINT: Final = f"query Point($id: ID!) {{ claim(id: $id) {{ {CLAIM} }} }}"
LIST: Final = (
    f"query Page($after: String) {{ claims(first: 50, after: $after, "
    f"orderBy: {{ field: CREATED_AT, direction: ASC }}) {{ nodes {{ {CLAIM} }} pageInfo {{ endCursor }} }} }}"
)
CREATE: Final = (
    "mutation Create($input: CreateClaimInput!) { createClaim(input: $input) "
    "{ claim { id status claimedAmount } errors { code message } replayed } }"
)
Body = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Cost:
    """Of one request: CPU milliseconds of the gateway and of the database, and statements."""

    gateway_ms: float
    database_ms: float
    statements: float
    answers_per_second: float


class Client:
    """A connection that sends one request after the other, and costs the machine little."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    async def ask(self, body: dict[str, Any]) -> Any:
        """The data of the answer; an error of the answer ends the measurement."""
        content = json.dumps(body).encode()
        head = f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {self._token}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
        answer = json.loads(await self._reader.readexactly(length))
        if "errors" in answer:
            sys.exit(f"the gateway answered with errors: {answer['errors'][0]}")
        return answer["data"]


@dataclass
class Stage:
    """One gateway with its database."""

    process: GatewayProcess
    database_pid: int
    engine: AsyncEngine
    token: str
    questions_per_second: float = 0.0

    @contextlib.asynccontextmanager
    async def clients(self, number: int) -> AsyncIterator[list[Client]]:
        """Open connections to the gateway."""
        port = self.process.settings.port
        pairs = [await asyncio.open_connection("127.0.0.1", port, limit=2**22) for _ in range(number)]
        yield [Client(reader, writer, self.token) for reader, writer in pairs]
        for _, writer in pairs:
            writer.close()

    async def questions(self) -> int:
        """How many statements the database server has received so far."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'"))
            return int(found.one()[1])

    async def idle(self) -> float:
        """The share of a core that the gateway needs without requests, in percent."""
        before, asked, began = cpu_seconds(self.process.pid), await self.questions(), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        seconds = time.monotonic() - began
        self.questions_per_second = (await self.questions() - asked) / seconds
        return (cpu_seconds(self.process.pid) - before) / seconds * 100

    async def cost(self, body: Body, number: int) -> Cost:
        """What so many requests cost, each on the average; those before it warm the gateway up."""
        async with self.clients(CONNECTIONS) as clients:
            await self._send(clients, body, WARM_UP)
            await asyncio.sleep(1.2)  # the access log of the warm-up is written and sealed
            asked, began = await self.questions(), time.monotonic()
            gateway, database = cpu_seconds(self.process.pid), cpu_seconds(self.database_pid)
            await self._send(clients, body, number)
            answered = time.monotonic()
            await asyncio.sleep(1.2)  # so that the access log of these requests counts
            gateway, database = cpu_seconds(self.process.pid) - gateway, cpu_seconds(self.database_pid) - database
            background = self.questions_per_second * (time.monotonic() - began)
            statements = await self.questions() - asked - background
        return Cost(gateway * 1e3 / number, database * 1e3 / number, statements / number, number / (answered - began))

    async def _send(self, clients: list[Client], body: Body, number: int) -> None:
        left = iter(range(number))

        async def work(client: Client) -> None:
            for _ in left:
                await client.ask(body())

        await asyncio.gather(*[work(client) for client in clients])


async def bodies(stage: Stage) -> dict[str, Body]:
    """The requests of each kind."""
    async with stage.clients(1) as (client,):
        first = (await client.ask({"query": LIST}))["claims"]
        second = (await client.ask({"query": LIST, "variables": {"after": first["pageInfo"]["endCursor"]}}))["claims"]
    ids = cycle([claim["id"] for claim in second["nodes"] if claim["invoice"]])
    after, numbers = first["pageInfo"]["endCursor"], count()
    return {
        "Q1 claim": lambda: {"query": POINT, "variables": {"id": next(ids)}},
        "Q2 50 claims": lambda: {"query": LIST, "variables": {"after": after}},
        "Q3 createClaim": lambda: {"query": CREATE, "variables": {"input": new_claim(next(numbers))}},
        "Q4 __typename": lambda: {"query": "{ __typename }"},
    }


def new_claim(number: int) -> dict[str, Any]:
    """The input of createClaim, with three items and a new key."""
    items = [{"codeSystem": table, "code": code, "quantity": "1", "unitPrice": "12.00"} for table, code, _ in CODES[:3]]
    claim = {
        "type": "SP_SADT",
        "providerCnes": PROVIDER,
        "payerAnsCode": PAYER,
        "cardNumber": "12345",
        "providerClaimNumber": f"COST{number:09d}",
        "serviceDate": today().isoformat(),
        "items": items,
    }
    return {"claim": claim, "idempotencyKey": f"cost-{number}-{uuid.uuid4().hex}"}


async def measure(settings: Settings, database_pid: int, requests: int) -> None:
    """Print one line for each kind of request, and one for none."""
    process = GatewayProcess(settings, is_forked=False)
    engine = create_async_engine(settings.database, poolclass=NullPool)
    async with running_fleet(settings, [process]) as fleet:
        token = fleet.token("biller", providers=[PROVIDER, HOSPITAL])
        stage = Stage(process, database_pid, engine, token)
        kinds = await bodies(stage)
        await asyncio.sleep(3)
        idle = await stage.idle()
        say(f"{'':16} {'gateway ms':>11} {'database ms':>11} {'statements':>11} {'answers/s':>10}")
        for name, body in kinds.items():
            number = requests // 4 if name.startswith("Q2") else requests
            cost = await stage.cost(body, number)
            shown = f"{cost.gateway_ms:11.3f} {cost.database_ms:11.3f} {cost.statements:11.2f}"
            say(f"{name:16} {shown} {cost.answers_per_second:10.0f}")
        say(f"idle: {idle:.2f} % of a core, {stage.questions_per_second:.1f} statements a second")
    await engine.dispose()


@contextlib.contextmanager
def filled(driver: str, claims: int) -> Iterator[tuple[Settings, int]]:
    """Settings whose database has so many demo claims, and the process id of the server."""
    with start_all(["mysql", "redis"]) as services, tempfile.TemporaryDirectory() as directory:
        settings = asyncio.run(_settings(Path(directory), services, driver))
        environment = environment_of(settings)
        for command in (["migrate"], ["load-tuss"], ["seed-demo", "--claims", str(claims)]):
            done = billing(*command, **environment)
            if done.returncode:
                sys.exit(done.stderr)
        yield settings, services.mysql.pid or 0


async def _settings(directory: Path, services: Any, driver: str) -> Settings:
    services.servers["kafka"] = services.mysql  # only its address is read, and replaced
    changes = {"events_url": "memory://", "rate_per_second": 100_000, "rate_burst": 1_000_000, "health_seconds": 1}
    settings = await server_settings(directory, services, **changes)
    del services.servers["kafka"]
    return with_driver(settings, driver)


def say(line: str) -> None:
    """A line for the person who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", default="asyncmy", choices=["asyncmy", "aiomysql"])
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--claims", type=int, default=2_000)
    arguments = parser.parse_args()
    with filled(arguments.driver, arguments.claims) as (settings, database_pid):
        say(f"driver {arguments.driver}, {arguments.claims} claims, {arguments.requests} requests")
        asyncio.run(measure(settings, database_pid, arguments.requests))


if __name__ == "__main__":
    main()
