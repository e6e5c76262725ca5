"""What `make run` starts: `billing serve --demo` on an empty folder, and again on the same one."""

from collections.abc import Sequence
from pathlib import Path

import httpx

from app.auth.keys import DevelopmentKeys
from app.runtime.settings import Settings
from tests.commands import billing
from tests.faults.processes import GatewayProcess
from tests.unit.test_settings import PRODUCTION


class DemoProcess(GatewayProcess):
    """A gateway as `make run` starts it."""

    arguments: Sequence[str] = ("serve", "--demo")


async def _claims(directory: Path) -> tuple[int, str]:
    """How many claims a gateway in this folder has, and what it wrote."""
    process = DemoProcess(Settings(var_dir=directory))
    try:
        await process.start()
        token = DevelopmentKeys(directory).sign(audience="billing-gateway", role="reviewer", providers=["*"])
        async with httpx.AsyncClient(base_url=process.url, headers={"authorization": f"Bearer {token}"}) as client:
            answer = await client.post("/graphql", json={"query": "{ claims { totalCount } }"})
        return int(answer.json()["data"]["claims"]["totalCount"]), process.log.read_text()
    finally:
        process.kill()


async def test_an_empty_folder_gets_a_demo_once(tmp_path: Path) -> None:
    count, said = await _claims(tmp_path)
    assert count > 200
    assert "200 demo claims added" in said
    assert said.count("Authorization: Bearer ") == 8
    again, said_again = await _claims(tmp_path)
    assert again == count
    assert "the demo data is there already" in said_again
    assert "terms added" not in said_again


def test_there_is_no_demo_in_production(tmp_path: Path) -> None:
    done = billing("serve", "--demo", **{**PRODUCTION, "BILLING_VAR_DIR": str(tmp_path)})
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "billing: demo data is for development only: leave out --demo",
    )
