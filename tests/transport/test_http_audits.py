"""The audits of npm `graphql-http`, asked of the gateway itself."""

import asyncio
import json
from typing import Any

from tests.gateway import Gateway
from tests.graphql.test_http_conformance import AUDIT_COUNT, AUDITS
from tests.npm import install


async def _results(gateway: Gateway) -> list[dict[str, Any]]:
    """What the audits say of it, asked by an administrator, who may read the schema."""
    await asyncio.to_thread(install, AUDITS)
    command = ("node", "audit.mjs", f"{gateway.url}/graphql", gateway.token("admin"))
    process = await asyncio.create_subprocess_exec(*command, cwd=AUDITS, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    found: list[dict[str, Any]] = json.loads(out)
    return found


async def test_all_graphql_over_http_audits_pass(embedded_gateway: Gateway, short: list[bool], way: str) -> None:
    results = await _results(embedded_gateway)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDIT_COUNT
    # The others are for what is refused before it is an operation, or are no POST of JSON.
    assert (len(short), sum(short)) == ((56, 23) if way == "short" else (0, 0))
