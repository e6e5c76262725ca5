"""Probes and metrics: answered beside any number of connections and callers, by one look a second."""

import asyncio
import json
import socket
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack

import httpx
import pytest
from sqlalchemy import event

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.faults.waiting import until_true
from tests.figures import Figures
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.servers.launch import free_port

CONNECTIONS_MAX, PER_ADDRESS = 40, 10
CALLERS = 32
STRANGER, NEIGHBOUR = "127.0.0.1", "127.0.0.2"


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """A gateway that takes forty connections, and probes on a port of their own."""
    settings = embedded_settings(
        tmp_path_factory.mktemp("probes"), connections_max=CONNECTIONS_MAX, admin_port=free_port(), health_seconds=1.0
    )
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        # The client that waited for the start has left its connection to be closed.
        yield found


async def test_silent_connections_of_one_address_leave_room_for_others(fleet: Fleet) -> None:
    (process,) = fleet.processes
    with ExitStack() as stack:
        silent = [_connected(stack, process.settings.port, STRANGER) for _ in range(3 * CONNECTIONS_MAX)]
        refused: list[bytes] = []

        async def all_are_told() -> bool:
            refused.extend(text for one in silent if (text := _received(one)))
            return len(refused) >= 3 * CONNECTIONS_MAX - PER_ADDRESS

        await until_true(all_are_told)
        await asyncio.sleep(0.3)
        assert not any(map(_received, silent))
        assert len(refused) == 3 * CONNECTIONS_MAX - PER_ADDRESS
        head, _, body = refused[0].partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"retry-after: 1" in head
        assert json.loads(body)["errors"] == [
            {
                "message": "too many connections, try again",
                "extensions": {"code": "UNAVAILABLE", "retryable": True},
            }
        ]
        transport = httpx.AsyncHTTPTransport(local_address=NEIGHBOUR)
        async with httpx.AsyncClient(base_url=process.url, transport=transport) as neighbour:
            assert (await neighbour.get("/health/live")).json() == {"status": "alive"}
        admin = f"http://127.0.0.1:{process.settings.admin_port}"
        async with httpx.AsyncClient(base_url=admin) as monitoring:
            assert (await monitoring.get("/health/live")).json() == {"status": "alive"}
            assert (await monitoring.get("/health/ready")).json()["status"] == "ready"
            assert "billing_http_requests_total" in (await monitoring.get("/metrics")).text
            assert (await monitoring.get("/graphql")).status_code == 404
    await asyncio.sleep(0.2)
    async with httpx.AsyncClient(base_url=process.url) as again:
        assert (await again.get("/health/live")).json() == {"status": "alive"}
        assert (await again.get("/metrics")).status_code == 404


def _connected(stack: ExitStack, port: int, address: str) -> socket.socket:
    found = stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(address, 0)))
    found.setblocking(False)
    return found


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(65_536)
    except BlockingIOError:
        return b""


@pytest.fixture
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    settings = embedded_settings(tmp_path_factory.mktemp("looks"), health_seconds=1.0)
    async with running_gateway(settings) as found:
        yield found


@pytest.mark.parametrize("path", ["/health/ready", "/metrics"])
async def test_all_who_ask_within_a_second_share_one_look(gateway: Gateway, path: str) -> None:
    looks: list[str] = []
    engine = gateway.parts.probe_database.reads.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "alembic_version" in statement and statement.startswith("SELECT"):
            looks.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with gateway.counting() as statements:
        began = time.monotonic()
        answers = await asyncio.gather(*[gateway.client.get(path) for _ in range(100)])
        seconds = time.monotonic() - began
    assert {answer.status_code for answer in answers} == {200}
    assert len(looks) <= 1 + seconds
    # None of them took a connection of the requests.
    assert [one for one in statements if "alembic_version" in one or "outbox" in one] == []
    await asyncio.sleep(1.1)
    before = len(looks)
    await gateway.client.get(path)
    assert len(looks) == before + 1


async def test_callers_of_metrics_do_not_delay_others(fleet: Fleet, figures: Figures) -> None:
    (process,) = fleet.processes
    admin = f"http://127.0.0.1:{process.settings.admin_port}"
    async with httpx.AsyncClient(base_url=process.url) as client:
        quiet = await _median(client)
        callers = [asyncio.create_task(_ask_for_ever(f"{admin}/metrics")) for _ in range(CALLERS)]
        await asyncio.sleep(0.2)
        beside = await _median(client)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    figures(quiet_milliseconds=1000 * quiet, beside_32_callers_milliseconds=1000 * beside)
    assert beside < max(0.25, 10 * quiet)


async def _median(client: httpx.AsyncClient) -> float:
    times = []
    for _ in range(15):
        began = time.perf_counter()
        assert (await client.post("/graphql", json={"query": "{ __typename }"})).status_code == 200
        times.append(time.perf_counter() - began)
    return statistics.median(times)


async def _ask_for_ever(url: str) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            assert (await client.get(url)).status_code == 200
