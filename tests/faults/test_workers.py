"""Several workers on one port are one gateway: one readiness, one set of metrics, one end."""

import asyncio
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.runtime.settings import Settings
from tests.commands import billing
from tests.faults.processes import GatewayProcess, environment_of
from tests.faults.stage import prepare
from tests.faults.waiting import until, until_true
from tests.figures import Figures
from tests.gateway import server_settings
from tests.servers.launch import free_port
from tests.services import Services
from tests.tls.certificates import Authority

REQUESTS = 20
SHOWN = ("billing_workers", "billing_workers_answering", "billing_worker_restarts_total")
PING = {"query": "{ __typename }"}
COUNTED = 'billing_http_requests_total{method="POST",route="/graphql",status="200"}'


class Workers(GatewayProcess):
    """`billing serve --workers 2` over TLS, with one admin listener."""

    arguments = ("serve", "--workers", "2")
    authority: Authority

    @property
    def admin(self) -> str:
        """The address of the admin listener."""
        return f"http://127.0.0.1:{self.settings.admin_port}"

    def children(self) -> list[int]:
        """The processes that it has started, the oldest first: two workers and the one that answers for them."""
        return [int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    async def ask(self, path: str) -> httpx.Response:
        """What the admin listener answers."""
        async with httpx.AsyncClient(base_url=self.admin, timeout=20) as client:
            return await client.get(path)

    async def ping(self) -> int:
        """A request on a connection of its own; its status."""
        async with self.client() as client:
            return (await client.post("/graphql", json=PING)).status_code

    def client(self) -> httpx.AsyncClient:
        """A client of the port that the workers share."""
        trusted = ssl.create_default_context(cafile=str(self.authority.file))
        return httpx.AsyncClient(base_url=self.url.replace("http:", "https:"), verify=trusted, timeout=60)

    async def samples(self) -> dict[str, float]:
        """The metrics of all workers."""
        lines = [line.rsplit(" ", 1) for line in (await self.ask("/metrics")).text.splitlines() if line[0] != "#"]
        return {name: float(value) for name, value in lines}

    async def until_ready(self) -> None:
        """Wait until both workers are ready."""

        async def are_ready() -> bool:
            return (await self.ask("/health/ready")).status_code == 200

        await until_true(are_ready)


async def _settings(services: Services, directory: Path, **files: Path) -> Settings:
    """Those of servers that all workers share, with a database that has its tables."""
    found = await server_settings(directory, services, admin_port=free_port(), **files)
    await prepare(found)
    return found


@pytest.fixture
async def workers(services: Services, tmp_path: Path) -> AsyncIterator[Workers]:
    """Two workers that are ready."""
    authority = Authority(tmp_path / "ca")
    pair = authority.server()
    files = {"tls_certificate_file": pair.certificate, "tls_key_file": pair.key}
    found = Workers(await _settings(services, tmp_path, **files))
    found.authority = authority
    await found.start(has_tls=True)
    try:
        await found.until_ready()
        yield found
    finally:
        found.kill()


async def test_two_workers_answer_as_one_gateway(workers: Workers, figures: Figures) -> None:
    ready = (await workers.ask("/health/ready")).json()
    assert (ready["status"], ready["workers"]) == ("ready", {"ready": 2, "all": 2})
    assert [await workers.ping() for _ in range(REQUESTS)] == [200] * REQUESTS
    found = await workers.samples()
    assert found[COUNTED] == REQUESTS
    # One of them publishes events, and the gauge of both is one.
    assert found["billing_relay_is_leader"] == 1
    assert found['billing_dependency_up{dependency="database"}'] == 1
    async with workers.client() as client:
        assert (await client.get("/metrics")).status_code == 404
        # The others would not know it.
        assert (await client.put("/graphql")).status_code == 405
    os.kill(workers.pid, signal.SIGHUP)
    await until(lambda: workers.log.read_text().count('"certificates_reloaded"') == 2)
    first, second, _admin = workers.children()
    figures(first_worker=_seconds(first), second_worker=_seconds(second), cores=os.cpu_count())
    assert await workers.terminate() == 0


def _seconds(process: int) -> float:
    """The CPU time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_worker_that_dies_is_started_again_and_its_counts_stay(workers: Workers) -> None:
    for _ in range(REQUESTS):
        await workers.ping()
    assert (await workers.samples())[COUNTED] == REQUESTS
    before = workers.children()
    os.kill(before[0], signal.SIGKILL)
    # Connections to the dead worker's socket wait for the new one.
    assert [await workers.ping() for _ in range(REQUESTS)] == [200] * REQUESTS
    await workers.until_ready()
    assert (await workers.samples())[COUNTED] == 2 * REQUESTS
    after = workers.children()
    assert (len(after), before[0] in after, set(before[1:]) <= set(after)) == (3, False, True)
    assert workers.log.read_text().count('"worker_died"') == 1
    # Nor do they go with the process that adds them up.
    os.kill(after[1], signal.SIGKILL)
    await until(lambda: after[1] not in workers.children())
    found = await workers.samples()
    assert [found[COUNTED], *map(found.__getitem__, SHOWN)] == [2 * REQUESTS, 2, 2, 2]


async def test_a_worker_that_hangs_is_killed_and_started_again(workers: Workers) -> None:
    before = workers.children()
    os.kill(before[0], signal.SIGSTOP)
    # The listener of both says so, for as long as it hangs.
    assert [(await workers.samples())[name] for name in SHOWN] == [2, 1, 0]
    # Its share waits for the worker that comes after it.
    pings = asyncio.gather(*[workers.ping() for _ in range(REQUESTS)])
    await until(lambda: before[0] not in workers.children())
    assert await pings == [200] * REQUESTS
    await workers.until_ready()
    after = workers.children()
    assert (len(after), set(before[1:]) <= set(after)) == (3, True)
    log = [json.loads(line) for line in workers.log.read_text().splitlines()]
    silent = [each for each in log if each["event"] == "worker_silent"]
    assert [(each["worker"], each["seconds"], each["level"]) for each in silent] == [("0", 15, "error")]
    assert [(each["worker"], each["code"]) for each in log if each["event"] == "worker_died"] == [("0", -9)]
    assert [(await workers.samples())[name] for name in SHOWN] == [2, 2, 1]


async def test_nothing_is_left_of_workers_whose_parent_is_killed(workers: Workers) -> None:
    children = workers.children()
    os.kill(workers.pid, signal.SIGKILL)
    await until(lambda: not any(map(_is_alive, children)))


def _is_alive(process: int) -> bool:
    """Whether it runs: one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_need_servers_that_they_share(tmp_path: Path) -> None:
    done = billing("serve", "--workers", "2", BILLING_VAR_DIR=str(tmp_path))
    reason = "set BILLING_DATABASE_URL, BILLING_REDIS_URL, BILLING_EVENTS_URL"
    assert done.returncode == 2
    assert f"--workers needs servers that all workers share: {reason}" in done.stderr


async def test_wrong_settings_stop_all_with_one_line(services: Services, tmp_path: Path) -> None:
    missing = {"tls_certificate_file": tmp_path / "missing.pem", "tls_key_file": tmp_path / "missing.pem"}
    settings = await _settings(services, tmp_path, **missing)
    done = await asyncio.to_thread(billing, "serve", "--workers", "2", **environment_of(settings))
    assert (done.returncode, done.stderr.count("BILLING_TLS_CERTIFICATE_FILE")) == (2, 1)
