"""Gateways as processes of their own, which may be killed."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from app.auth.keys import DevelopmentKeys
from app.db.engine import Database
from app.runtime.build import database_of
from app.runtime.settings import Settings
from tests import cursors
from tests.commands import ROOT, ForkedProcess, inherited, start
from tests.gateway import LIMITS, TRUST, Answer
from tests.servers.launch import free_port, launch

START_SECONDS = 60.0
REQUEST_SECONDS = 20.0


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a process reads them."""
    values = settings.model_dump(exclude_none=True, exclude_defaults=True)
    return {f"BILLING_{name.upper()}": _plain(value) for name, value in values.items()}


def _plain(value: Any) -> str:
    """A secret as it is and not as asterisks; a path that holds in another working directory too."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.resolve() if isinstance(value, Path) else value)


class GatewayProcess:
    """`billing serve` on a port of its own; it ends with the test run at the latest.

    It is forked with every import done, or (`is_forked=False`) starts as a new interpreter, as an operator starts it.
    """

    arguments: Sequence[str] = ("serve",)

    def __init__(
        self,
        settings: Settings,
        *,
        module: str = "app.cli",
        extra: dict[str, str] | None = None,
        is_forked: bool = True,
    ) -> None:
        self.settings = settings.model_copy(update={"port": free_port()})
        self.url = f"http://127.0.0.1:{self.settings.port}"
        descriptor, log = tempfile.mkstemp(prefix="gateway-", suffix=".log", dir=settings.var_dir)
        os.close(descriptor)
        self.log = Path(log)
        self._module = module
        self._extra = extra or {}
        self._is_forked = is_forked
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

    async def start(self, *, has_tls: bool = False) -> None:
        """Start it and wait until it takes requests and, where there is Kafka, reads the topic."""
        self._process = await asyncio.to_thread(self._fork if self._is_forked else self._launch)
        address = self.url.replace("http://", "https://") if has_tls else self.url
        # Whether its certificate is good is for the tests to say.
        trust = False if has_tls else TRUST
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(base_url=address, verify=trust) as client:
            while not await self._is_up(client):
                assert self.is_running, self.log.read_text()[-3000:]
                await asyncio.sleep(0.05)

    def _fork(self) -> ForkedProcess:
        with Path(os.devnull).open() as nothing, self.log.open("a") as log:
            return start(
                list(self.arguments), self._environment(), (nothing, log, log), self.log.parent, module=self._module
            )

    def _launch(self) -> subprocess.Popen[bytes]:
        given = [f"{name}={value}" for name, value in self._environment().items()]
        return launch(["env", "-i", *given, sys.executable, "-m", self._module, *self.arguments], self.log)

    def _environment(self) -> dict[str, str]:
        return {**inherited(), **environment_of(self.settings), "PYTHONPATH": str(ROOT), **self._extra}

    async def _is_up(self, client: httpx.AsyncClient) -> bool:
        try:
            checks: dict[str, str] = (await client.get("/health/ready")).json()["checks"]
        except httpx.TransportError:
            return False
        return checks["database"] == "up" and checks["events"] == "up"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    async def ended(self, seconds: float = 10) -> int:
        """The exit code once it is gone: its sockets close before the kernel has done with it; TimeoutExpired."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, seconds)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if self._process is not None and self.is_running:
            os.killpg(self._process.pid, signal.SIGKILL)  # a session of its own: nobody else is in the group
            self._process.wait()

    async def terminate(self, seconds: float = 15) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.ended(seconds)

    def resident_bytes(self) -> int:
        """Its memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Fleet:
    """Some gateways on the same servers, spoken to as one; the shape of tests.gateway.Gateway where worlds need it."""

    settings: Settings
    processes: list[GatewayProcess]
    database: Database
    client: httpx.AsyncClient
    keys: DevelopmentKeys = field(init=False)
    turn: int = 0

    def __post_init__(self) -> None:
        self.keys = DevelopmentKeys(self.settings.var_dir)

    async def stream_cursor(self, position: int) -> str:
        """The cursor of a stream after this position."""
        return await cursors.stream_cursor(self.settings, self.database, position)

    def token(self, role: str, **claims: Any) -> str:
        """A bearer token; without claims it opens all providers."""
        narrowing = claims or {"providers": ["*"]}
        return self.keys.sign(audience=self.settings.oidc_audience, role=role, **narrowing)

    def next_url(self) -> str:
        """The gateways in turn; those that were killed are left out."""
        living = [each for each in self.processes if each.is_running] or self.processes
        self.turn += 1
        return living[self.turn % len(living)].url

    @property
    def url(self) -> str:
        """That of the next gateway."""
        return self.next_url()

    async def gql(
        self, query: str, variables: dict[str, Any] | None = None, *, token: str | None = None, url: str | None = None
    ) -> Answer:
        """POST one operation to the next gateway; httpx's errors where it gives no answer."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        body = {"query": query, "variables": variables or {}}
        answer = await self.client.post(f"{url or self.next_url()}/graphql", json=body, headers=headers)
        return Answer(answer.status_code, answer.json(), answer.headers)

    async def metric(self, name: str, process: GatewayProcess) -> float:
        """The value of a metric without labels; KeyError without it."""
        lines = (await self.client.get(f"{process.url}/metrics")).text.splitlines()
        found = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines if not line.startswith("#")}
        return float(found[name])

    async def leader(self) -> GatewayProcess:
        """The gateway whose relay leads."""
        async with asyncio.timeout(10):
            while True:
                for process in self.processes:
                    if process.is_running and await self.metric("billing_relay_is_leader", process) == 1:
                        return process
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running_fleet(settings: Settings, processes: Sequence[GatewayProcess]) -> AsyncIterator[Fleet]:
    """Start the gateways at the same time; they end with the block."""
    DevelopmentKeys(settings.var_dir)
    # The test's own connection must not suffer what the gateways' may have to.
    database = database_of(settings)
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=50, keepalive_expiry=LIMITS.keepalive_expiry)
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, limits=limits, verify=TRUST) as client:
        try:
            await asyncio.gather(*[process.start() for process in processes])
            yield Fleet(settings, list(processes), database, client)
        finally:
            for process in processes:
                process.kill()
            await database.dispose()
