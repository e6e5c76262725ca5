"""Signals to a serving gateway: what a stop cuts off is said so and done once, and no other signal ends it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.runtime.settings import Settings
from tests.commands import billing
from tests.faults.processes import Fleet, GatewayProcess, environment_of, running_fleet
from tests.faults.stage import invoices, prepare, staged
from tests.figures import assert_within
from tests.gateway import embedded_settings, server_settings
from tests.services import Services

MUTATIONS = 20
SETTLE = (
    'mutation($id: ID!, $key: String!) { settleInvoice(input: {invoiceId: $id, amount: "1.00", paidOn: "2026-11-02", '
    "idempotencyKey: $key}) { settlement { id } errors { code } } }"
)  # fmt: skip


async def _settle(fleet: Fleet, invoice: str, key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {fleet.token('finance')}", "accept": "application/graphql-response+json"}
    body = {"query": SETTLE, "variables": {"id": invoice, "key": key}}
    return await fleet.client.post(f"{fleet.processes[0].url}/graphql", json=body, headers=headers)


async def test_mutations_that_a_stop_cuts_off_are_unavailable_and_done_once_when_repeated(
    services: Services, tmp_path: Path
) -> None:
    settings = await server_settings(
        tmp_path, services, lame_duck_seconds=1, shutdown_timeout_seconds=1, drain_seconds=0
    )
    async with staged(settings) as fleet:
        (gateway,) = fleet.processes
        (invoice,) = await invoices(fleet, 1)
        async with fleet.database.engine.connect() as blocking, blocking.begin():
            await blocking.execute(text("SELECT id FROM invoices WHERE id = :id FOR UPDATE"), {"id": invoice["id"]})
            calls = [asyncio.create_task(_settle(fleet, invoice["id"], f"cut-{n}")) for n in range(MUTATIONS)]
            await asyncio.sleep(0.5)
            assert await gateway.terminate() == 0
            answers = await asyncio.gather(*calls)
        assert {answer.status_code for answer in answers} == {503}
        assert [answer.json() for answer in answers] == [
            {
                "errors": [
                    {
                        "message": "the server is restarting, try again with the same idempotency key",
                        "extensions": {"code": "UNAVAILABLE", "retryable": True},
                    }
                ]
            }
        ] * MUTATIONS
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        await gateway.start()
        for number in range(MUTATIONS):
            done = (await _settle(fleet, invoice["id"], f"cut-{number}")).json()
            assert done["data"]["settleInvoice"]["errors"] == []
        assert await _due(fleet, invoice["id"]) == "8980.00"


async def _due(fleet: Fleet, invoice: str) -> Any:
    query = "query($id: ID!) { node(id: $id) { ... on Invoice { dueAmount } } }"
    return (await fleet.gql(query, {"id": invoice}, token=fleet.token("finance"))).data["node"]["dueAmount"]


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path, lame_duck_seconds=30)
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found


async def test_a_gateway_that_stops_is_unready_first_and_closes_connections_after_its_answers(fleet: Fleet) -> None:
    (gateway,) = fleet.processes
    kept = await fleet.client.get(f"{gateway.url}/health/ready")
    os.kill(gateway.pid, signal.SIGTERM)
    async with asyncio.timeout(2):
        while (ready := await fleet.client.get(f"{gateway.url}/health/ready")).status_code == 200:  # noqa: ASYNC110 - a process gives no signal
            await asyncio.sleep(0.02)
    answer = await fleet.gql("{ me { subject } }", token=fleet.token("finance"))
    assert (kept.headers.get("connection"), ready.json()["status"]) == (None, "unready")
    assert (answer.data, answer.headers["connection"]) == ({"me": {"subject": "dev-finance"}}, "close")
    began = time.monotonic()
    assert await gateway.terminate() == 0  # the second signal
    assert_within(5, seconds=time.monotonic() - began)
    assert '"stopped"' in gateway.log.read_text().splitlines()[-1]


async def test_a_hangup_without_tls_is_one_line_in_the_log(fleet: Fleet) -> None:
    (gateway,) = fleet.processes
    os.kill(gateway.pid, signal.SIGHUP)
    async with asyncio.timeout(5):
        while not (lines := _logged(gateway, "certificates_reloaded")):  # noqa: ASYNC110 - a process gives no signal
            await asyncio.sleep(0.02)
    assert len(lines) == 1
    assert (await fleet.client.get(f"{gateway.url}/health/live")).json() == {"status": "alive"}


def _logged(gateway: GatewayProcess, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


async def test_the_log_says_what_a_gateway_runs_with(services: Services, tmp_path: Path) -> None:
    settings = await server_settings(tmp_path, services)
    async with staged(settings) as fleet:
        (gateway,) = fleet.processes
        (line,) = _logged(gateway, "started")
    told = {name: value for name, value in line.items() if name not in {"timestamp", "logger", "level", "request_id"}}
    assert told == {
        "event": "started",
        "env": "development",
        "database": "mysql",
        "database_host": "127.0.0.1",
        "cache": "redis",
        "events": f"kafka://{services.kafka.url}",
        "events_topic": settings.events_topic,
        "tls": False,
        "address": f"127.0.0.1:{gateway.settings.port}",
        "admin_address": "",
    }


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["parked"]])
async def test_a_wrong_password_is_one_line_and_exit_code_3(
    services: Services, tmp_path: Path, command: list[str]
) -> None:
    settings: Settings = await server_settings(tmp_path, services)
    scheme, _, rest = settings.database_url.partition("://")
    wrong = f"{scheme}://nobody:wrong-password@{rest.rpartition('@')[2]}"
    environment = {**environment_of(settings), "BILLING_DATABASE_URL": wrong}
    done = await asyncio.to_thread(billing, *command, **environment)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (3, 1), done.stderr
    assert lines[0].startswith("billing: the database is not available: (1045, ")
    assert "wrong-password" not in done.stderr
