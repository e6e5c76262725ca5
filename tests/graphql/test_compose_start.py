"""The commands of docker-compose.yml, in its order, on an empty database: then what the documents show first works."""

import asyncio
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from app.db.migrate import head
from app.runtime.settings import Settings
from tests.architecture.test_compose import SERVICES, environment, filled_in
from tests.architecture.test_documents import README, operations, page
from tests.commands import billing
from tests.factories import today
from tests.faults.processes import GatewayProcess
from tests.servers.mysql import create_database
from tests.services import Services

SEEDED = 10


def in_order(service: str) -> Iterator[str]:
    """The gateway's own services that compose starts before this one, and this one."""
    for needed in SERVICES[service].get("depends_on", {}):
        if SERVICES[needed]["image"] == SERVICES["gateway"]["image"]:
            yield from in_order(needed)
    yield service


async def test_the_commands_of_the_compose_file_lead_to_a_first_claim(tmp_path: Path, services: Services) -> None:
    name = f"billing_{uuid.uuid4().hex[:10]}"
    await asyncio.to_thread(create_database, services.mysql.url, name)
    given = {key: filled_in(value) for key, value in environment("gateway").items()}
    here = {
        "BILLING_HOST": "127.0.0.1",
        "BILLING_VAR_DIR": str(tmp_path),
        "BILLING_DATABASE_URL": services.mysql.url.replace("aiomysql", "asyncmy").rstrip("/") + f"/{name}",
        "BILLING_REDIS_URL": services.redis.url,
        "BILLING_EVENTS_URL": f"kafka://{services.kafka.url}",
        "BILLING_EVENTS_TOPIC": f"billing.events.{name}",
        "BILLING_REMITTANCES_TOPIC": f"billing.remittances.{name}",
    }
    variables = {**{key: value for key, value in given.items() if key != "BILLING_PORT"}, **here}
    order = list(dict.fromkeys([*in_order("seed"), *in_order("gateway")]))
    assert order == ["migrate", "terms", "seed", "gateway"]
    for service in order[:-1] * 2:
        done = billing(*_fewer(SERVICES[service]["command"]), **variables)
        assert (service, done.returncode) == (service, 0), done.stderr
        # One line, whatever the server remarks about a statement.
        assert service != "migrate" or done.stderr == f"the database is at revision {head()}\n"
    token = billing("token", "--role", "biller", **variables).stdout.strip()
    gateway = GatewayProcess(Settings(var_dir=tmp_path), extra=variables)
    try:
        await gateway.start()
        before = await _claims(gateway.url, token)
        shown = orjson.loads(await asyncio.to_thread(_first_command, gateway.url, variables))["data"]["claims"]
        assert (shown["totalCount"], len(shown["nodes"])) == (before, 3)
        found = await _post(gateway.url, token, _first_mutation(), today=str(today()))
        assert found["data"]["createClaim"]["errors"] == []
        assert found["data"]["createClaim"]["claim"]["status"] == "SUBMITTED"
        assert (before >= SEEDED, await _claims(gateway.url, token)) == (True, before + 1)
    finally:
        gateway.kill()


def _fewer(command: list[str]) -> list[str]:
    """The command with ten claims to seed, which take a second, and without the six months."""
    small = ["--small"] if "seed-demo" in command else []
    return [str(SEEDED) if word == "200" else word for word in command] + small


def _first_mutation() -> str:
    return next(each for each in operations(page("first-steps")) if each.startswith("mutation"))


def _first_command(url: str, variables: dict[str, str]) -> bytes:
    """What a shell prints for the README's command, with the token that the command inside it prints."""
    (block,) = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    (token,) = re.findall(r"\.venv/bin/billing ([^)]*)", block)
    line = block.replace("http://127.0.0.1:8000", url)
    line = line.replace(f"$(.venv/bin/billing {token})", billing(*token.split(), **variables).stdout.strip())
    return subprocess.run(["bash", "-c", line], capture_output=True, check=True, timeout=30).stdout


async def _claims(url: str, token: str) -> int:
    found = await _post(url, token, "{ claims { totalCount } }")
    count: int = found["data"]["claims"]["totalCount"]
    return count


async def _post(url: str, token: str, query: str, **variables: str) -> Any:
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}) as client:
        return (await client.post("/graphql", json={"query": query, "variables": variables})).json()
