"""The subgraph composes with another one, and two gateways answer queries over both with the caller's token."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.factories import World, new_world
from tests.gateway import Gateway
from tests.npm import install

HOME = Path(__file__).parent
QUERY = """query($ids: [ID!]!, $payer: AnsCode!, $number: ID!) {
  riskyClaims(ids: $ids) { id risk status claimedAmount payer { ansCode name rating } }
  ratedPayer(ansCode: $payer) { id name rating }
  claim(id: $number) { status risk }
}"""


@pytest.fixture(scope="module")
async def gateways(subgraph: Gateway) -> AsyncIterator[dict[str, str]]:
    """The addresses of the gateways over both subgraphs, by their names. One process composes once and runs both."""
    await asyncio.to_thread(install, HOME)
    node = shutil.which("node")
    assert node is not None
    arguments = (f"{subgraph.url}/graphql", subgraph.token("admin"))
    process = await asyncio.create_subprocess_exec(
        *(node, "gateway.mjs", *arguments),
        cwd=HOME,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield await _addresses(process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _addresses(lines: asyncio.StreamReader) -> dict[str, str]:
    """What it prints when both are there; the end of its output without that fails the test."""
    async for line in lines:
        if line.startswith(b"{"):
            found: dict[str, str] = json.loads(line)
            return found
    raise AssertionError("the gateways did not start: their error is above")


@pytest.mark.parametrize("kind", ["apollo", "hive"])
async def test_a_gateway_answers_over_both_subgraphs_in_the_callers_data_scope(
    world: World, gateways: dict[str, str], kind: str
) -> None:
    claim = (await world.create_claim())["claim"]["id"]
    other = await new_world(world.gateway)
    variables = {"ids": [claim], "payer": world.payer, "number": claim}
    rating = int(world.payer) % 7
    payer = (
        await world.call(
            "biller", "query($id: ID!) { node(id: $id) { ... on Payer { name } } }", id=f"pyr_{world.payer}"
        )
    )["node"]
    async with httpx.AsyncClient(timeout=30) as client:

        async def ask(token: str) -> dict[str, Any]:
            headers = {"authorization": f"Bearer {token}"}
            answer = await client.post(gateways[kind], json={"query": QUERY, "variables": variables}, headers=headers)
            found: dict[str, Any] = answer.json()
            return found

        mine, theirs = await ask(world.token("biller")), await ask(other.token("biller"))
    assert mine == {
        "data": {
            "riskyClaims": [
                {
                    "id": claim,
                    "risk": "risk of clm",
                    "status": "DRAFT",
                    "claimedAmount": "100.00",
                    "payer": {"ansCode": world.payer, "name": payer["name"], "rating": rating},
                }
            ],
            "ratedPayer": {"id": f"pyr_{world.payer}", "name": payer["name"], "rating": rating},
            "claim": {"status": "DRAFT", "risk": "risk of clm"},
        }
    }
    assert theirs["data"]["riskyClaims"] == [None]
    assert theirs["data"]["claim"] is None
    assert theirs["data"]["ratedPayer"] == mine["data"]["ratedPayer"]
